"""Capacity and dQ/dV of galvanostatic cycling, live, and the cell's state of charge in scans."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime

import numpy as np

from cgnmc_bluesky.analysis.cycling.accumulator import (
    CURRENTS,
    CyclingAccumulator,
    CyclingModel,
    units_of,
)
from cgnmc_bluesky.analysis.cycling.cell import OutsideRecord, State, whole_hours
from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.beamline import CellSection
from cgnmc_bluesky.callbacks.live import LiveAnalysis
from cgnmc_bluesky.callbacks.task import Run, RunAnalysis
from cgnmc_bluesky.results import Sink, Subject
from cgnmc_bluesky.standards import Cell, cell_of, zone_shift_s

_CHARGES = (*CURRENTS, "capacity_mah", "capacity_ah", "capacity_mah_per_g", "x_li")
"""Roles of which one must be there, beside the voltage."""

_STATE_UNITS = {
    "voltage_v": "V",
    "current_a": "A",
    "capacity_mah": "mAh",
    "capacity_mah_per_g": "mAh/g",
    "x_li": "",
    "cycle": "",
    "clock_offset_s": "s",
}

_POSSIBLE_X = (-0.05, 1.15)
"""Lithium in a formula unit, with what masses are off by; beyond, something is wrong."""


class CyclingAnalysis(RunAnalysis):
    """Capacity, its retention and the peak of dQ/dV of a cell."""

    name = "cycling"
    section = "cycling"
    version = "1"
    growth = 1.1
    shows_late = True

    def __init__(self, run: Run, emit: Sink) -> None:
        super().__init__(run, emit)
        self.model = _model(run)
        keys = {role: found.key for role, found in run.roles.items()}
        self.working = CyclingAccumulator(self.model, keys)

    def take(self, block: Block) -> None:
        """Take in rows."""
        self.working.add(block)

    def lacks(self) -> list[str]:
        """Data keys of what the run does not hold; nothing while it holds nothing at all."""
        reader, roles = self.run.reader, self.run.roles
        if not reader.data_keys:
            return []
        missing = reader.missing()
        absent = [missing["voltage_v"]] if "voltage_v" in missing else []
        if all(role in missing or role not in roles for role in _CHARGES):
            named = [missing[role] for role in _CHARGES if role in missing]
            absent += named or ["a current or a capacity"]
        return absent

    def estimates(self, *, ended: bool) -> Iterable[tuple[Subject, Estimate]]:
        """What is known now."""
        subject, _ = self.nothing()
        told = self.working.estimate(ended=ended)
        yield subject, replace(told, reason="; ".join(filter(None, (told.reason, *self._header()))))

    def nothing(self) -> tuple[Subject, Mapping[str, str]]:
        """What a result is of, and the units of its values, where no estimate can be made."""
        subject = Subject.of(self.run.start, self.name, self.version)
        per_gram = self.model.active_mass_mg is not None
        return replace(subject, parameters=asdict(self.model)), units_of(per_gram=per_gram)

    def _header(self) -> Iterator[str]:
        """The mass that a file's header tells, which nobody may have entered."""
        header = self.run.start.get("header")
        told = header.get("active_mass") if isinstance(header, Mapping) else None
        if told and self.model.active_mass_mg is None:
            yield f"the header's mass of {told} is not used: give active_mass_mg in [cycling]"


class StateOfChargeAnalysis(RunAnalysis):
    """State of the cell that was in the beam during a run, from the record of its cycler."""

    name = "state_of_charge"
    section = "cell"
    version = "1"

    def __init__(self, run: Run, emit: Sink) -> None:
        super().__init__(run, emit)
        self._times_s: list[np.ndarray] = []

    def take(self, block: Block) -> None:
        """Take in rows, of which the times count."""
        self._times_s.append(block.time_s)

    def lacks(self) -> list[str]:
        """Data keys of what the run does not hold; nothing while it holds nothing at all."""
        reader = self.run.reader
        missing = reader.missing()
        is_there = any(section not in missing for section in self.run.roles)
        return [] if is_there or not reader.data_keys else list(missing.values())

    def estimates(self, *, ended: bool) -> Iterable[tuple[Subject, Estimate]]:
        """What is known at the end: while a run goes on, its cell's record is not yet written."""
        if not ended:
            return
        subject, units = self.nothing()
        times_s = np.sort(np.concatenate(self._times_s)) if self._times_s else np.empty(0)
        if not len(times_s):
            yield subject, Estimate(Status.WAITING, "no rows", units)
            return
        cell = cell_of(self.run.beamline)
        reference = {"name": cell.name, "sha256": cell.sha256}
        yield replace(subject, references=(reference,)), self._told(cell, times_s)

    def nothing(self) -> tuple[Subject, Mapping[str, str]]:
        """What a result is of, and the units of its values, where no estimate can be made."""
        subject = Subject.of(self.run.start, self.name, self.version)
        parameters = self._cell.model_dump(mode="json", exclude={"record"})
        return replace(subject, parameters=parameters), _STATE_UNITS

    @property
    def _cell(self) -> CellSection:
        return self.run.beamline.cell or CellSection()

    def _told(self, cell: Cell, times_s: np.ndarray) -> Estimate:
        clock = str(self.run.start.get("clock", "utc"))
        if self.run.start.get("plan_name") == "measured_spectrum":
            # a file tells the time of its first row, those of the others are made up
            times_s = times_s[:1]
        fault = self._clock_fault(cell, clock)
        if fault:
            return Estimate(Status.FAILED, fault, _STATE_UNITS, n_points=len(times_s))
        offset_s, remarks = self._offset(cell, clock)
        try:
            state = cell.record.at(times_s - offset_s)
        except OutsideRecord as fault_in_time:
            why = self._outside(cell, times_s - offset_s, fault_in_time)
            return Estimate(Status.FAILED, why, _STATE_UNITS, n_points=len(times_s))
        values, more = self._values(state)
        values["clock_offset_s"] = (offset_s, 0.0)
        return Estimate(
            status=Status.FINAL,
            reason="; ".join((*remarks, *more, *cell.notes)),
            units=_STATE_UNITS,
            values={name: value for name, (value, _) in values.items()},
            sigmas={name: sigma for name, (_, sigma) in values.items()},
            n_points=len(times_s),
        )

    def _clock_fault(self, cell: Cell, clock: str) -> str:
        """What must be known before a record and a scan can be compared."""
        is_set = self._cell.clock_offset_s is not None
        if clock == "unknown":
            return "the file does not tell when it was measured, so that no state follows"
        if not cell.clock and not is_set:
            return (
                f"{cell.name} tells no date: give [cell] clock_offset_s, the time of its second 0 "
                "since the epoch"
            )
        if cell.clock == "local" and clock == "utc" and not is_set and not self._cell.time_zone:
            return (
                f'{cell.name} names no time zone: give [cell] time_zone, such as "Europe/Paris" or '
                '"UTC"'
            )
        return ""

    def _offset(self, cell: Cell, clock: str) -> tuple[float, list[str]]:
        """What is added to the record's times, and what is to be said of it."""
        offset_s, zone = self._cell.offset_s, self._cell.time_zone
        if cell.clock != "local":
            return offset_s, []
        if clock == "utc" and zone is not None:
            return offset_s + zone_shift_s(zone, cell.record.span_s[0]), []
        if clock == "local" and zone is None:
            return offset_s, [f"neither the scan nor {cell.name} names a time zone: one is assumed"]
        return offset_s, []

    def _outside(self, cell: Cell, times_s: np.ndarray, fault: OutsideRecord) -> str:
        begin_s, end_s = cell.record.span_s
        moment = datetime.fromtimestamp(float(times_s[0]), UTC)
        hours = whole_hours(float(times_s[0]), float(times_s[-1]), (begin_s, end_s))
        why = f"on the clock of {cell.name} the scan is at {moment:%Y-%m-%d %H:%M:%S}, {fault}"
        if hours:
            return (
                f"{why}; {abs(hours)} h, as of another time zone, would put it inside: give [cell] "
                f"time_zone, or clock_offset_s = {self._cell.offset_s + 3600 * hours:g}"
            )
        return f"{why}; if a clock is off, give [cell] clock_offset_s, which is added to the cell's"

    def _values(self, state: State) -> tuple[dict[str, tuple[float, float]], list[str]]:
        values = {
            "voltage_v": (state.voltage_v, state.voltage_sigma),
            "current_a": (state.current_a, state.current_sigma),
            "capacity_mah": (state.charge_mah, state.charge_sigma),
            "cycle": (float(state.cycle), 0.0),
        }
        cell, mass_mg = self._cell, self._cell.active_mass_mg
        if mass_mg is None:
            return values, ["no [cell] active_mass_mg: neither mAh/g nor x(Li)"]
        per_g, per_g_sigma = (1e3 / mass_mg * q for q in (state.charge_mah, state.charge_sigma))
        values["capacity_mah_per_g"] = (per_g, per_g_sigma)
        said = [f"a gram of {mass_mg:g} mg, whose uncertainty is not included"]
        if cell.mah_per_g is None:
            return values, [*said, "no [cell] formula or theoretical_mah_per_g: no x(Li)"]
        x_li = cell.x_start - per_g / cell.mah_per_g
        if not _POSSIBLE_X[0] <= x_li <= _POSSIBLE_X[1]:
            return values, [
                *said,
                f"x(Li) = {x_li:.2f} is not possible: look at active_mass_mg and x_start in [cell]",
            ]
        values["x_li"] = (x_li, per_g_sigma / cell.mah_per_g)
        return values, said


class CyclingCapacity(LiveAnalysis):
    """Capacity, its retention and the peak of dQ/dV of every cell, while it is cycled.

    Examples
    --------
    >>> RE.subscribe(CyclingCapacity(Beamline.load("beamline.toml")))  # doctest: +SKIP
    """

    kinds = (CyclingAnalysis,)


class StateOfCharge(LiveAnalysis):
    """State of the cell in the beam, for every scan of which the configuration has its record.

    Examples
    --------
    >>> RE.subscribe(StateOfCharge(Beamline.load("beamline.toml")))  # doctest: +SKIP
    """

    kinds = (StateOfChargeAnalysis,)


def _model(run: Run) -> CyclingModel:
    """What is known of the cell: from the run's own metadata first, since it is the cell's."""
    cycling, cell = run.beamline.cycling, run.beamline.cell
    own, notes = run.start.get("active_mass_mg"), list[str]()
    if own is not None and not (isinstance(own, int | float) and own > 0):
        notes.append(f"active_mass_mg = {own!r} in the run's metadata is no mass")
        own = None
    masses = [own, cycling and cycling.active_mass_mg, cell and cell.active_mass_mg]
    return CyclingModel(
        active_mass_mg=next((float(mass) for mass in masses if mass), None),
        mah_per_g=cell.mah_per_g if cell else None,
        peak_window_v=cycling.peak_window_v if cycling else None,
        charge_sign=cycling.charge_sign if cycling else 1,
        notes=tuple(notes),
    )
