"""Maps of valences in stacks of photoemission images over an edge, live."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from typing import Any, ClassVar

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.imaging.stack import MODE, StackAccumulator, stack_units
from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.analysis.xanes.fraction import valence_name
from cgnmc_bluesky.beamline import ConfigurationError, XpeemRoles, edge_of
from cgnmc_bluesky.callbacks.live import LiveAnalysis
from cgnmc_bluesky.callbacks.task import Run, RunAnalysis
from cgnmc_bluesky.results import Sink, Subject
from cgnmc_bluesky.standards import Standards, edge_in
from cgnmc_bluesky.standards.images import stack_model

_MODE = "xpeem"
_USUAL_VALENCE = 2.0
_FEWEST_STANDARDS = 2
_NEEDED = ("image", "energy_ev")


class XpeemAnalysis(RunAnalysis):
    """Fractions of the standards in every pixel of a stack, called by the lowest valence."""

    name = "ni2_fraction"
    section = "xpeem"
    version = "1"
    growth: ClassVar[float] = 1.0
    shows_late: ClassVar[bool] = True

    def __init__(self, run: Run, emit: Sink) -> None:
        super().__init__(run, emit)
        self._edge = edge_of(run.start)
        self._accumulator: StackAccumulator | None = None
        self._standards: Standards | None = None
        self._reach_ev = (float("inf"), float("-inf"))

    def take(self, block: Block) -> None:
        """Take in rows; which edge they are of is known before the first image, or never."""
        energy_ev = block.values.get("energy_ev")
        if energy_ev is not None:
            low, high = self._reach_ev
            known = [energy for energy in energy_ev.ravel().tolist() if energy > 0]
            self._reach_ev = min(low, *known, low), max(high, *known, high)
        if self._standards is None:
            self._begin()
        if self._accumulator is not None:
            with _threads().limit(limits=1, user_api="blas"):
                self._accumulator.add(block)

    def lacks(self) -> list[str]:
        """Data keys of images and energy, where the run does not hold them; none while it holds
        nothing at all.
        """
        missing = self.run.reader.missing() if self.run.reader.data_keys else {}
        return [missing[role] for role in _NEEDED if role in missing]

    def estimates(self, *, ended: bool) -> Iterable[tuple[Subject, Estimate]]:
        """What is known now."""
        if self._standards is None:
            if ended:
                yield self._without_edge()
            return
        if self._accumulator is None:
            yield self._subject(), self._too_few(self._standards)
            return
        # how a BLAS cuts a product among threads shows in the last bit
        with _threads().limit(limits=1, user_api="blas"):
            told = self._accumulator.result(ended=ended)
        missing = self.run.reader.missing()
        absent = f"no {missing['i0']}" if "i0" in missing else ""
        reason = "; ".join(part for part in (told.reason, absent) if part)
        yield self._subject(), replace(told, reason=reason)

    def nothing(self) -> tuple[Subject, Mapping[str, str]]:
        """What a result is of, and the units of its values, where no estimate can be made."""
        return self._subject(), self._units()

    def _begin(self) -> None:
        edge = self._edge or edge_in(self.run.beamline, self._reach_ev, ended=False)
        section = self.run.beamline.xpeem
        if section is None:
            raise ConfigurationError("there is no section [xpeem]; let cgnmc check draft it")
        if edge is None:
            return
        self._edge = edge
        self._standards = self.run.library.standards_of(self.run.beamline, edge, MODE)
        if len(self._standards.model.standards) >= _FEWEST_STANDARDS:
            self._accumulator = StackAccumulator(stack_model(section, self._standards.model))

    def _too_few(self, standards: Standards) -> Estimate:
        """What is said where there are not enough standards to combine."""
        model = standards.model
        names = ", ".join(standard.name for standard in model.standards) or "none"
        why = (
            f"fractions need two [[reference]] of {model.edge} or more, there is {names}; add "
            f'[[reference]] with edge = "{model.edge}" and mode = "{MODE}" to beamline.toml'
        )
        return Estimate(Status.FAILED, why, self._units())

    def _known(self) -> list[tuple[str, float | None]]:
        """Name and valence of each standard."""
        references = self.run.beamline.references_of(self._edge) if self._edge else ()
        return [(reference.name, reference.valence) for reference in references]

    def _units(self) -> Mapping[str, str]:
        if self._standards is not None and self._standards.model.standards:
            known = [(of.name, of.valence) for of in self._standards.model.standards]
            return stack_units(str(self._edge), known)
        if self._edge is None:
            return {}
        units = stack_units(str(self._edge), self._known() or [("", _USUAL_VALENCE)])
        units.pop("fraction_", None)
        return units

    def _subject(self) -> Subject:
        named = self.name
        if self._edge is not None:
            valences = [valence for _, valence in self._known() if valence is not None]
            named = valence_name(str(self._edge), min(valences, default=_USUAL_VALENCE))
        standards, section = self._standards, self.run.beamline.xpeem
        return replace(
            Subject.of(self.run.start, named, self.version),
            mode=_MODE,
            parameters={**standards.parameters, **_settings(section)} if standards else {},
            references=standards.references if standards else (),
        )

    def _without_edge(self) -> tuple[Subject, Estimate]:
        """What is said at the end of a run that shows no edge, or has no rows."""
        subject, units = self.nothing()
        low, high = self._reach_ev
        if not high >= low:
            return subject, Estimate(Status.WAITING, "no images", units)
        why = (
            f"no known edge between {low:.1f} and {high:.1f} eV; name it with edge = "
            '"Ni L3" in the run\'s metadata, or with [[reference]]'
        )
        return subject, Estimate(Status.FAILED, why, units)


def _settings(section: XpeemRoles | None) -> dict[str, Any]:
    if section is None:
        return {}
    settings = section.model_dump(mode="json", include={"pixel_um", "binning"})
    return {**settings, "registration": f"scikit-image {version('scikit-image')}"}


@cache
def _threads() -> Any:
    """What says how many threads a BLAS may use; looked up once, which takes a moment."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


class XpeemFraction(LiveAnalysis):
    """Valence fractions in every pixel of a stack of images over an edge, and of its field.

    Examples
    --------
    >>> RE.subscribe(XpeemFraction(Beamline.load("beamline.toml")))  # doctest: +SKIP
    """

    kinds = (XpeemAnalysis,)
