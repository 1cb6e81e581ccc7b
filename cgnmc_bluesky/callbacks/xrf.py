"""Mn/Ni of the particles in fluorescence maps, and sensitivities from maps of standards, live."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.analysis.xrf.accumulator import METALS, MapAccumulator
from cgnmc_bluesky.analysis.xrf.calibration import Unusable
from cgnmc_bluesky.analysis.xrf.findings import UNITS
from cgnmc_bluesky.analysis.xrf.sensitivity import NoFactor
from cgnmc_bluesky.beamline import ConfigurationError, XrfRoles
from cgnmc_bluesky.callbacks.live import LiveAnalysis
from cgnmc_bluesky.callbacks.task import Run, RunAnalysis
from cgnmc_bluesky.results import Sink, Subject
from cgnmc_bluesky.standards import fluorescence_of
from cgnmc_bluesky.standards.calibration import standard_factors
from cgnmc_bluesky.standards.maps import map_model

_NAMED = ("i0", "x_um", "y_um")


class MapAnalysis(RunAnalysis):
    """An analysis of a fluorescence map."""

    section = "xrf"
    version = "1"
    growth: ClassVar[float] = 1.01
    shows_late: ClassVar[bool] = True

    def __init__(self, run: Run, emit: Sink) -> None:
        super().__init__(run, emit)
        self._waiting: list[Block] = []
        self._accumulator: MapAccumulator | None = None
        self._subject = Subject.of(run.start, self.name, self.version)

    @abstractmethod
    def said(
        self, accumulator: MapAccumulator, subject: Subject, *, ended: bool
    ) -> Iterable[tuple[Subject, Estimate]]:
        """What the rows so far say."""

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
        """What is known now."""
        if self._accumulator is None and self._waiting and (ended or self._incident_is_known()):
            self._begin()
        if self._accumulator is not None:
            absent = self._absent()
            for subject, estimate in self.said(self._accumulator, self._subject, ended=ended):
                reason = "; ".join(part for part in (estimate.reason, *absent) if part)
                yield subject, replace(estimate, reason=reason)
        elif ended:
            subject, units = self.nothing()
            yield subject, Estimate(Status.WAITING, "no rows", units)

    def _begin(self) -> None:
        """Read what the configuration names, and take in what has waited for it."""
        section = self.configured()
        fluorescence = fluorescence_of(section, self._incident_energy_ev(section))
        model = map_model(section, fluorescence, self.run.start)
        names = {"channel_ev", "oversampling", "beam_fwhm_um", "precision", "absorption"}
        settings = section.model_dump(mode="json", include=names)
        self._subject = replace(
            self._subject,
            parameters={**fluorescence.parameters, **settings},
            references=fluorescence.references,
        )
        self._accumulator = MapAccumulator(model)
        waiting, self._waiting = self._waiting, []
        for block in waiting:
            self._accumulator.add(block)

    def configured(self) -> XrfRoles:
        """The section that holds for the run.

        Raises
        ------
        ConfigurationError
            If there is none.
        """
        section = self.run.beamline.xrf
        if section is None:
            raise ConfigurationError("there is no section [xrf]; let cgnmc check draft it")
        return section

    def _absent(self) -> list[str]:
        """Say what the configuration names and the run does not hold, beside what the accumulator
        itself finds missing.
        """
        missing = self.run.reader.missing()
        return [
            f"no {found.key}"
            for role, found in self.run.roles.items()
            if role in missing and role not in _NAMED
        ]

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
        if not isinstance(given, str):
            return given
        reading = self._incident_reading()
        if reading is None and section.sensitivity is None:
            raise ConfigurationError(
                f"[xrf] incident_energy_ev: the run holds no reading of '{given}'; name the key of "
                "the beam's energy, or give the energy itself"
            )
        return reading


class MnNiRatioAnalysis(MapAnalysis):
    """Composition of core and shell of every particle in a fluorescence map."""

    name = "mn_ni_ratio"

    def said(
        self, accumulator: MapAccumulator, subject: Subject, *, ended: bool
    ) -> Iterable[tuple[Subject, Estimate]]:
        """While the map grows what is known of its first particle, then of each."""
        for number, estimate in enumerate(accumulator.results(ended=ended), start=1):
            yield replace(subject, particle=number), estimate

    def nothing(self) -> tuple[Subject, Mapping[str, str]]:
        """What a result is of, and the units of its values, where no estimate can be made."""
        return replace(self._subject, particle=1), UNITS


class SensitivityAnalysis(MapAnalysis):
    """Counts that an atom gives, of a map whose run says what its standard is composed of."""

    name = "sensitivity"

    def take(self, block: Block) -> None:
        """Take in rows, where there is something to compare them with."""
        if self._is_of_standard():
            super().take(block)

    def lacks(self) -> list[str]:
        """What the run does not hold: spectra, or a composition."""
        return super().lacks() or ([] if self._is_of_standard() else ["composition"])

    def estimates(self, *, ended: bool) -> Iterable[tuple[Subject, Estimate]]:
        """The factors, once all rows are there."""
        return super().estimates(ended=ended) if ended and self._is_of_standard() else ()

    def said(
        self, accumulator: MapAccumulator, subject: Subject, *, ended: bool
    ) -> Iterable[tuple[Subject, Estimate]]:
        """The factors with their sigmas."""
        names = {element: f"factor_{element.lower()}" for element in accumulator.model.metals}
        units = dict.fromkeys(names.values(), "")
        try:
            found = standard_factors(accumulator, self.run.start)
        except (NoFactor, Unusable) as fault:
            yield subject, Estimate(Status.FAILED, str(fault), units)
            return
        yield (
            subject,
            Estimate(
                Status.FINAL,
                f"relative to {found.relative_to}",
                units,
                {names[element]: factor for element, factor in found.values.items()},
                {names[element]: sigma for element, sigma in found.sigmas.items()},
            ),
        )

    def configured(self) -> XrfRoles:
        """The section that holds for the run; what is to be measured is not taken from it."""
        return super().configured().model_copy(update={"sensitivity": None})

    def nothing(self) -> tuple[Subject, Mapping[str, str]]:
        """What a result is of, and the units of its values, where no estimate can be made."""
        metals = [metal for metal in METALS if metal in self.configured().elements]
        return self._subject, {f"factor_{metal.lower()}": "" for metal in metals}

    def _is_of_standard(self) -> bool:
        return isinstance(self.run.start.get("composition"), Mapping)


class MnNiRatio(LiveAnalysis):
    """Composition of core and shell of the particles in every fluorescence map, row by row; of a
    standard, how many counts an atom gives.

    Examples
    --------
    >>> RE.subscribe(MnNiRatio(Beamline.load("beamline.toml")))  # doctest: +SKIP
    """

    kinds = (MnNiRatioAnalysis, SensitivityAnalysis)
