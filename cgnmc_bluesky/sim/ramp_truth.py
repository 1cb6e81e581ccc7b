"""What is true of a cathode on a heating ramp, whatever is recorded of it."""

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.sim.decomposition import ChargedCathode, Decomposition
from cgnmc_bluesky.sim.diffraction import LAYERED, PowderInstrument
from cgnmc_bluesky.sim.gauge import Gauge
from cgnmc_bluesky.sim.lattice import ROOM_C

OXYGEN = 32
RATE_SHARE = 0.05
"""Of the background: the release at which the fixed-rate temperature is taken."""
FIRST_SHARE = 0.01
"""Of the largest release: where it is said to begin."""
STEP_C = 0.2
DETECTABLE_SHARE = 1e-3
"""A phase of which there is less has no cell."""
GAUGE = Gauge()


def truth(
    sample: ChargedCathode | Decomposition,
    rate_c_per_min: float = 4.0,
    *,
    start_c: float = ROOM_C,
    target_c: float = 500.0,
    gauge: Gauge = GAUGE,
    elapsed_s: float = 0.0,
) -> dict[str, Any]:
    """Give what is true of a ramp at a constant rate.

    Parameters
    ----------
    sample
        What is heated: a fresh one, or one that has been before, which stays as it is.
    rate_c_per_min
        How fast.
    start_c
        From where.
    target_c
        To where.
    gauge
        Whose background and sensitivity count.
    elapsed_s
        Time since the gauge's start when the ramp begins.

    Returns
    -------
    dict[str, Any]
        As `truth_along` gives it.

    Examples
    --------
    >>> from cgnmc_bluesky.sim.decomposition import CHARGED
    >>> round(truth(CHARGED["conventional"])["t_peak_c"])
    233
    """
    if not (rate_c_per_min > 0 and target_c > start_c):
        raise ValueError(
            f"a ramp from {start_c} to {target_c} °C at {rate_c_per_min} °C/min; "
            "give a rate above 0 and a target above the start"
        )
    temperature_c = np.linspace(start_c, target_c, 2 + round((target_c - start_c) / STEP_C))
    time_s = elapsed_s + (temperature_c - start_c) / rate_c_per_min * 60
    return truth_along(sample, time_s, temperature_c, gauge=gauge)


def truth_along(
    sample: ChargedCathode | Decomposition,
    time_s: NDArray[np.float64],
    temperature_c: NDArray[np.float64],
    *,
    gauge: Gauge = GAUGE,
) -> dict[str, Any]:
    """Give what is true of a history of temperature.

    It is the physics' own: without noise, without the gas' way to the gauge, without exposures.

    Parameters
    ----------
    sample
        What is heated: a fresh one, or one that has been before, which stays as it is.
    time_s
        Times since the gauge's start, shape `(n,)`, rising.
    temperature_c
        The sample's temperature at them, shape `(n,)`; straight lines in between. Fine enough that
        the release is one, too.
    gauge
        Whose background and sensitivity count.

    Returns
    -------
    dict[str, Any]
        Of the release of oxygen: `t_one_percent_c`, `t_rate_c` (5 % of the background under it),
        `t_extrapolated_c` (tangent at the steepest rise, to no release), `t_peak_c`, `fwhm_c`,
        `max_slope` in A/°C; `None` where there is none, or not yet. Of the end: `temperature_c`,
        `layered_fraction`, `spinel_fraction`, `rock_salt_fraction`, `o2_released` for each
        transition metal; of the layered cell `a_angstrom`, `c_angstrom`, `c_over_a` and
        `split_108_110_deg`, of the others `spinel_a_angstrom` and `rock_salt_a_angstrom`; `None`
        where there is none of that phase.
    """
    if isinstance(sample, Decomposition):
        decomposition = copy.deepcopy(sample)
        decomposition.temperature_c = float(temperature_c[0])
    else:
        decomposition = Decomposition(sample, temperature_c=float(temperature_c[0]))
    o2_per_s = np.empty(len(time_s))
    for n, at_c in enumerate(temperature_c.tolist()):
        decomposition.advance(at_c, float(time_s[n] - time_s[max(n - 1, 0)]))
        o2_per_s[n] = decomposition.gas_rates.o2
    release_a = gauge.sensitivity_a_s * gauge.gain_at(time_s) * o2_per_s
    background_a = gauge.background_a(OXYGEN, time_s)
    return {**_release(temperature_c, release_a, background_a), **_end(decomposition)}


def _release(
    temperature_c: NDArray[np.float64],
    release_a: NDArray[np.float64],
    background_a: NDArray[np.float64],
) -> dict[str, float | None]:
    names = (
        "t_one_percent_c",
        "t_rate_c",
        "t_extrapolated_c",
        "t_peak_c",
        "fwhm_c",
        "max_slope",
    )
    if not release_a.any():
        return dict.fromkeys(names)
    peak = int(release_a.argmax())
    slope = np.gradient(release_a, temperature_c)
    steepest = int(slope[: peak + 1].argmax())
    half_a = release_a[peak] / 2
    begin_c = _crossing(temperature_c[: peak + 1], release_a[: peak + 1] - half_a)
    end_c = _crossing(temperature_c[peak:][::-1], release_a[peak:][::-1] - half_a)
    values = (
        _crossing(temperature_c, release_a - FIRST_SHARE * release_a[peak]),
        _crossing(temperature_c, release_a - RATE_SHARE * background_a),
        float(temperature_c[steepest] - release_a[steepest] / slope[steepest]),
        float(temperature_c[peak]) if peak < len(release_a) - 1 else None,
        None if begin_c is None or end_c is None else end_c - begin_c,
        float(slope[steepest]),
    )
    return dict(zip(names, values, strict=True))


def _crossing(temperature_c: NDArray[np.float64], excess: NDArray[np.float64]) -> float | None:
    """Where an excess is first above 0, in a straight line from the point before."""
    above = np.flatnonzero(excess > 0)
    if not len(above) or above[0] == 0:
        return None
    near = slice(above[0] - 1, above[0] + 1)
    return float(np.interp(0.0, excess[near], temperature_c[near]))


def _end(decomposition: Decomposition) -> dict[str, float | None]:
    phases, cells = decomposition.phases, decomposition.cells
    layered, spinel, rock_salt = (share > DETECTABLE_SHARE for share in phases)
    at_deg = dict(zip(LAYERED, PowderInstrument().positions_deg(cells)[0].tolist(), strict=True))
    return {
        "temperature_c": decomposition.temperature_c,
        "layered_fraction": phases.layered,
        "spinel_fraction": phases.spinel,
        "rock_salt_fraction": phases.rock_salt,
        "o2_released": decomposition.released.o2,
        "a_angstrom": cells.layered_a if layered else None,
        "c_angstrom": cells.layered_c if layered else None,
        "c_over_a": cells.layered_c / cells.layered_a if layered else None,
        "split_108_110_deg": at_deg[1, 1, 0] - at_deg[0, 1, 8] if layered else None,
        "spinel_a_angstrom": cells.spinel_a if spinel else None,
        "rock_salt_a_angstrom": cells.rock_salt_a if rock_salt else None,
    }
