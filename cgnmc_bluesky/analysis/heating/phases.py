"""Patterns of a heating ramp in, cells and shares of the phases out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.heating.bins import NoPattern, bins_of
from cgnmc_bluesky.analysis.heating.cells import converted
from cgnmc_bluesky.analysis.heating.exposures import Exposure, Exposures
from cgnmc_bluesky.analysis.heating.lattice import UNITS, Known, lattice_of
from cgnmc_bluesky.analysis.heating.model import HeatingModel, times_of
from cgnmc_bluesky.analysis.heating.pattern import phases_at
from cgnmc_bluesky.analysis.heating.shares import (
    Amounts,
    Balance,
    amounts_of,
    balanced,
    shares_of,
)
from cgnmc_bluesky.analysis.heating.thermometer import Thermometer
from cgnmc_bluesky.analysis.heating.tracking import Followed, follow
from cgnmc_bluesky.analysis.rows import Block, named_rows

Floats = NDArray[np.float64]

CURVE_UNITS: Mapping[str, str] = {
    **{name: unit for name, unit in UNITS.items() if unit},
    **{f"{name}_sigma": unit for name, unit in UNITS.items() if unit},
    "time_s": "s",
    "two_theta_deg": "deg",
    "two_theta_cu_deg": "deg",
}
"""Units of the arrays that have one."""

SHOWN_BINS = 1000
"""Patterns of more bins are shown with several taken together."""
READING_C = 0.3
"""What a temperature may be wrong by, one standard deviation."""
ENDS = ("", "_sigma")
"""A value, and its standard deviation, in the arrays' names."""
_SHARES = ("layered_fraction", "spinel_fraction", "rock_salt_fraction")


@dataclass(frozen=True)
class _Read:
    """A pattern with what was found in it, and with what the next one begins."""

    exposure: Exposure
    followed: Followed | None = None
    lattice: Mapping[str, Known] = field(default_factory=dict)
    amounts: Amounts | None = None
    fault: str = ""
    last: Followed | None = None
    balance: Balance | None = None


class PhasesAccumulator:
    """Patterns and temperatures in, an estimate of the phases out.

    Patterns are fitted in the order of their time, each beginning where the one before it ended;
    one that comes late has those after it fitted again, so that the order in which rows come, and
    how they are cut into blocks, makes no difference.

    Parameters
    ----------
    model
        What is known of the ramp.
    keys
        Data key of each role, for the remarks.
    """

    def __init__(self, model: HeatingModel, keys: Mapping[str, str] | None = None) -> None:
        self.model = model
        self._keys = dict(keys or {})
        self._thermometer = Thermometer()
        self._exposures = Exposures(model.clock)
        self._read: list[_Read] = []

    def add(self, block: Block) -> None:
        """Take in rows of any stream."""
        if "temperature_c" in block.values:
            reading = np.asarray(block.values["temperature_c"], dtype=np.float64)
            self._thermometer.add(
                times_of(block, self.model.clock), reading.reshape(len(block), -1)[:, 0]
            )
        self._exposures.add(block)

    def estimate(self, *, ended: bool = False) -> Estimate:
        """Say what the patterns so far tell.

        Parameters
        ----------
        ended
            Whether the run has ended, so that no more rows will come.
        """
        exposures = self._exposures.in_order()
        if not exposures:
            end = "; the run ended before that" if ended else ""
            return Estimate(Status.WAITING, f"no pattern yet ({self._key('pattern')}){end}", UNITS)
        self._follow(exposures)
        temperature_c, temperature_sigma_c, notes = self._temperatures(exposures)
        fitted = [n for n, one in enumerate(self._read) if one.followed and one.followed.present]
        shown = self._shown(exposures, temperature_c)
        at = fitted[-1] if fitted else len(exposures) - 1
        values: dict[str, float | None] = {"temperature_c": _known(temperature_c[at])}
        sigmas: dict[str, float | None] = {"temperature_c": _known(temperature_sigma_c[at])}
        if np.isnan(temperature_c[at]):
            sigmas["temperature_c"] = None
        if fitted:
            table = self._table()
            table["temperature_c"] = temperature_c
            table["temperature_c_sigma"] = temperature_sigma_c
            values |= {name: _known(table[name][at]) for name in UNITS}
            sigmas |= {name: _known(table[f"{name}_sigma"][at]) for name in UNITS}
            time_s = np.array([one.time_s for one in exposures])
            shown["series"] = {"time_s": time_s - time_s[0], **table}
            shown["pattern"] = _pattern(self._read[at])
            notes = [*self._said(at), *notes]
        status, why = self._status(fitted, ended=ended)
        return Estimate(
            status=status,
            reason="; ".join(dict.fromkeys([*why, *self._left_out(), *notes])),
            units=UNITS,
            values=values,
            sigmas={
                name: sigmas.get(name) if values.get(name) is not None else None for name in UNITS
            },
            n_points=len(exposures),
            curves=shown,
            curve_units=CURVE_UNITS,
        )

    def _key(self, role: str) -> str:
        return self._keys.get(role, role)

    def _follow(self, exposures: Sequence[Exposure]) -> None:
        """Fit the patterns that are new, and those behind them."""
        same = 0
        while same < min(len(self._read), len(exposures)) and self._read[same].exposure.is_same(
            exposures[same]
        ):
            same += 1
        del self._read[same:]
        for exposure in exposures[same:]:
            before = self._read[-1] if self._read else _Read(exposure)
            self._read.append(_read(exposure, before, self.model))

    def _status(self, fitted: Sequence[int], *, ended: bool) -> tuple[Status, list[str]]:
        status = Status.FINAL if ended else Status.PROVISIONAL
        if fitted:
            return status, []
        if self.model.wavelength_a is None:
            return status, ["no wavelength_a: cells and shares are not known"]
        if all(one.exposure.angle_deg is None for one in self._read):
            return status, [
                f"no angles ({self._key('two_theta_deg')}): cells and shares are not known"
            ]
        if all(one.followed is None for one in self._read):
            failed = Status.FAILED if ended else Status.WAITING
            return failed, ["no pattern can be used"]
        return status, ["no layered phase found, nor any that comes of it"]

    def _said(self, at: int) -> list[str]:
        """What is to be said of the last pattern."""
        followed = self._read[at].followed
        assert followed is not None
        notes = []
        if "layered" not in followed.present:
            notes.append("no layered phase is left: a, c and c/a are those of none")
        if at < len(self._read) - 1:
            notes.append(f"values are of pattern {at + 1}, the last that shows a phase")
        return notes

    def _left_out(self) -> list[str]:
        """Patterns that could not be used, with the reason."""
        by_fault: dict[str, list[int]] = {}
        for one in self._read:
            if one.fault:
                by_fault.setdefault(one.fault, []).append(one.exposure.seq_num)
        return [
            f"{self._key('pattern')} left out ({fault}): {named_rows(rows)}"
            for fault, rows in by_fault.items()
        ]

    def _temperatures(self, exposures: Sequence[Exposure]) -> tuple[Floats, Floats, list[str]]:
        """Temperature of each pattern, averaged over its exposure, with its sigma."""
        end_s = np.array([one.time_s for one in exposures])
        known_s = [one.exposure_s or self.model.exposure_s for one in exposures]
        length_s = np.array([s or 0.0 for s in known_s])
        temperature_c = self._thermometer.mean(end_s - length_s, end_s)
        late = np.isnan(temperature_c)
        temperature_c[late] = self._thermometer.at(end_s[late])
        notes = self._thermometer.remarks()
        if not len(self._thermometer):
            notes.append(f"no temperature ({self._key('temperature_c')})")
        unsure_c = np.full(len(end_s), READING_C)
        unknown = length_s == 0.0
        if np.any(unknown):
            notes.append(
                f"no exposure ({self._key('exposure_s')}): temperatures are those at its end"
            )
            steps_c = np.abs(np.diff(temperature_c, prepend=np.nan))
            unsure_c = np.hypot(unsure_c, np.where(unknown, np.nan_to_num(steps_c) / 12**0.5, 0.0))
        return temperature_c, np.where(np.isnan(temperature_c), np.nan, unsure_c), notes

    def _table(self) -> dict[str, Floats]:
        """Each value with its sigma, one entry a pattern; NaN where it has none."""
        table = {f"{name}{end}": np.full(len(self._read), np.nan) for name in UNITS for end in ENDS}
        balance = self._read[-1].balance
        for n, one in enumerate(self._read):
            if one.amounts is None or balance is None:
                continue
            shares = zip(_SHARES, *shares_of(one.amounts, balance), strict=True)
            known = {**one.lattice, **{name: (share, sigma) for name, share, sigma in shares}}
            for name, (value, sigma) in known.items():
                table[name][n], table[f"{name}_sigma"][n] = value, sigma
        return table

    def _shown(
        self, exposures: Sequence[Exposure], temperature_c: Floats
    ) -> dict[str, dict[str, NDArray[Any]]]:
        """All patterns that have the last one's axis, over temperature."""
        axis = exposures[-1].angle_deg
        if axis is None or len(axis) != len(exposures[-1].intensity):
            return {}
        width = -(-len(axis) // SHOWN_BINS)
        usable = len(axis) // width * width
        alike = [n for n, one in enumerate(exposures) if len(one.intensity) == len(axis)]
        mean = np.array(
            [exposures[n].intensity[:usable].reshape(-1, width).mean(axis=1) for n in alike]
        )
        angle_deg = axis[:usable].reshape(-1, width).mean(axis=1)
        shown = {"two_theta_deg": angle_deg}
        if self.model.wavelength_a is not None:
            shown["two_theta_cu_deg"] = converted(angle_deg, self.model.wavelength_a)
        return {
            "patterns": {
                "temperature_c": temperature_c[alike],
                "intensity": mean.astype(np.float32),
            },
            "axis": shown,
        }


def _read(exposure: Exposure, before: _Read, model: HeatingModel) -> _Read:
    """Fit a pattern, with what the one before it leaves behind."""
    kept = _Read(exposure, last=before.last, balance=before.balance)
    if model.wavelength_a is None or exposure.angle_deg is None:
        return kept
    try:
        bins = bins_of(exposure.intensity, exposure.angle_deg, model.wavelength_a)
    except NoPattern as fault:
        return replace(kept, fault=str(fault))
    followed = follow(bins, phases_at(model.wavelength_a), model.wavelength_a, before.last)
    if not followed.present:
        return replace(kept, followed=followed)
    exposure_s = exposure.exposure_s or model.exposure_s or 1.0
    amounts = amounts_of(followed.fitted, exposure_s)
    balance = balanced(before.balance, amounts)
    return _Read(exposure, followed, lattice_of(followed), amounts, last=followed, balance=balance)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _pattern(read: _Read) -> dict[str, Floats]:
    """A pattern with what it is made of."""
    assert read.followed is not None
    fitted = read.followed.fitted
    bins = fitted.model.bins
    parts = fitted.model.parts(fitted.values)
    return {
        "two_theta_deg": bins.angle_deg,
        "two_theta_cu_deg": converted(bins.angle_deg, fitted.model.wavelength_a),
        "counts": bins.intensity,
        "fit": np.asarray(np.sum(list(parts.values()), axis=0)),
        **parts,
    }
