"""Onset of a release of gas and phases of the sample in heating ramps, live."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from functools import cache
from typing import Any, ClassVar, Protocol

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.heating import lattice, phases, release
from cgnmc_bluesky.analysis.heating.model import HeatingModel
from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.beamline import ConfigurationError, HeatingRoles
from cgnmc_bluesky.callbacks.live import LiveAnalysis
from cgnmc_bluesky.callbacks.task import Run, RunAnalysis
from cgnmc_bluesky.results import Sink, Subject


class Accumulator(Protocol):
    """What takes rows of a ramp and says what they tell."""

    def add(self, block: Block) -> None:
        """Take in rows of any stream."""

    def estimate(self, *, ended: bool) -> Estimate:
        """Say what the rows so far tell."""


class HeatingAnalysis(RunAnalysis):
    """An analysis of a heating ramp."""

    section = "heating"
    version = "1"
    growth: ClassVar[float] = 1.0
    shows_late: ClassVar[bool] = True
    units: ClassVar[Mapping[str, str]]
    needs: ClassVar[str]
    """What it needs beside the temperature, where the configuration does not name it."""
    optional: ClassVar[tuple[str, ...]] = ()
    """Roles that it can do without."""

    def __init__(self, run: Run, emit: Sink) -> None:
        super().__init__(run, emit)
        self.model = _model(self._configured())
        self.working = self.begun({role: found.key for role, found in run.roles.items()})
        self._any_rows = False

    @abstractmethod
    def begun(self, keys: Mapping[str, str]) -> Accumulator:
        """What takes the rows."""

    @abstractmethod
    def wanted(self) -> list[str]:
        """Roles of which one must be there, beside the temperature."""

    @abstractmethod
    def is_due(self) -> bool:
        """Whether there is anything new to say while the run goes on."""

    def take(self, block: Block) -> None:
        """Take in rows."""
        self._any_rows = True
        self.working.add(block)

    def lacks(self) -> list[str]:
        """What the run does not hold, of the temperature and of what is looked at; nothing while
        it holds nothing at all.
        """
        reader, roles = self.run.reader, self.run.roles
        if not reader.data_keys:
            return []
        missing = reader.missing()
        wanted = self.wanted()
        absent = [missing["temperature_c"]] if "temperature_c" in missing else []
        if all(role in missing or role not in roles for role in wanted):
            absent += [missing[role] for role in wanted if role in missing] or [self.needs]
        return absent

    def estimates(self, *, ended: bool) -> Iterable[tuple[Subject, Estimate]]:
        """What is known now."""
        if not ended and not (self._any_rows and self.is_due()):
            return
        subject, units = self.nothing()
        if not self._any_rows:
            yield subject, Estimate(Status.WAITING, "no rows", units)
            return
        # how a BLAS cuts a product among threads shows in the last bit
        with _threads().limit(limits=1, user_api="blas"):
            told = self.working.estimate(ended=ended)
        reasons = [told.reason, *self._absent()]
        yield subject, replace(told, reason="; ".join(part for part in reasons if part))

    def nothing(self) -> tuple[Subject, Mapping[str, str]]:
        """What a result is of, and the units of its values, where no estimate can be made."""
        subject = Subject.of(self.run.start, self.name, self.version)
        return replace(subject, parameters=asdict(self.model)), self.units

    def _absent(self) -> list[str]:
        """Say what the configuration names for this analysis and the run does not hold."""
        missing, own = self.run.reader.missing(), {*self.wanted(), *self.optional}
        roles = self.run.roles.items()
        return [f"no {found.key}" for role, found in roles if role in missing and role in own]

    def _configured(self) -> HeatingRoles:
        section = self.run.beamline.heating
        if section is None:
            raise ConfigurationError("there is no section [heating]; let cgnmc check draft it")
        return section


class O2OnsetAnalysis(HeatingAnalysis):
    """Temperatures at which a gas comes out of the sample."""

    name = "o2_onset"
    needs = "an ion current"
    units = release.UNITS
    working: release.ReleaseAccumulator

    def __init__(self, run: Run, emit: Sink) -> None:
        super().__init__(run, emit)
        self._said_bins = -1

    def begun(self, keys: Mapping[str, str]) -> release.ReleaseAccumulator:
        """What takes the rows."""
        return release.ReleaseAccumulator(self.model, keys)

    def wanted(self) -> list[str]:
        """Ion currents; any will do, since a run that lacks the one in question is to say so."""
        return [role for role in self.run.roles if role.startswith("ion_")]

    def estimates(self, *, ended: bool) -> Iterable[tuple[Subject, Estimate]]:
        """What is known now, in the units that the signals were recorded in."""
        for subject, told in super().estimates(ended=ended):
            yield subject, self._in_units_of(told)

    def _in_units_of(self, told: Estimate) -> Estimate:
        recorded = self.run.reader.units
        gas = recorded.get(f"ion_{self.model.mass}", "A")
        curve_units = {
            name: recorded.get(name, gas) if unit == "A" else unit
            for name, unit in told.curve_units.items()
        }
        slope = {"max_slope": f"{gas}/degC"}
        return replace(told, units={**told.units, **slope}, curve_units=curve_units)

    def is_due(self) -> bool:
        """Whether another bin is full."""
        n_bins = self.working.n_bins()
        due, self._said_bins = n_bins != self._said_bins, n_bins
        return due


class PhasesAnalysis(HeatingAnalysis):
    """Cells and shares of the phases in the patterns."""

    name = "phases"
    needs = "a pattern"
    optional = ("two_theta_deg", "exposure_s")
    units = lattice.UNITS
    working: phases.PhasesAccumulator

    def __init__(self, run: Run, emit: Sink) -> None:
        super().__init__(run, emit)
        self._is_new = False

    def begun(self, keys: Mapping[str, str]) -> phases.PhasesAccumulator:
        """What takes the rows."""
        return phases.PhasesAccumulator(self.model, keys)

    def wanted(self) -> list[str]:
        """The patterns."""
        return ["pattern"]

    def take(self, block: Block) -> None:
        """Take in rows."""
        super().take(block)
        self._is_new = self._is_new or "pattern" in block.values

    def is_due(self) -> bool:
        """Whether another pattern is there."""
        due, self._is_new = self._is_new, False
        return due


class O2Onset(LiveAnalysis):
    """Onset of the release of oxygen in every heating ramp, reading by reading, and the phases in
    its patterns.

    Examples
    --------
    >>> RE.subscribe(O2Onset(Beamline.load("beamline.toml")))  # doctest: +SKIP
    """

    kinds = (O2OnsetAnalysis, PhasesAnalysis)


@cache
def _threads() -> Any:
    """What says how many threads a BLAS may use; looked up once, which takes a moment."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _model(section: HeatingRoles) -> HeatingModel:
    exposure_s = section.exposure_s
    return HeatingModel(
        clock=section.clock,
        delay_s=section.transport_delay_s,
        exposure_s=None if isinstance(exposure_s, str) else exposure_s,
        wavelength_a=section.wavelength_a,
        mass=section.onset_mass,
        false_alarm_rate=section.false_alarm_rate,
    )
