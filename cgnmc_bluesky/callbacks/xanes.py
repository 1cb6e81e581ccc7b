"""Edge position and Ni2+ fraction of energy scans, live."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.analysis.xanes.edge import EdgeAccumulator
from cgnmc_bluesky.analysis.xanes.fraction import FractionAccumulator
from cgnmc_bluesky.analysis.xanes.scan import NEEDED, ScanAccumulator
from cgnmc_bluesky.beamline import Edge, edge_of
from cgnmc_bluesky.callbacks.live import LiveAnalysis
from cgnmc_bluesky.callbacks.pipeline import Run, RunAnalysis
from cgnmc_bluesky.results import Sink, Subject, sample_of
from cgnmc_bluesky.standards import Standards, constants_of, edge_in


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
        self._working: dict[str, tuple[ScanAccumulator, Subject]] = {}
        self._reach_ev = (float("inf"), float("-inf"))

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
        """Data keys of the roles that the run does not hold."""
        if self._modes():
            return []
        missing = self.run.reader.missing()
        wanted = {"energy_ev", *(role for sets in NEEDED.values() for one in sets for role in one)}
        keys = {role: found.key for role, found in self.run.roles.items()}
        return [keys[role] for role in keys if role in wanted and role in missing] or [
            "an absorption"
        ]

    def estimates(self, *, ended: bool) -> Iterable[tuple[Subject, Estimate]]:
        """What is known now, for each mode."""
        edge = self._stated or edge_in(self.run.beamline, self._reach_ev, ended=ended)
        if edge is None:
            if ended:
                yield self.subject(), self._unknown_edge()
            return
        if edge != self._edge:
            self._edge, self._working = edge, {}
        for mode in self._modes():
            if mode not in self._working:
                self._begin(edge, mode)
            accumulator, subject = self._working[mode]
            if self._applies(accumulator):
                yield subject, accumulator.result(ended=ended)

    def subject(self) -> Subject:
        """What a result is of where not even an estimate can be made."""
        return self._subject(self.name, next(iter(self._modes()), None), None)

    def _applies(self, accumulator: ScanAccumulator) -> bool:
        """Whether there is anything to say of the edge."""
        return bool(accumulator.units)

    def _called(self, accumulator: ScanAccumulator) -> str:
        """What the analysis is called for that edge."""
        return self.name

    def _modes(self) -> list[str]:
        missing = self.run.reader.missing()
        there = {role for role in self.run.roles if role not in missing}
        if "energy_ev" not in there:
            return []
        return [mode for mode, sets in NEEDED.items() if any(needed <= there for needed in sets)]

    def _begin(self, edge: Edge, mode: str) -> None:
        standards = self.run.library.standards_of(self.run.beamline, edge, mode)
        keys = {role: found.key for role, found in self.run.roles.items()}
        constants = constants_of(self.run.beamline)
        accumulator = self.accumulator(standards.model, keys, mode, constants)
        for block in self._blocks:
            accumulator.add(block)
        self._working[mode] = accumulator, self._subject(self._called(accumulator), mode, standards)

    def _subject(self, name: str, mode: str | None, standards: Standards | None) -> Subject:
        start = self.run.start
        return Subject(
            run_uid=start.get("uid", ""),
            scan_id=start.get("scan_id"),
            plan_name=start.get("plan_name"),
            sample=sample_of(start),
            analysis=name,
            version=self.version,
            mode=mode,
            parameters=self._parameters(standards),
            references=standards.references if standards else (),
        )

    def _parameters(self, standards: Standards | None) -> Mapping[str, Any]:
        return standards.parameters if standards else {}

    def _unknown_edge(self) -> Estimate:
        low, high = self._reach_ev
        return Estimate(
            Status.FAILED if high > low else Status.WAITING,
            f'no known edge between {low:.1f} and {high:.1f} eV; name it with edge = "Ni K" in the '
            "run's metadata, or with a [[reference]] or [[foil]]"
            if high > low
            else "no points",
            EdgeAccumulator.units if self.accumulator is EdgeAccumulator else {},
        )


class EdgePositionAnalysis(ScanAnalysis):
    """Edge position of an energy scan."""

    name = "edge_position"
    accumulator = EdgeAccumulator


class FractionAnalysis(ScanAnalysis):
    """Fractions of the standards in an energy scan, called by the lowest valence:
    `ni2_fraction`.
    """

    name = "ni2_fraction"
    accumulator = FractionAccumulator

    def _applies(self, accumulator: ScanAccumulator) -> bool:
        return len(accumulator.model.standards) > 1

    def _called(self, accumulator: ScanAccumulator) -> str:
        element = accumulator.model.edge.split()[0].lower()
        valences = [of.valence for of in accumulator.model.standards if of.valence is not None]
        return f"{element}{min(valences):g}_fraction" if valences else f"{element}_fraction"


class EdgePosition(LiveAnalysis):
    """Edge position of every energy scan, while it is measured.

    Examples
    --------
    >>> RE.subscribe(EdgePosition(Beamline.load("beamline.toml")))  # doctest: +SKIP
    """

    kinds = (EdgePositionAnalysis,)


class Ni2Fraction(LiveAnalysis):
    """Fractions of Ni2+ and Ni3+ (of whatever the references hold) of every energy scan, while it
    is measured.

    Examples
    --------
    >>> RE.subscribe(Ni2Fraction(Beamline.load("beamline.toml")))  # doctest: +SKIP
    """

    kinds = (FractionAnalysis,)
