"""A cycler with an ageing cell: its record as documents, as EC-Lab's text, and as CSV."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.sim.cell import CELLS, AgeingCell, CellTruth, half_cycles, truth_of

Floats = NDArray[np.float64]

KEYS = ("cycler_voltage", "cycler_current", "cycler_capacity", "cycler_cycle")
UNITS = {
    "cycler_voltage": "V",
    "cycler_current": "A",
    "cycler_capacity": "mAh",
    "cycler_cycle": "",
}
MPT_COLUMNS = ("mode", "time/s", "Ewe/V", "<I>/mA", "(Q-Qo)/mA.h", "half cycle", "cycle number")
REST_S = 600.0
"""The cell rests so long before it is charged for the first time."""
PAGE = 5000
"""Rows of an event page."""


@dataclass(frozen=True)
class CellRows:
    """What a cycler records, row by row: arrays of shape `(n,)`.

    Parameters
    ----------
    time_s
        Time since the record began.
    voltage_v, current_a
        The cell's voltage, and its current, positive on charge.
    mean_current_a
        The current's mean since the row before.
    capacity_mah
        Charge since the record began.
    half_cycle, cycle
        Numbers of the half cycle, from 0, and of the cycle, from 1.
    """

    time_s: Floats
    voltage_v: Floats
    current_a: Floats
    mean_current_a: Floats
    capacity_mah: Floats
    half_cycle: Floats
    cycle: Floats


class SimulatedCycler:
    """Cycles a cell, and writes down what it sees.

    Parameters
    ----------
    cell
        A name among `CELLS`, or a cell of your own.
    cycles
        How many cycles, or their numbers where others between are not recorded.
    active_mass_mg
        Mass of the cathode's active material.
    c_rate
        Current over the one that charges the new cell in an hour.
    low_v, high_v
        Where the current is turned.
    row_s
        Time from row to row.
    voltage_noise_v, current_noise
        Standard deviations of the readings; the current's relative.
    seed
        Of the noise.
    start_s
        When the record begins, in seconds since the epoch.

    Examples
    --------
    >>> cycler = SimulatedCycler("conventional", cycles=1)
    >>> round(cycler.truth()[0].discharge_mah_per_g)
    192
    """

    def __init__(
        self,
        cell: str | AgeingCell = "conventional",
        *,
        cycles: int | tuple[int, ...] = 100,
        active_mass_mg: float = 8.0,
        c_rate: float = 1.0 / 3.0,
        low_v: float = 2.7,
        high_v: float = 4.4,
        row_s: float = 60.0,
        voltage_noise_v: float = 3e-4,
        current_noise: float = 1e-4,
        seed: int = 0,
        start_s: float = 1658870000.0,
    ) -> None:
        self.cell = CELLS[cell] if isinstance(cell, str) else cell
        self.active_mass_mg = active_mass_mg
        self.start_s = start_s
        self.high_v = high_v
        self._numbers = tuple(range(1, cycles + 1)) if isinstance(cycles, int) else cycles
        self._limits = (c_rate, low_v, high_v)
        self._row_s = row_s
        self._noises = (voltage_noise_v, current_noise)
        self._seed = seed

    @property
    def current_a(self) -> float:
        """Current on charge, in A."""
        return self._limits[0] * self.cell.mah_per_g * self.active_mass_mg * 1e-6

    def truth(self) -> list[CellTruth]:
        """What each cycle really passes."""
        return [truth_of(self.cell, number, *self._limits) for number in self._numbers]

    def roles(self) -> dict[str, Any]:
        """Which data key plays which role, as beamline.toml would say it."""
        names = ("voltage_v", "current_a", "capacity_mah", "cycle")
        return {"cycling": dict(zip(names, KEYS, strict=True))}

    @cached_property
    def rows(self) -> CellRows:
        """The record."""
        random = np.random.default_rng(self._seed)
        grams = self.active_mass_mg * 1e-3
        rest_s = np.linspace(0.0, REST_S, 11)
        parts = [(rest_s, np.full(len(rest_s), 3.1), np.zeros(len(rest_s)), -1, self._numbers[0])]
        begin_s = REST_S
        for number in self._numbers:
            for half in half_cycles(self.cell, number, *self._limits):
                end_s = half.passed_mah_per_g[-1] * grams * 3.6 / self.current_a
                time_s = np.append(np.arange(self._row_s, end_s, self._row_s), end_s)
                passed = self.current_a * time_s / 3.6 / grams
                voltage_v = np.interp(passed, half.passed_mah_per_g, half.voltage_v)
                signed = np.full(len(time_s), half.sign * self.current_a)
                parts.append((begin_s + time_s, voltage_v, signed, half.sign, number))
                begin_s += end_s
        time_s, voltage_v, current_a = (
            np.concatenate([part[column] for part in parts]) for column in range(3)
        )
        n_rows = [len(part[0]) for part in parts]
        noise_v, noise = (size * random.standard_normal(len(time_s)) for size in self._noises)
        # the noise is the reading's: what passes is the cycler's own, steady current
        steps_mah = current_a * np.diff(time_s, prepend=0.0) / 3.6
        return CellRows(
            time_s=time_s,
            voltage_v=voltage_v + noise_v,
            current_a=current_a * (1.0 + noise),
            mean_current_a=current_a * (1.0 + 0.1 * noise),
            capacity_mah=np.cumsum(steps_mah),
            half_cycle=np.repeat(np.maximum(np.arange(len(parts)) - 1.0, 0.0), n_rows),
            cycle=np.repeat([float(part[4]) for part in parts], n_rows),
        )

    def metadata(self) -> dict[str, Any]:
        """What the run of the record carries in its start document."""
        return {
            "plan_name": "cycling",
            "sample": f"{self.cell.name} cell",
            "material": self.cell.name,
            "cycles": max(self._numbers),
            "cutoff_v": self.high_v,
            "active_mass_mg": self.active_mass_mg,
            "beamline": self.roles(),
            "truth": {"cycling": [asdict(one) for one in self.truth()]},
        }

    def documents(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The record as documents of one run."""
        from event_model import compose_run

        rows = self.rows
        columns = (rows.voltage_v, rows.current_a, rows.capacity_mah, rows.cycle)
        data = dict(zip(KEYS, columns, strict=True))
        run = compose_run(time=self.start_s, metadata=self.metadata())
        yield "start", dict(run.start_doc)
        keys = {
            key: {"source": "sim:cycler", "dtype": "number", "shape": [], "units": UNITS[key]}
            for key in KEYS
        }
        stream = run.compose_descriptor(name="primary", data_keys=keys, time=self.start_s)
        yield "descriptor", dict(stream.descriptor_doc)
        times_s = self.start_s + rows.time_s
        for first in range(0, len(times_s), PAGE):
            part = slice(first, first + PAGE)
            stamps = times_s[part].tolist()
            page = stream.compose_event_page(
                data={key: column[part].tolist() for key, column in data.items()},
                timestamps=dict.fromkeys(KEYS, stamps),
                seq_num=list(range(first + 1, first + 1 + len(stamps))),
                time=stamps,
                filled={},
            )
            yield "event_page", dict(page)
        yield "stop", dict(run.compose_stop(time=float(times_s[-1])))

    def write_mpt(self, path: str | Path, *, decimal: str = ",") -> Path:
        """Write the record as EC-Lab exports it.

        Parameters
        ----------
        path
            Where to.
        decimal
            What stands between the whole and the rest of a number.
        """
        rows, path = self.rows, Path(path)
        started = datetime.fromtimestamp(self.start_s, UTC)
        header = [
            "EC-Lab ASCII FILE",
            "Nb header lines : {n}",
            "",
            "Galvanostatic Cycling with Potential Limitation",
            "",
            f"Acquisition started on : {started:%m/%d/%Y %H:%M:%S}.{started:%f}"[:-3],
            f"Mass of active material : {self.active_mass_mg:.3f} mg".replace(".", decimal),
            "Electrode surface area : 1,000 cm²",
            "",
            "\t".join(MPT_COLUMNS) + "\t",
        ]
        columns = (
            np.where(rows.current_a == 0.0, 3, 1),
            rows.time_s,
            rows.voltage_v,
            1e3 * rows.mean_current_a,
            rows.capacity_mah,
            rows.half_cycle,
            rows.cycle - 1.0,
        )
        lines = [
            "\t".join([f"{row[0]:d}", *(f"{value:.9E}" for value in row[1:])])
            for row in zip(*columns, strict=True)
        ]
        header[1] = header[1].format(n=len(header))
        body = "\n".join(lines).replace(".", decimal)
        path.write_text("\n".join([*header, body, ""]), encoding="latin-1")
        return path

    def write_csv(self, path: str | Path) -> Path:
        """Write the record as a table, with the units in its header."""
        rows, path = self.rows, Path(path)
        columns = (rows.time_s, rows.voltage_v, 1e3 * rows.current_a, rows.capacity_mah, rows.cycle)
        header = "Time (s),Voltage (V),Current (mA),Capacity (mAh),Cycle"
        table = np.column_stack(columns)
        np.savetxt(path, table, fmt="%.9g", delimiter=",", header=header, comments="")
        return path
