"""Edge position and Ni2+ fraction of energy scans, live."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import ClassVar

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.analysis.xanes.edge import EdgeAccumulator
from cgnmc_bluesky.analysis.xanes.fraction import (
    FractionAccumulator,
    fraction_units,
    valence_name,
)
from cgnmc_bluesky.analysis.xanes.joining import NEEDED
from cgnmc_bluesky.analysis.xanes.model import EdgeModel
from cgnmc_bluesky.analysis.xanes.scan import ScanAccumulator
from cgnmc_bluesky.beamline import Edge, edge_of
from cgnmc_bluesky.callbacks.live import LiveAnalysis
from cgnmc_bluesky.callbacks.task import Run, RunAnalysis
from cgnmc_bluesky.results import Sink, Subject
from cgnmc_bluesky.standards import Standards, constants_of, edge_in

_OPTIONAL: Mapping[str, frozenset[str]] = {
    "transmission": frozenset({"i0", "dark_i0", "dark_itrans", "dark_irefer"}),
    "fluorescence": frozenset({"dark_i0", "dark_ifluor"}),
    "tey": frozenset({"dark_i0", "dark_tey"}),
    "pfy": frozenset({"dark_i0", "dark_pfy", "dead_time_factor"}),
}
"""Roles that are named where the configuration has them and the run has not."""


Working = tuple[ScanAccumulator, Subject]
"""What takes the rows of one mode, and what its result is of."""


class ScanAnalysis(RunAnalysis):
    """An analysis of an energy scan, in each mode that the run holds."""

    section = "xanes"
    version = "1"
    accumulator: ClassVar[type[ScanAccumulator]]

    def __init__(self, run: Run, emit: Sink) -> None:
        super().__init__(run, emit)
        self._stated = edge_of(run.start)
        self._edge: Edge | None = None
        self._blocks: list[Block] = []
        self._working: dict[str, Working] = {}
        self._reach_ev = (float("inf"), float("-inf"))

    @abstractmethod
    def named(self, edge: Edge | None) -> tuple[str, Mapping[str, str]]:
        """What the analysis of an edge is called, and its values with their units."""

    def begun(self, model: EdgeModel, mode: str) -> ScanAccumulator:
        """What takes the rows of one mode."""
        keys = {role: found.key for role, found in self.run.roles.items()}
        return self.accumulator(model, keys, mode, constants_of(self.run.beamline, self.section))

    def take(self, block: Block) -> None:
        """Take in rows."""
        self._blocks.append(block)
        for accumulator, _ in self._working.values():
            accumulator.add(block)
        energy_ev = block.values.get("energy_ev")
        if energy_ev is not None and len(energy_ev):
            low, high = self._reach_ev
            self._reach_ev = min(low, float(energy_ev.min())), max(high, float(energy_ev.max()))

    def lacks(self) -> list[str]:
        """Data keys of the roles that the run does not hold; none while it holds nothing at all."""
        if self._modes() or not self.run.reader.data_keys:
            return []
        missing = self.run.reader.missing()
        wanted = {"energy_ev", *(role for sets in NEEDED.values() for one in sets for role in one)}
        keys = {role: found.key for role, found in self.run.roles.items()}
        absent = [keys[role] for role in keys if role in wanted and role in missing]
        return absent or ["an absorption"]

    def estimates(self, *, ended: bool) -> Iterable[tuple[Subject, Estimate]]:
        """What is known now, for each mode."""
        edge = self._told_edge(ended=ended)
        if edge is None or not self._modes():
            if ended:
                yield self._without_edge()
            return
        if edge != self._edge:
            self._edge, self._working = edge, {}
        for mode in self._modes():
            if mode not in self._working:
                self._begin(edge, mode)
        yield from self.said(self._working, ended=ended)

    def said(
        self, working: Mapping[str, Working], *, ended: bool
    ) -> Iterable[tuple[Subject, Estimate]]:
        """What each mode tells."""
        for mode, (accumulator, subject) in working.items():
            if self._applies(accumulator):
                yield subject, self.remarked(accumulator.result(ended=ended), mode)

    def remarked(self, estimate: Estimate, *modes: str) -> Estimate:
        """An estimate that says which optional roles of its modes the run does not hold."""
        absent = dict.fromkeys(part for mode in modes for part in self._absent(mode))
        return replace(estimate, reason="; ".join(filter(None, [estimate.reason, *absent])))

    def nothing(self) -> tuple[Subject, Mapping[str, str]]:
        """What a result is of, and the units of its values, where no estimate can be made."""
        name, units = self.named(self._told_edge(ended=True))
        return self._subject(name, next(iter(self._modes()), None), None), units

    def _applies(self, accumulator: ScanAccumulator) -> bool:
        """Whether there is anything to say of the edge."""
        return bool(accumulator.units)

    def _told_edge(self, *, ended: bool) -> Edge | None:
        return self._stated or edge_in(self.run.beamline, self._reach_ev, ended=ended)

    def _modes(self) -> list[str]:
        missing = self.run.reader.missing()
        there = {role for role in self.run.roles if role not in missing}
        if "energy_ev" not in there:
            return []
        return [mode for mode, sets in NEEDED.items() if any(needed <= there for needed in sets)]

    def _absent(self, mode: str) -> list[str]:
        """Say which optional roles the configuration names and the run does not hold."""
        missing = self.run.reader.missing()
        roles = self.run.roles
        return [f"no {roles[r].key}" for r in roles if r in _OPTIONAL[mode] and r in missing]

    def _begin(self, edge: Edge, mode: str) -> None:
        standards = self.run.library.standards_of(self.run.beamline, edge, mode)
        accumulator = self.begun(standards.model, mode)
        for block in self._blocks:
            accumulator.add(block)
        name, _ = self.named(edge)
        self._working[mode] = accumulator, self._subject(name, mode, standards)

    def _subject(self, name: str, mode: str | None, standards: Standards | None) -> Subject:
        return replace(
            Subject.of(self.run.start, name, self.version),
            mode=mode,
            parameters=standards.parameters if standards else {},
            references=standards.references if standards else (),
        )

    def _without_edge(self) -> tuple[Subject, Estimate]:
        """What is said at the end of a run that shows no edge, or has no rows."""
        subject, units = self.nothing()
        low, high = self._reach_ev
        if not high > low:
            return subject, Estimate(Status.WAITING, "no rows", units)
        why = (
            f'no known edge between {low:.1f} and {high:.1f} eV; name it with edge = "Ni K" in the '
            "run's metadata, or with a [[reference]] or [[foil]]"
        )
        return subject, Estimate(Status.FAILED, why, units)


class EdgePositionAnalysis(ScanAnalysis):
    """Edge position of an energy scan."""

    name = "edge_position"
    accumulator = EdgeAccumulator

    def named(self, edge: Edge | None) -> tuple[str, Mapping[str, str]]:
        """What the analysis of an edge is called, and its values with their units."""
        return self.name, EdgeAccumulator.units


class FractionAnalysis(ScanAnalysis):
    """Fractions of the standards in an energy scan, called by the lowest valence."""

    name = "ni2_fraction"
    accumulator = FractionAccumulator

    def named(self, edge: Edge | None) -> tuple[str, Mapping[str, str]]:
        """What the analysis of an edge is called, and its values with their units."""
        references = self.run.beamline.references_of(edge) if edge else ()
        if edge is None or not references:
            return self.name, {}
        standards = [(reference.name, reference.valence) for reference in references]
        known = [valence for _, valence in standards if valence is not None]
        name = valence_name(str(edge), min(known, default=None))
        return name, fraction_units(str(edge), standards)

    def _applies(self, accumulator: ScanAccumulator) -> bool:
        return len(accumulator.model.standards) > 1


class EdgePosition(LiveAnalysis):
    """Edge position of every energy scan, while it is measured.

    Examples
    --------
    >>> RE.subscribe(EdgePosition(Beamline.load("beamline.toml")))  # doctest: +SKIP
    """

    kinds = (EdgePositionAnalysis,)
