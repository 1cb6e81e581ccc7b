"""Mn/Ni of the particles in fluorescence maps, live."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.analysis.xrf.accumulator import MapAccumulator
from cgnmc_bluesky.analysis.xrf.findings import UNITS
from cgnmc_bluesky.beamline import ConfigurationError, XrfRoles
from cgnmc_bluesky.callbacks.live import LiveAnalysis
from cgnmc_bluesky.callbacks.task import Run, RunAnalysis
from cgnmc_bluesky.results import Sink, Subject
from cgnmc_bluesky.standards import fluorescence_of
from cgnmc_bluesky.standards.maps import map_model

_NAMED = ("i0", "x_um", "y_um")


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
