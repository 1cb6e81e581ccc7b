"""Fractions in soft X-ray yields, surface against bulk, and beam damage, live."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import ClassVar

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.soft.contrast import BULK, SURFACE, ContrastAccumulator
from cgnmc_bluesky.analysis.soft.damage import DamageAccumulator
from cgnmc_bluesky.analysis.soft.fraction import YieldAccumulator, yield_units
from cgnmc_bluesky.analysis.xanes.alignment import Matcher
from cgnmc_bluesky.analysis.xanes.fraction import valence_name
from cgnmc_bluesky.analysis.xanes.model import EdgeModel
from cgnmc_bluesky.analysis.xanes.scan import ScanAccumulator
from cgnmc_bluesky.beamline import Edge, SoftXanesRoles
from cgnmc_bluesky.callbacks.live import LiveAnalysis
from cgnmc_bluesky.callbacks.task import Run
from cgnmc_bluesky.callbacks.xanes import ScanAnalysis, Working
from cgnmc_bluesky.results import Sink, Subject

_FEWEST_STANDARDS = 2
_USUAL_VALENCE = 2.0
_BELOW_EV, _ABOVE_EV = 60.0, 40.0


class YieldAnalysis(ScanAnalysis):
    """An analysis of a soft X-ray scan, in each yield that the run holds."""

    section = "soft_xanes"
    growth: ClassVar[float] = 1.06
    accumulator: ClassVar[type[ScanAccumulator]] = YieldAccumulator

    def __init__(self, run: Run, emit: Sink) -> None:
        super().__init__(run, emit)
        self._matchers: dict[str, list[Matcher]] = {}

    def begun(self, model: EdgeModel, mode: str) -> ScanAccumulator:
        """What takes the rows of one yield."""
        accumulator = super().begun(model, mode)
        roles = self.run.beamline.soft_xanes
        if roles is None or not isinstance(accumulator, YieldAccumulator):
            return accumulator
        accumulator.matchers = self._matchers.setdefault(model.edge, [])
        accumulator.strength = _strength(roles)
        accumulator.emission_window = _window(roles, model.energy_ev)
        return accumulator

    def too_few(self, accumulator: ScanAccumulator, mode: str) -> Estimate | None:
        """What is said where there are not enough standards to combine."""
        model = accumulator.model
        if len(model.standards) >= _FEWEST_STANDARDS:
            return None
        names = ", ".join(standard.name for standard in model.standards) or "none"
        why = (
            f"fractions need two [[reference]] of {model.edge} or more, there is {names}; add "
            f'[[reference]] with edge = "{model.edge}" and mode = "{mode}" to beamline.toml'
        )
        _, units = self.named(self._told_edge(ended=True))
        return Estimate(Status.FAILED, why, units)

    def standards_at(self, edge: Edge) -> list[tuple[str, float | None]]:
        """Name and valence of each standard; where there are none, what is looked for."""
        references = self.run.beamline.references_of(edge)
        named = [(reference.name, reference.valence) for reference in references]
        return named or [("", _USUAL_VALENCE)]


class YieldFractionAnalysis(YieldAnalysis):
    """Fractions of the standards in each yield, called by the lowest valence."""

    name = "ni2_fraction"

    def named(self, edge: Edge | None) -> tuple[str, Mapping[str, str]]:
        """What the analysis of an edge is called, and its values with their units."""
        if edge is None:
            return self.name, {}
        standards = self.standards_at(edge)
        known = [valence for _, valence in standards if valence is not None]
        units = yield_units(str(edge), standards, next(iter(self._modes()), None))
        units.pop("fraction_", None)
        return valence_name(str(edge), min(known, default=_USUAL_VALENCE)), units

    def said(
        self, working: Mapping[str, Working], *, ended: bool
    ) -> Iterable[tuple[Subject, Estimate]]:
        """What each yield tells."""
        for mode, (accumulator, subject) in working.items():
            estimate = self.too_few(accumulator, mode) or accumulator.result(ended=ended)
            yield subject, self.remarked(estimate, mode)


class SurfaceBulkAnalysis(YieldAnalysis):
    """Fractions at the surface less those in the bulk."""

    name = "surface_bulk"
    growth: ClassVar[float] = 1.12

    def named(self, edge: Edge | None) -> tuple[str, Mapping[str, str]]:
        """What the analysis of an edge is called, and its values with their units."""
        valences = {valence for _, valence in self.standards_at(edge) if valence} if edge else ()
        names = [valence_name(str(edge), valence) for valence in sorted(valences)]
        return self.name, {f"{name}_difference": "" for name in [*names, "mean_valence"]}

    def lacks(self) -> list[str]:
        """Data keys of the roles that the run does not hold: both yields are needed."""
        missing = self.run.reader.missing()
        if not self.run.reader.data_keys:
            return []
        wanted = ("energy_ev", "i0", SURFACE, BULK)
        return [missing.get(r, r) for r in wanted if r in missing or r not in self.run.roles]

    def said(
        self, working: Mapping[str, Working], *, ended: bool
    ) -> Iterable[tuple[Subject, Estimate]]:
        """What the two yields tell together."""
        if SURFACE not in working or BULK not in working:
            return
        (surface, subject), (bulk, _) = working[SURFACE], working[BULK]
        assert isinstance(surface, YieldAccumulator)
        assert isinstance(bulk, YieldAccumulator)
        estimate = self.too_few(surface, SURFACE)
        if estimate is None:
            estimate = ContrastAccumulator(surface, bulk).result(ended=ended)
        yield replace(subject, mode=None), self.remarked(estimate, SURFACE, BULK)


class BeamDamageAnalysis(YieldAnalysis):
    """Drift of a fraction with dose, in runs that repeat their scan."""

    name = "beam_damage"
    accumulator = DamageAccumulator

    def named(self, edge: Edge | None) -> tuple[str, Mapping[str, str]]:
        """What the analysis of an edge is called, and its values with their units."""
        return self.name, {}

    def said(
        self, working: Mapping[str, Working], *, ended: bool
    ) -> Iterable[tuple[Subject, Estimate]]:
        """What each yield tells; nothing while there is one sweep."""
        for mode, (accumulator, subject) in working.items():
            assert isinstance(accumulator, DamageAccumulator)
            if len(accumulator.model.standards) < _FEWEST_STANDARDS:
                continue
            estimate = accumulator.result(ended=ended)
            if accumulator.repeats:
                yield subject, self._in_units_of(self.remarked(estimate, mode))

    def _in_units_of(self, told: Estimate) -> Estimate:
        """Give the dose the unit that the mesh was recorded in, times a second."""
        mesh = self.run.reader.units.get("i0")
        if not mesh:
            return told
        dose = f"{mesh} s"
        units = {**told.units, "dose": dose, "drift_per_dose": f"1/({dose})"}
        return replace(told, units=units, curve_units={**told.curve_units, "dose": dose})


def _strength(roles: SoftXanesRoles) -> float | None:
    """Edge step over all else that absorbs; `None` where it is to be fitted."""
    if isinstance(roles.over_absorption, float):
        return roles.over_absorption
    return None if roles.over_absorption == "fit" else 0.0


def _window(roles: SoftXanesRoles, edge_ev: float) -> slice | None:
    """Channels of the element's emission; `None` where the detector counts it itself."""
    if roles.channel_ev is None:
        return None
    low, high = roles.emission_window_ev or (edge_ev - _BELOW_EV, edge_ev + _ABOVE_EV)
    first, last = (
        round((energy_ev - roles.channel_ev.offset) / roles.channel_ev.gain)
        for energy_ev in (low, high)
    )
    return slice(max(first, 0), max(last, 0) + 1)


class SurfaceBulk(LiveAnalysis):
    """What differs between surface and bulk, and what drifts from sweep to sweep, in every soft
    X-ray scan, while it is measured.

    Examples
    --------
    >>> RE.subscribe(SurfaceBulk(Beamline.load("beamline.toml")))  # doctest: +SKIP
    """

    kinds = (SurfaceBulkAnalysis, BeamDamageAnalysis)
