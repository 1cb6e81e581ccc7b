"""Patterns of a heating ramp in, cells and shares of the phases out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.heating.cells import converted
from cgnmc_bluesky.analysis.heating.exposures import Exposure, Exposures, together
from cgnmc_bluesky.analysis.heating.lattice import UNITS
from cgnmc_bluesky.analysis.heating.model import HeatingModel, times_of
from cgnmc_bluesky.analysis.heating.presence import strange_lines
from cgnmc_bluesky.analysis.heating.reading import Reading, fit_of, read, table_of
from cgnmc_bluesky.analysis.heating.thermometer import Thermometer
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

READING_C = 0.3
"""What a temperature may be wrong by, one standard deviation."""


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
        self._readings: list[Reading] = []
        self._known_c: dict[tuple[float, float], float] = {}
        self._changed_s = np.inf
        self._settled_s = -np.inf

    def add(self, block: Block) -> None:
        """Take in rows of any stream."""
        if "temperature_c" in block.values:
            reading = np.asarray(block.values["temperature_c"], dtype=np.float64)
            changed_s = self._thermometer.add(
                times_of(block, self.model.clock), reading.reshape(len(block), -1)[:, 0]
            )
            self._changed_s = min(self._changed_s, changed_s)
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
        found = [n for n, one in enumerate(self._readings) if one.lattice is not None]
        at = found[-1] if found else len(exposures) - 1
        table, notes = self._temperatures(exposures)
        time_s = np.array([one.time_s for one in exposures])
        shown = self._shown(time_s - time_s[0], table["temperature_c"])
        if found:
            table = {**table_of(self._readings), **table}
            shown["series"] = {"time_s": time_s - time_s[0], **table}
            shown["pattern"] = fit_of(self._readings[at])
        nothing = np.full(len(exposures), np.nan)
        values = {name: _known(table.get(name, nothing)[at]) for name in UNITS}
        sigmas = {name: _known(table.get(f"{name}_sigma", nothing)[at]) for name in UNITS}
        status, why = self._status(at if found else None, ended=ended)
        return Estimate(
            status=status,
            reason="; ".join(dict.fromkeys([*why, *self._left_out(), *notes])),
            units=UNITS,
            values=values,
            sigmas=sigmas,
            n_points=len(exposures),
            curves=shown,
            curve_units=CURVE_UNITS,
        )

    def _key(self, role: str) -> str:
        return self._keys.get(role, role)

    def _follow(self, exposures: Sequence[Exposure]) -> None:
        """Fit the patterns that are new, and those behind them."""
        same = 0
        while same < min(len(self._readings), len(exposures)) and self._readings[
            same
        ].exposure.is_same(exposures[same]):
            same += 1
        del self._readings[same:]
        for exposure in exposures[same:]:
            before = self._readings[-1] if self._readings else None
            self._readings.append(read(exposure, before, self.model))

    def _status(self, at: int | None, *, ended: bool) -> tuple[Status, list[str]]:
        """How far the values of a pattern may be believed, and what is to be said of them."""
        status = Status.FINAL if ended else Status.PROVISIONAL
        readings = self._readings
        if at is not None:
            notes = []
            if "layered" not in self._present(at):
                was = any("layered" in self._present(n) for n in range(at))
                notes.append(f"no layered phase {'is left' if was else 'found'}: no a, no c")
            followed = readings[at].followed
            strange = strange_lines(followed) if followed else []
            if strange:
                angles = ", ".join(f"{angle_deg:.2f}°" for angle_deg in strange)
                notes.append(f"lines at {angles} are of none of the phases")
            if at < len(readings) - 1:
                notes.append(
                    f"values are of row {readings[at].exposure.seq_num} of "
                    f"{self._key('pattern')}, the last that shows a phase"
                )
            return status, notes
        if self.model.wavelength_a is None:
            return status, ["no wavelength_a: cells and shares are not known"]
        if all(one.exposure.angle_deg is None for one in readings):
            key = self._key("two_theta_deg")
            return status, [f"no angles ({key}): cells and shares are not known"]
        if all(one.followed is None for one in readings):
            return (Status.FAILED if ended else Status.WAITING), ["no pattern can be used"]
        return status, ["no layered phase found, nor any that comes of it"]

    def _present(self, at: int) -> frozenset[str]:
        followed = self._readings[at].followed
        return followed.present if followed else frozenset()

    def _left_out(self) -> list[str]:
        """Patterns that could not be used, with the reason."""
        by_fault: dict[str, list[int]] = {}
        for one in self._readings:
            if one.fault:
                by_fault.setdefault(one.fault, []).append(one.exposure.seq_num)
        return [
            f"{self._key('pattern')} left out ({fault}): {named_rows(rows)}"
            for fault, rows in by_fault.items()
        ]

    def _temperatures(self, exposures: Sequence[Exposure]) -> tuple[dict[str, Floats], list[str]]:
        """Temperature of each pattern, averaged over its exposure, with its sigma."""
        end_s = np.array([one.time_s for one in exposures])
        length_s = np.array([one.exposure_s or self.model.exposure_s or 0.0 for one in exposures])
        temperature_c = self._means(end_s, length_s)
        for doubt in self._thermometer.doubts():
            in_doubt = (end_s > doubt.start_s) & (end_s - length_s < doubt.end_s)
            temperature_c[in_doubt] = np.nan
        notes = self._thermometer.remarks()
        if not len(self._thermometer):
            notes.append(f"no temperature ({self._key('temperature_c')})")
        sigma_c = np.where(np.isnan(temperature_c), np.nan, READING_C)
        unknown = length_s == 0.0
        if np.any(unknown):
            key = self._key("exposure_s")
            notes.append(f"no exposure ({key}): temperatures are those at the events' times")
            # an exposure is no longer than what lies between patterns
            step_c = np.nan_to_num(np.abs(np.diff(temperature_c, prepend=np.nan)))
            sigma_c = np.where(unknown, np.hypot(sigma_c, step_c / 2.0), sigma_c)
        return {"temperature_c": temperature_c, "temperature_c_sigma": sigma_c}, notes

    def _means(self, end_s: Floats, length_s: Floats) -> Floats:
        """Mean temperatures of exposures; those that nothing can change any more are kept."""
        # what was found before it was settled may be another by now
        kept_s = min(self._settled_s, self._changed_s)
        self._settled_s, self._changed_s = self._thermometer.settled_s, np.inf
        self._known_c = {key: c for key, c in self._known_c.items() if key[0] < kept_s}
        for end, length in zip(end_s.tolist(), length_s.tolist(), strict=True):
            if (end, length) not in self._known_c:
                last = np.array([end])
                mean = self._thermometer.mean(last - length, last)
                self._known_c[end, length] = float(
                    (self._thermometer.at(last) if np.isnan(mean[0]) else mean)[0]
                )
        return np.array([self._known_c[key] for key in zip(end_s, length_s, strict=True)])

    def _shown(self, time_s: Floats, temperature_c: Floats) -> dict[str, dict[str, NDArray[Any]]]:
        """All patterns that are as long as the last one, over temperature."""
        last = self._readings[-1].exposure
        if last.angle_deg is None or len(last.angle_deg) != len(last.intensity):
            return {}
        alike = [
            n
            for n, one in enumerate(self._readings)
            if len(one.exposure.intensity) == len(last.intensity)
        ]
        angle_deg = together(last.angle_deg)
        axis = {"two_theta_deg": angle_deg}
        if self.model.wavelength_a is not None:
            axis["two_theta_cu_deg"] = converted(angle_deg, self.model.wavelength_a)
        intensity = np.array([self._readings[n].exposure.shown for n in alike])
        return {
            "patterns": {
                "time_s": time_s[alike],
                "temperature_c": temperature_c[alike],
                "intensity": intensity,
            },
            "axis": axis,
        }


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
