"""Ramps with a known release as blocks of rows, cut and mixed in any way, and what can go wrong."""

from dataclasses import replace

import numpy as np

from benchmarks.ramps import Ramp, ramp
from cgnmc_bluesky.analysis.rows import Block

__all__ = ["FAULTS", "Ramp", "blocks", "cut", "ramp"]


def blocks(measured, size=500, *, start_s=0.0, together=False):
    """The rows of a ramp: temperature and ions in streams of their own, or together in one."""
    readings = {"temperature_c": measured.temperature_c, "ion_32": measured.current_a}
    streams = {"primary": readings}
    if not together:
        names = {"temperature": "temperature_c", "ions": "ion_32"}
        streams = {stream: {role: readings[role]} for stream, role in names.items()}
    for first in range(0, len(measured.time_s), size):
        part = slice(first, first + size)
        time_s = start_s + measured.time_s[part]
        for stream, values in streams.items():
            numbers = np.arange(first + 1, first + 1 + len(time_s))
            columns = {role: one[part] for role, one in values.items()}
            stamp_s = start_s + measured.stamp_s[part] if stream == "ions" else time_s
            yield Block(stream, numbers, time_s, columns, event_s=time_s, stamp_s=stamp_s)


def cut(measured, from_c=-np.inf, to_c=np.inf):
    """Only the readings between two temperatures."""
    chosen = (measured.temperature_c > from_c) & (measured.temperature_c < to_c)
    columns = ("time_s", "stamp_s", "temperature_c", "current_a", "background_a", "release_a")
    return replace(measured, **{name: getattr(measured, name)[chosen] for name in columns})


def _stalled(measured):
    """The thermocouple stands still from 120 °C on."""
    return replace(measured, temperature_c=np.minimum(measured.temperature_c, 120.0))


def _stuck_for_a_while(measured):
    inside = (measured.temperature_c > 120) & (measured.temperature_c < 160)
    return replace(measured, temperature_c=np.where(inside, 120.0, measured.temperature_c))


def _jumped(measured):
    """40 °C more from 120 °C on, as where a thermocouple slips."""
    hot = measured.temperature_c > 120
    return replace(measured, temperature_c=measured.temperature_c + 40.0 * hot)


def _backwards(measured):
    """Falls by 60 °C at 150 °C, and then goes on rising."""
    hot = np.maximum.accumulate(measured.temperature_c > 150)
    middle = np.argmax(hot)
    fall_c = np.clip((measured.time_s - measured.time_s[middle]) / 10, 0, 60)
    return replace(measured, temperature_c=measured.temperature_c - fall_c)


def _nan_temperatures(measured):
    missing = np.random.default_rng(1).random(len(measured.time_s)) < 0.2
    return replace(measured, temperature_c=np.where(missing, np.nan, measured.temperature_c))


def _no_temperature(measured):
    return replace(measured, temperature_c=np.full(len(measured.time_s), np.nan))


def _nan_currents(measured):
    missing = np.random.default_rng(2).random(len(measured.time_s)) < 0.2
    return replace(measured, current_a=np.where(missing, np.nan, measured.current_a))


def _no_current(measured):
    return replace(measured, current_a=np.full(len(measured.time_s), np.nan))


def _spiky(measured):
    """One reading in fifty is anything."""
    random = np.random.default_rng(3)
    struck = random.random(len(measured.time_s)) < 0.02
    wild_a = measured.current_a * 10 ** random.uniform(0.5, 2, len(measured.time_s))
    wild_c = measured.temperature_c + 300.0
    return replace(
        measured,
        current_a=np.where(struck, wild_a, measured.current_a),
        temperature_c=np.where(np.roll(struck, 7), wild_c, measured.temperature_c),
    )


def _constant(measured):
    """A multiplier that is off."""
    return replace(measured, current_a=np.zeros(len(measured.time_s)))


def _infinite(measured):
    current_a = measured.current_a.copy()
    current_a[100:110] = np.inf
    return replace(measured, current_a=current_a)


def _gap(measured):
    """Nothing is recorded for ten minutes about 150 °C."""
    middle_s = measured.time_s[np.argmax(measured.temperature_c > 150)]
    kept = np.abs(measured.time_s - middle_s) > 300
    columns = ("time_s", "stamp_s", "temperature_c", "current_a", "background_a", "release_a")
    return replace(measured, **{name: getattr(measured, name)[kept] for name in columns})


FAULTS = {
    "a thermocouple that stands still": (_stalled, "still"),
    "one that stands still for a while": (_stuck_for_a_while, "still"),
    "one that jumps": (_jumped, "jumps"),
    "a temperature that runs backwards": (_backwards, "back"),
    "temperatures missing": (_nan_temperatures, "temperature"),
    "no temperature": (_no_temperature, "temperature"),
    "currents missing": (_nan_currents, "missing"),
    "no current": (_no_current, "32"),
    "spikes": (_spiky, "spike"),
    "a multiplier that is off": (_constant, ""),
    "infinite currents": (_infinite, ""),
    "a gap": (_gap, ""),
}
"""What goes wrong, and a word that the reason holds then."""
