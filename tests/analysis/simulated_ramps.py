"""Ramps with a known release as blocks of rows, cut and mixed in any way."""

import numpy as np

from benchmarks.ramps import Ramp, ramp
from cgnmc_bluesky.analysis.rows import Block

__all__ = ["Ramp", "blocks", "ramp"]


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
            yield Block(stream, numbers, time_s, {k: v[part] for k, v in values.items()})
