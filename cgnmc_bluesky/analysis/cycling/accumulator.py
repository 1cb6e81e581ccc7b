"""Rows of a cycler in, capacity and the peak of dQ/dV out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from cgnmc_bluesky.analysis.cycling.charge import Unusable, count
from cgnmc_bluesky.analysis.cycling.dqdv import MOST_WIDTH_V
from cgnmc_bluesky.analysis.cycling.halves import Half, check_direction
from cgnmc_bluesky.analysis.cycling.history import (
    History,
    by_cycle,
    dqdv_curves,
    every_peak,
    history_of,
    off_count,
    voltage_curves,
)
from cgnmc_bluesky.analysis.cycling.peaks import shift_between
from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.rows import Block, Table

OFF_COUNT = 0.01
"""A difference of the cycler's own count from ours by more than this share is named."""

MOST_MAH_PER_G = 1e4
"""More than this no electrode holds, by half: a unit is wrong then, or the mass."""

CURRENTS = ("current_a", "mean_current_a")


@dataclass(frozen=True)
class CyclingModel:
    """What is known of a cell beforehand.

    Parameters
    ----------
    active_mass_mg
        Mass of its active material; `None` where nobody tells.
    mah_per_g
        Charge that takes one lithium out of every formula unit, in mAh a gram.
    peak_window_v
        Where the peak of dQ/dV is looked for.
    charge_sign
        Sign of the recorded current on charge.
    notes
        What is to be said of it.
    """

    active_mass_mg: float | None = None
    mah_per_g: float | None = None
    peak_window_v: tuple[float, float] | None = None
    charge_sign: int = 1
    notes: tuple[str, ...] = ()


def units_of(*, per_gram: bool) -> dict[str, str]:
    """Unit of each value, by whether capacities are known a gram."""
    return {
        "cycles": "",
        "charge_capacity_mah": "mAh",
        "discharge_capacity_mah": "mAh",
        "charge_capacity_mah_per_g": "mAh/g",
        "discharge_capacity_mah_per_g": "mAh/g",
        "coulombic_efficiency": "",
        "capacity_retention": "",
        "dqdv_peak_v": "V",
        "dqdv_peak_height": "mAh/(g V)" if per_gram else "mAh/V",
        "dqdv_peak_shift_v": "V",
    }


def curve_units_of(*, per_gram: bool) -> dict[str, str]:
    """Unit of each array, by whether capacities are known a gram."""
    of_charge = "mAh/g" if per_gram else "mAh"
    a_volt = "mAh/(g V)" if per_gram else "mAh/V"
    charges = ("charge_capacity", "discharge_capacity", "capacity")
    heights = ("peak_height", "peak_height_sigma", "peaks_height", "peaks_height_sigma")
    derivatives = (*heights, "dqdv", "dqdv_sigma")
    voltages = ("peak_v", "peak_v_sigma", "peaks_v", "peaks_v_sigma", "voltage_v", "dqdv_v")
    return {
        **dict.fromkeys(charges, of_charge),
        **dict.fromkeys(derivatives, a_volt),
        **dict.fromkeys(voltages, "V"),
    }


class CyclingAccumulator:
    """Rows of a cycler in, capacity, its retention and the peak of dQ/dV out.

    Parameters
    ----------
    model
        What is known of the cell.
    keys
        Data key of each role, for the remarks.

    Notes
    -----
    The answer rests on all rows in order of their time, however they were cut into blocks.
    """

    def __init__(self, model: CyclingModel, keys: Mapping[str, str]) -> None:
        self.model = model
        self._keys = keys
        self._tables: dict[str, Table] = {}

    def add(self, block: Block) -> None:
        """Take in more rows of any stream."""
        self._tables.setdefault(block.stream, Table()).add(block)

    def estimate(self, *, ended: bool) -> Estimate:
        """Say what the rows so far tell.

        Parameters
        ----------
        ended
            Whether the run has ended, so that no more rows will come.
        """
        rows = joined(self._tables)
        if rows is None:
            return self._nothing(
                Status.WAITING, "no rows with a voltage and a current", ended=ended
            )
        try:
            cell = count(rows, self._keys, self.model.mah_per_g, self.model.charge_sign)
            history = history_of(cell, self.model.peak_window_v)
            check_direction(history.halves, cell, self._keys)
            self._check_mass(history)
        except Unusable as fault:
            return self._nothing(
                Status.FAILED if ended else Status.WAITING, str(fault), ended=ended
            )
        per_gram = cell.per_gram or self.model.active_mass_mg is not None
        values = dict(self._values(history))
        is_told = history.last is not None
        status = Status.FINAL if ended else Status.PROVISIONAL
        remarks = [*self._remarks(history, ended=ended), *cell.notes, *self.model.notes]
        per_mah = self._grams(history) if per_gram else 1.0
        return Estimate(
            status=status if is_told else Status.WAITING,
            reason="; ".join(dict.fromkeys(remarks)),
            units=units_of(per_gram=per_gram),
            values={name: value for name, (value, _) in values.items()},
            sigmas={name: sigma for name, (_, sigma) in values.items()},
            n_points=len(cell),
            curves=_curves(history, per_mah),
            curve_units=curve_units_of(per_gram=per_gram),
        )

    def _check_mass(self, history: History) -> None:
        """Refuse a charge that the mass cannot hold."""
        most = max((self._grams(history) * half.charge for half in history.halves), default=0.0)
        if self.model.active_mass_mg is None or most < MOST_MAH_PER_G:
            return
        key = next((self._keys[role] for role in CURRENTS if role in self._keys), "the charge")
        raise Unusable(
            f"{key} would be {most:.4g} mAh/g of {self.model.active_mass_mg:g} mg, more than any "
            'electrode holds: if it is in mA, give current_unit = "mA" in [cycling]; else look '
            "at active_mass_mg"
        )

    def _nothing(self, status: Status, why: str, *, ended: bool) -> Estimate:
        end = "; the run ended before that" if ended and status is Status.WAITING else ""
        n_rows = sum(len(table) for table in self._tables.values())
        units = units_of(per_gram=self.model.active_mass_mg is not None)
        return Estimate(status, f"{why}{end}", units, n_points=n_rows)

    def _grams(self, history: History) -> float:
        """What a unit of the charge is in the unit of a capacity a gram."""
        mass_mg = self.model.active_mass_mg
        return 1.0 if history.cell.per_gram or mass_mg is None else 1e3 / mass_mg

    def _values(self, history: History) -> Iterator[tuple[str, tuple[float | None, float | None]]]:
        yield "cycles", (float(len(history.whole)), 0.0)
        last, first = history.last, history.first
        if last is None or first is None:
            return
        for name, half in (("charge", last.charge), ("discharge", last.discharge)):
            if half is None or not half.is_whole:
                continue
            if not history.cell.per_gram:
                yield f"{name}_capacity_mah", (half.charge, half.charge_sigma)
            if history.cell.per_gram or self.model.active_mass_mg is not None:
                grams = self._grams(history)
                yield (
                    f"{name}_capacity_mah_per_g",
                    (
                        grams * half.charge,
                        grams * half.charge_sigma,
                    ),
                )
        if last.is_whole:
            yield "coulombic_efficiency", _ratio(last.discharge, last.charge)
        if last is not first:
            yield "capacity_retention", _ratio(last.discharge, first.discharge)
        yield from self._of_peak(history)

    def _of_peak(self, history: History) -> Iterator[tuple[str, tuple[float | None, float | None]]]:
        last, first = history.peak_of(history.last), history.peak_of(history.first)
        if last is None:
            return
        per_mah = self._grams(history)
        yield "dqdv_peak_v", (last.voltage_v, last.voltage_sigma)
        yield "dqdv_peak_height", (per_mah * last.height, per_mah * last.height_sigma)
        if first is not None and history.first is not history.last:
            yield "dqdv_peak_shift_v", shift_between(first, last)

    def _remarks(self, history: History, *, ended: bool) -> Iterator[str]:
        cell, last = history.cell, history.last
        if last is None:
            what = "the current has not turned" if history.cycles else "no current has passed"
            yield f"{what}: no half cycle is over yet" + ("; the run ended before that" * ended)
            return
        if not last.is_whole:
            alone = "charge" if last.charge is not None and last.charge.is_whole else "discharge"
            yield f"no whole cycle: the values are those of a {alone} alone"
        if history.first is last and last.is_whole:
            yield f"nothing to compare cycle {last.number} with: it is the first at its rate"
        elif history.first is not None and history.first is not history.cycles[0]:
            yield f"compared with cycle {history.first.number}, the first at the same rate"
        yield from _peak_remarks(history)
        off = off_count(history)
        if off is not None and abs(off[0]) > OFF_COUNT:
            key = next(
                (self._keys[r] for r in ("capacity_mah", "capacity_ah") if r in self._keys), ""
            )
            side = "above" if off[0] > 0.0 else "below"
            yield f"{key} is {abs(off[0]):.1%} {side} the charge counted here in cycle {off[1]}"
        if self.model.active_mass_mg is not None and not cell.per_gram:
            mass = f"{self.model.active_mass_mg:g} mg"
            yield f"a gram of {mass}, whose uncertainty is not included"
        elif not cell.per_gram:
            yield "no active_mass_mg: capacities in mAh alone"


def joined(tables: Mapping[str, Table]) -> Block | None:
    """One block of rows with a voltage, and with what charge follows from; `None` without any.

    What another stream than the voltage's holds is interpolated in time.
    """
    order = sorted(tables, key=lambda name: (name != "primary", name))
    leading = next((name for name in order if "voltage_v" in tables[name].roles()), None)
    if leading is None:
        return None
    rows = tables[leading].merged()
    values = dict(rows.values)
    for other in (tables[name] for name in order if name != leading):
        more = other.merged()
        for role in more.values.keys() - values.keys():
            is_number = np.isfinite(more.values[role])
            if is_number.any():
                values[role] = np.interp(
                    rows.time_s, more.time_s[is_number], more.values[role][is_number]
                )
    charged = {*CURRENTS, "capacity_mah", "capacity_ah", "capacity_mah_per_g", "x_li"}
    return replace(rows, values=values) if charged & values.keys() else None


def _ratio(one: Half | None, two: Half | None) -> tuple[float | None, float | None]:
    if one is None or two is None or not two.charge or not one.charge:
        return None, None
    share = one.charge / two.charge
    relative = np.hypot(one.charge_sigma / one.charge, two.charge_sigma / two.charge)
    return share, float(share * relative)


def _peak_remarks(history: History) -> Iterator[str]:
    if history.width_v > MOST_WIDTH_V:
        yield "rows too far apart in voltage, or too noisy, for dQ/dV"
        return
    if history.direction < 0:
        yield "no charge is there: dQ/dV is that of the discharge"
    seen = [at for at, peak in enumerate(history.peaks) if peak is not None]
    if not seen:
        yield "dQ/dV has no peak that stands out"
    elif history.peak_of(history.last) is None:
        shown, number = history.peaks[seen[0]], history.cycles[seen[0]].number
        ended = history.cycles[seen[-1]].number
        if shown is not None:
            yield (
                f"the peak of dQ/dV, at {shown.voltage_v:.3f} V in cycle {number}, has vanished "
                f"after cycle {ended}"
            )


def _curves(history: History, per_mah: float) -> dict[str, Mapping[str, np.ndarray]]:
    groups = {
        "cycles": by_cycle(history, per_mah),
        "voltage": voltage_curves(history, per_mah),
        "dqdv": dqdv_curves(history, per_mah),
        "peaks": every_peak(history, per_mah),
    }
    return {name: arrays for name, arrays in groups.items() if len(next(iter(arrays.values())))}
