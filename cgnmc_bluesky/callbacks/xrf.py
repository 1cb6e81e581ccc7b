"""Mn/Ni of the particles in fluorescence maps, live."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.analysis.xrf.accumulator import METALS, MapAccumulator, MapModel
from cgnmc_bluesky.analysis.xrf.amounts import SpectrumModel
from cgnmc_bluesky.analysis.xrf.findings import UNITS, Wanted
from cgnmc_bluesky.beamline import ConfigurationError, XrfRoles
from cgnmc_bluesky.callbacks.live import LiveAnalysis
from cgnmc_bluesky.callbacks.task import Run, RunAnalysis
from cgnmc_bluesky.results import Sink, Subject
from cgnmc_bluesky.standards import Fluorescence, attenuation_of, fluorescence_of

_NAMED = ("i0", "x_um", "y_um")
_SCATTER_WITHIN_EV = 200.0


class MnNiRatioAnalysis(RunAnalysis):
    """Composition of core and shell of every particle in a fluorescence map."""

    name = "mn_ni_ratio"
    section = "xrf"
    version = "1"
    growth: ClassVar[float] = 1.01

    def __init__(self, run: Run, emit: Sink) -> None:
        super().__init__(run, emit)
        self._waiting: list[Block] = []
        self._accumulator: MapAccumulator | None = None
        self._subject = Subject.of(run.start, self.name, self.version)

    def take(self, block: Block) -> None:
        """Take in rows."""
        if self._accumulator is None:
            self._waiting.append(block)
            if self._incident_is_known():
                self._begin()
        else:
            self._accumulator.add(block)

    def lacks(self) -> list[str]:
        """Data keys of the spectra, where the run holds none of them; none while it holds nothing
        at all.
        """
        missing = self.run.reader.missing()
        spectra = [role for role in self.run.roles if role.startswith("spectra_")]
        if not self.run.reader.data_keys or any(role not in missing for role in spectra):
            return []
        return [missing[role] for role in spectra]

    def estimates(self, *, ended: bool) -> Iterable[tuple[Subject, Estimate]]:
        """What is known now: while the map grows of its first particle, then of each."""
        if self._accumulator is None and self._waiting and (ended or self._incident_is_known()):
            self._begin()
        if self._accumulator is None:
            if ended:
                subject, units = self.nothing()
                yield subject, Estimate(Status.WAITING, "no rows", units)
            return
        for number, estimate in enumerate(self._accumulator.results(ended=ended), start=1):
            yield replace(self._subject, particle=number), estimate

    def nothing(self) -> tuple[Subject, Mapping[str, str]]:
        """What a result is of, and the units of its values, where no estimate can be made."""
        return replace(self._subject, particle=1), UNITS

    def _begin(self) -> None:
        """Read what the configuration names, and take in what has waited for it."""
        section = self._section()
        fluorescence = fluorescence_of(section, self._incident_energy_ev(section))
        missing = self.run.reader.missing()
        absent = [found.key for role, found in self.run.roles.items() if role in missing]
        notes = tuple(f"no {key}" for key in absent if not self._is_beside(key))
        model = map_model(section, fluorescence, self.run.start, notes)
        self._subject = replace(
            self._subject, parameters=fluorescence.parameters, references=fluorescence.references
        )
        self._accumulator = MapAccumulator(model)
        waiting, self._waiting = self._waiting, []
        for block in waiting:
            self._accumulator.add(block)

    def _section(self) -> XrfRoles:
        section = self.run.beamline.xrf
        if section is None:
            raise ConfigurationError("there is no section [xrf]; let cgnmc check draft it")
        return section

    def _is_beside(self, key: str) -> bool:
        """Whether the accumulator itself says that a key is missing."""
        return key in {self.run.roles[role].key for role in _NAMED if role in self.run.roles}

    def _incident_is_known(self) -> bool:
        role = "incident_energy_ev"
        return role not in self.run.roles or self._incident_reading() is not None

    def _incident_reading(self) -> float | None:
        for block in self._waiting:
            values = block.values.get("incident_energy_ev")
            finite = [] if values is None else values[np.isfinite(values)]
            if len(finite):
                return float(finite[0])
        return None

    def _incident_energy_ev(self, section: XrfRoles) -> float | None:
        given = section.incident_energy_ev
        return float(given) if isinstance(given, float | int) else self._incident_reading()


class MnNiRatio(LiveAnalysis):
    """Composition of core and shell of the particles in every fluorescence map, row by row.

    Examples
    --------
    >>> RE.subscribe(MnNiRatio(Beamline.load("beamline.toml")))  # doctest: +SKIP
    """

    kinds = (MnNiRatioAnalysis,)


def map_model(
    section: XrfRoles,
    fluorescence: Fluorescence,
    start: Mapping[str, Any],
    notes: Sequence[str] = (),
) -> MapModel:
    """Put together what is known of a map before its rows come.

    Parameters
    ----------
    section
        The configuration.
    fluorescence
        What its elements emit.
    start
        The run's start document.
    notes
        What is to be said beside.

    Raises
    ------
    ConfigurationError
        If none of the configuration's elements makes up a composition.
    """
    emitters = {emitter.element: emitter for emitter in fluorescence.emitters}
    metals = [metal for metal in METALS if metal in emitters]
    if not metals:
        raise ConfigurationError(
            f"[xrf] elements names none of {', '.join(METALS)}; name what is to be counted"
        )
    ordered = [*metals, *(element for element in emitters if element not in metals)]
    incident_ev = float(fluorescence.parameters["incident_energy_ev"])
    first, last = section.channels() or (0, 0)
    highest_ev = section.channel_ev.offset + section.channel_ev.gain * last
    within = incident_ev < highest_ev - 0.5 * _SCATTER_WITHIN_EV
    return MapModel(
        spectrum=SpectrumModel(
            emitters=tuple(emitters[element] for element in ordered),
            n_metals=len(metals),
            channels=np.arange(first, last),
            gain_ev=section.channel_ev.gain,
            zero_ev=section.channel_ev.offset,
            incident_ev=incident_ev if within else None,
        ),
        keys={role: found.key for role, found in section.roles().items()},
        oversampling=section.oversampling,
        shape=_shape_of(start),
        wanted=Wanted(
            beam_fwhm_um=section.beam_fwhm_um,
            attenuation=attenuation_of(metals, incident_ev, section.absorption),
            correct=section.absorption.correct,
            precision=section.precision,
        ),
        notes=tuple(notes),
    )


def _shape_of(start: Mapping[str, Any]) -> tuple[int, int] | None:
    """Lines and pixels of a map, as a start document says."""
    shape = start.get("shape")
    if not isinstance(shape, Sequence) or len(shape) != 2:
        return None
    lines, pixels = shape
    return (int(lines), int(pixels)) if lines and pixels else None
