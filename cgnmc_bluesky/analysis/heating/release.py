"""Onset of a release, reading by reading, while a sample is heated."""

from collections.abc import Mapping
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.heating.belief import begun_before, believed, no_release, part_of
from cgnmc_bluesky.analysis.heating.curve import Curve, curve_of
from cgnmc_bluesky.analysis.heating.detection import FIRST, Detector
from cgnmc_bluesky.analysis.heating.model import HeatingModel, times_of
from cgnmc_bluesky.analysis.heating.remarks import remarks_on
from cgnmc_bluesky.analysis.heating.series import Series
from cgnmc_bluesky.analysis.heating.temperatures import (
    Measured,
    has_peaked,
    named_temperatures,
)
from cgnmc_bluesky.analysis.heating.thermometer import Thermometer
from cgnmc_bluesky.analysis.heating.trace import BIN_S, Bins, Trace
from cgnmc_bluesky.analysis.rows import Block

Floats = NDArray[np.float64]

TEMPERATURES = ("t_detect_c", "t_rate_c", "t_first_deviation_c", "t_extrapolated_c", "t_peak_c")
UNITS: Mapping[str, str] = {
    **dict.fromkeys((*TEMPERATURES, "fwhm_c"), "degC"),
    "max_slope": "A/degC",
    "false_alarm_rate": "",
    "rate_c_per_min": "degC/min",
}
"""Units of the values."""
AFTER_PEAK = ("t_extrapolated_c", "max_slope", "t_peak_c", "fwhm_c")
"""Values that are not known before the release has passed its peak."""
GROWTH = 1.08
"""The release is looked at anew when there is so much more of it."""
CURVE_UNITS: Mapping[str, str] = {
    "time_s": "s",
    "temperature_c": "degC",
    **dict.fromkeys(("current", "background", "release", "release_sigma"), "A"),
}


class ReleaseAccumulator:
    """Temperatures and ion currents in, the onset of a release out.

    What it says depends on the readings alone, not on how they were cut into blocks or in which
    order their streams came.

    Parameters
    ----------
    model
        What is known of the ramp.
    keys
        Data key of each role, for the remarks.
    """

    def __init__(self, model: HeatingModel, keys: Mapping[str, str] | None = None) -> None:
        self.model = model
        self.role = f"ion_{model.mass}"
        self._keys = dict(keys or {})
        self._thermometer = Thermometer()
        self._trace = Trace(self._thermometer, model.delay_s)
        self._others: dict[str, Series] = {}
        self._detector = Detector(model.false_alarm_rate)
        self._curve: Curve | None = None
        self._due = 0.0

    @property
    def n_readings(self) -> int:
        """Readings of the ion current so far."""
        return len(self._trace.readings)

    def add(self, block: Block) -> None:
        """Take in rows of any stream."""
        time_s, anew = times_of(block, self.model.clock), False
        for role, values in block.values.items():
            reading = np.asarray(values, dtype=np.float64).reshape(len(block), -1)[:, :1]
            if role == "temperature_c":
                changed_s = self._thermometer.add(time_s, reading[:, 0])
                anew |= self._trace.is_reopened_by(changed_s)
            elif role == self.role:
                anew |= self._trace.add(time_s, reading[:, 0])
            elif role.startswith("ion_"):
                self._others.setdefault(role, Series(1)).add(time_s, reading)
        if anew:
            self._trace.reopen()
            self._detector = Detector(self.model.false_alarm_rate)
            self._curve, self._due = None, 0.0

    def n_bins(self) -> int:
        """Bins that are full so far."""
        return len(self._trace.bins(ended=False))

    def estimate(self, *, ended: bool = False) -> Estimate:
        """Say what the readings so far tell.

        Parameters
        ----------
        ended
            Whether the run has ended, so that nothing more will come.
        """
        if not self.n_readings:
            return self._unrecorded(ended=ended)
        bins = self._trace.bins(ended=ended)
        self._detector.look(bins)
        remarks = remarks_on(
            self._thermometer, self._trace, self._keys.get(self.role, f"m/z {self.model.mass}")
        )
        if len(bins) <= FIRST:
            return self._waiting(bins, remarks, ended=ended)
        if np.median(bins.current) < 0:
            key = self._keys.get(self.role, self.role)
            said = [f"{key} is negative: is its sign or its zero wrong?", *remarks]
            return self._said(
                Status.FAILED if ended else Status.WAITING, said, bins, {}, ended=ended
            )
        if self._detector.alarm is None:
            return self._without_onset(bins, remarks, ended=ended)
        return self._with_onset(bins, self._detector.alarm, remarks, ended=ended)

    def _unrecorded(self, *, ended: bool) -> Estimate:
        others = ", ".join(role.removeprefix("ion_") for role in sorted(self._others))
        name = self._keys.get(self.role, "")
        what = f"m/z {self.model.mass} ({name}) is not recorded" if name else f"no {self.role}"
        missing = f"no reading of {name or self.role} yet"
        told = f"{what}; recorded are m/z {others}" if others else missing
        if self._trace.n_missing:
            told = f"{name or self.role} holds no number in {self._trace.n_missing} readings"
        failed = ended and bool(others)
        return Estimate(Status.FAILED if failed else Status.WAITING, told, UNITS)

    def _waiting(self, bins: Bins, remarks: list[str], *, ended: bool) -> Estimate:
        key = self._keys.get(self.role, self.role)
        what = (
            f"{len(bins)} averages over {BIN_S:.0f} s or more of {key} with a temperature; "
            f"a background takes {FIRST + 1}"
        )
        return self._said(Status.WAITING, [what, *remarks], bins, {}, ended=ended)

    def _without_onset(self, bins: Bins, remarks: list[str], *, ended: bool) -> Estimate:
        doubts = self._thermometer.doubts()
        unknown = [doubt for doubt in doubts if np.isinf(doubt.end_s)]
        reached_c = float(np.max(bins.temperature_c))
        if unknown:
            before = bins.time_s + self._trace.start_s - self.model.delay_s < unknown[0].start_s
            reached_c = float(np.max(bins.temperature_c[before], initial=-np.inf))
        what = f"no onset up to {reached_c:.0f} °C"
        status = Status.FINAL if ended else Status.PROVISIONAL
        return self._said(status, [what, *remarks], bins, {}, ended=ended)

    def _with_onset(self, bins: Bins, alarm: int, remarks: list[str], *, ended: bool) -> Estimate:
        stuck = self._trace.doubts()
        doubts = [*self._thermometer.doubts(), *stuck]
        if stuck:
            longest = max(stuck, key=lambda doubt: doubt.end_s - doubt.start_s)
            remarks.append(f"{self._keys.get(self.role, self.role)} {longest.what} for a while")
        start_s = self._trace.start_s - self.model.delay_s
        part = part_of(bins, alarm, doubts, start_s)
        if part.alarm is None or begun_before(bins):
            why = (
                "it had begun before"
                if part.alarm is not None
                else "it lies where nothing is known"
            )
            said = [f"a release, whose onset cannot be known: {why}", *remarks]
            return self._said(Status.FAILED, said, bins, {}, ended=ended)
        if ended or len(bins) >= self._due or self._curve is None:
            self._curve = curve_of(part.bins, part.alarm, thorough=ended)
            self._due = GROWTH * len(bins)
        found, gaps = believed(self._curve, named_temperatures(self._curve))
        refused = no_release(self._curve, found)
        if refused:
            return self._without_onset(bins, [refused, *remarks], ended=ended)
        if part.holds_alarm:
            found["t_detect_c"] = _detected(part.bins, part.alarm)
        remarks = [*remarks, *part.remarks, *gaps]
        if not has_peaked(self._curve):
            remarks += self._before_peak(found, ended=ended)
        if found["t_rate_c"].value is None and not gaps:
            remarks.append(_without_rate(self._curve))
        status = Status.FINAL if ended else Status.PROVISIONAL
        return self._said(status, remarks, bins, found, ended=ended, curve=self._curve)

    def _before_peak(self, found: dict[str, Measured], *, ended: bool) -> list[str]:
        """Take back what only a release that has passed its peak can say."""
        unknown = AFTER_PEAK if ended else ("t_peak_c", "fwhm_c")
        found.update(dict.fromkeys(unknown, Measured()))
        if ended:
            return ["the release had not passed its peak where the readings of it end"]
        return ["the release has not passed its peak: t_extrapolated_c and max_slope may change"]

    def _said(
        self,
        status: Status,
        reasons: list[str],
        bins: Bins,
        found: Mapping[str, Measured],
        *,
        ended: bool,
        curve: Curve | None = None,
    ) -> Estimate:
        values = {name: found[name].value for name in found}
        sigmas = {name: found[name].sigma for name in found}
        if len(bins) > FIRST:
            values["false_alarm_rate"] = self.model.false_alarm_rate
            rate = _rate(bins)
            values["rate_c_per_min"], sigmas["rate_c_per_min"] = rate.value, rate.sigma
        return Estimate(
            status,
            "; ".join(reasons),
            UNITS,
            values,
            sigmas,
            n_points=self.n_readings,
            curves=self._curves(bins, curve, ended=ended),
            curve_units={**CURVE_UNITS, self.role: "A", **dict.fromkeys(self._others, "A")},
        )

    def _curves(
        self, bins: Bins, curve: Curve | None, *, ended: bool
    ) -> dict[str, dict[str, Floats]]:
        curves = {"trace": self._shown(bins, ended=ended), "release": _released(bins, curve)}
        return {group: columns for group, columns in curves.items() if len(columns["time_s"])}

    def _shown(self, bins: Bins, *, ended: bool) -> dict[str, Floats]:
        """All currents: of a run that goes on averaged, so that they do not grow large."""
        readings = self._trace.readings
        if not ended or not len(readings):
            time_s, current, temperature_c = bins.time_s, bins.current, bins.temperature_c
            at_s = time_s + (self._trace.start_s if len(readings) else 0.0)
        else:
            at_s, current = readings.time_s, readings.values[:, 0]
            time_s = at_s - self._trace.start_s
            temperature_c = self._thermometer.at(at_s - self.model.delay_s)
        shown = {"time_s": time_s, "temperature_c": temperature_c, self.role: current}
        for role in sorted(self._others):
            other = self._others[role]
            if len(other):
                shown[role] = np.interp(at_s, other.time_s, other.values[:, 0], np.nan, np.nan)
        return {name: column.copy() for name, column in shown.items()}


def _released(bins: Bins, curve: Curve | None) -> dict[str, Floats]:
    """Bins, and the release that is believed in them, NaN where there is none."""
    shown = {
        "time_s": bins.time_s.copy(),
        "temperature_c": bins.temperature_c.copy(),
        "current": bins.current.copy(),
    }
    told = (curve.background, curve.release, curve.sigma) if curve else ()
    for name, column in zip_longest(("background", "release", "release_sigma"), told):
        shown[name] = np.full(len(bins), np.nan)
        if curve:
            shown[name][np.searchsorted(bins.time_s, curve.bins.time_s)] = column
    return shown


def _detected(bins: Bins, alarm: int) -> Measured:
    """Temperature of a bin: it is one of all that the bin spans."""
    step_c = float(np.abs(np.gradient(bins.temperature_c)[alarm]))
    return Measured(float(bins.temperature_c[alarm]), step_c / float(np.sqrt(12.0)))


def _without_rate(curve: Curve) -> str:
    if np.min(curve.background) <= 0:
        return "there is no positive background under the release that 5 % could be taken of"
    return "the release does not reach 5 % of the background for certain"


def _rate(bins: Bins) -> Measured:
    """Rate of the ramp: the median, and how far the median of as many as there are may be off."""
    half = len(bins) // 2
    span_s = bins.time_s[half:] - bins.time_s[: len(bins) - half]
    rates = 60.0 * (bins.temperature_c[half:] - bins.temperature_c[: len(bins) - half]) / span_s
    low, middle, high = np.quantile(rates, [0.1587, 0.5, 0.8413])
    return Measured(float(middle), float(high - low) / 2.0)
