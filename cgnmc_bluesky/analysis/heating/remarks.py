"""What is wrong with the readings of a ramp, in words."""

import numpy as np

from cgnmc_bluesky.analysis.heating.thermometer import Thermometer
from cgnmc_bluesky.analysis.heating.trace import Trace
from cgnmc_bluesky.analysis.rows import counted

FEW = 0.02
"""Share of readings without a temperature that is not worth a remark: before it was read first."""
APART_S = 30.0
"""Two clocks may disagree where readings both begin and end so much later than the temperature."""
STUCK = 0.5
"""A current that repeats itself in so large a share of its readings is stuck, or coarse."""


def remarks_on(thermometer: Thermometer, trace: Trace, name: str) -> list[str]:
    """Say what is remarkable about temperature and ion current.

    Parameters
    ----------
    thermometer
        The temperature.
    trace
        The ion current, whose bins have been closed.
    name
        What the ion current is called.
    """
    n = len(trace.readings)
    told = thermometer.remarks()
    if trace.n_missing:
        told.append(f"{counted(trace.n_missing, 'reading')} of {name} missing")
    if trace.n_spikes:
        told.append(f"{counted(trace.n_spikes, 'spike')} of {name} left out")
    if n and trace.n_repeated > STUCK * n:
        told.append(f"{name} repeats itself in {trace.n_repeated} of {n} readings")
    if n and trace.n_without_temperature > FEW * n:
        told.append(_clocks(thermometer, trace, name, n))
    return told


def _clocks(thermometer: Thermometer, trace: Trace, name: str, n: int) -> str:
    what = f"no temperature at {trace.n_without_temperature} of {n} readings of {name}"
    if not len(thermometer):
        return what
    first_s, last_s = trace.readings.time_s[[0, -1]] - np.array(thermometer.range_s)
    if first_s * last_s <= 0 or min(abs(first_s), abs(last_s)) < APART_S:
        return what
    return f"{what}: their first are {abs(first_s):.0f} s apart, two clocks may disagree"
