"""What a result comes down to, in a few lines."""

import math
from collections.abc import Callable, Mapping

import numpy as np

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.board import gives, number
from cgnmc_bluesky.views.statements import (
    BEAM_DAMAGE,
    CYCLING,
    STATE_OF_CHARGE,
    SURFACE_BULK,
    charge_lines,
    cycling_lines,
    damage_lines,
    fraction_lines,
    surface_lines,
)
from cgnmc_bluesky.views.text import amount, decimals, valence_of, with_sigma, written

MN_NI_RATIO = "mn_ni_ratio"
O2_ONSET = "o2_onset"
PHASES = "phases"

_MOST_VALUES = 2
_METALS = ("Ni", "Mn", "Co")
_NAMED = {
    "111": (1 / 3, 1 / 3, 1 / 3),
    "433": (0.4, 0.3, 0.3),
    "442": (0.4, 0.4, 0.2),
    "532": (0.5, 0.3, 0.2),
    "622": (0.6, 0.2, 0.2),
    "71515": (0.7, 0.15, 0.15),
    "721": (0.7, 0.2, 0.1),
    "811": (0.8, 0.1, 0.1),
    "955": (0.9, 0.05, 0.05),
}
"""Shares of Ni, Mn and Co."""
_FARTHEST = 0.08
_DURATIONS = (("h", 3600.0), ("min", 60.0), ("s", 1.0))


def headline(result: Result) -> list[str]:
    """Write what a result says: the values that carry its analysis' name, or its particle.

    Parameters
    ----------
    result
        The result.

    Returns
    -------
    list[str]
        A line for each; none where it gives no value.
    """
    if result.analysis in _LINES:
        return _LINES[result.analysis](result)
    if valence_of(result.analysis):
        return fraction_lines(result)
    names = list(result.values)
    own = [name for name in names if name == result.analysis] or names
    return [written(result, name) for name in own if gives(result, name)][:_MOST_VALUES]


def particle_lines(result: Result) -> list[str]:
    """Write what a particle is made of: core, shell, the gradient between them, and Mn/Ni."""
    lines = composition_lines(result)
    if gives(result, "gradient_centre_um") and gives(result, "gradient_width_um"):
        centre, width = (
            with_sigma(number(result.values, name), result.sigmas.get(name), "µm")
            for name in ("gradient_centre_um", "gradient_width_um")
        )
        lines.append(f"gradient at {centre}, {width} wide")
    ratio = [written(result, "mn_ni")] if gives(result, "mn_ni") else []
    if gives(result, "longer_s"):
        ratio.append(_longer(result))
    return [*lines, "; ".join(ratio)] if ratio else lines


def onset_lines(result: Result) -> list[str]:
    """Write where oxygen began to leave the sample and where most did, or that none did."""
    if gives(result, "t_rate_c"):
        lines = [f"O₂ onset {amount(result, 't_rate_c')} (5 % of background)"]
    elif gives(result, "t_detect_c"):
        lines = [f"O₂ detected at {amount(result, 't_detect_c')}"]
    elif result.status in {Status.PROVISIONAL, Status.FINAL}:
        lines = [_no_onset(result)]
    else:
        lines = []
    peak = [written(result, name) for name in ("t_peak_c", "fwhm_c") if gives(result, name)]
    return [*lines, ", ".join(peak)] if peak else lines


def phase_lines(result: Result) -> list[str]:
    """Write how much is still layered, at which temperature, and the shape of its cell."""
    shares = [written(result, name) for name in ("layered_fraction",) if gives(result, name)]
    if shares and gives(result, "temperature_c"):
        shares.append(f"at {amount(result, 'temperature_c')}")
    cell = [written(result, n) for n in ("c_over_a", "split_108_110_deg") if gives(result, n)]
    return [line for line in (" ".join(shares), ", ".join(cell)) if line]


def _no_onset(result: Result) -> str:
    temperature_c = result.curves.get("trace", {}).get("temperature_c", np.empty(0))
    seen_c = temperature_c[np.isfinite(temperature_c)]
    reached = f" up to {seen_c.max():.0f} °C" if len(seen_c) else ""
    rate = result.values.get("false_alarm_rate")
    believed = "" if rate is None else f" (false alarms {100 * rate:.2g} %)"
    so_far = "" if result.status is Status.FINAL else " so far"
    return f"no O₂ onset{so_far}{reached}{believed}"


def composition_lines(result: Result) -> list[str]:
    """Write the compositions of core and shell, or the one of a homogeneous particle."""
    ends = {end: _shares(result, end) for end in ("core", "shell")}
    if ends["core"] and ends["core"] == ends["shell"]:
        found = "homogeneous" if result.status is Status.FINAL else "no gradient yet:"
        return [f"{found} {_composition(result, 'core')}"]
    return [f"{end} {_composition(result, end)}" for end, shares in ends.items() if shares]


def nearest_nmc(ni: float, mn: float, co: float) -> str | None:
    """Name the NMC material that a composition is nearest to, `None` where none is near.

    Parameters
    ----------
    ni, mn, co
        Atomic fractions of the three metals.

    Examples
    --------
    >>> nearest_nmc(0.61, 0.2, 0.19), nearest_nmc(0.0, 1.0, 0.0)
    ('NMC 622', None)
    """
    name, named = min(_NAMED.items(), key=lambda item: math.dist(item[1], (ni, mn, co)))
    return f"NMC {name}" if math.dist(named, (ni, mn, co)) < _FARTHEST else None


def duration(time_s: float) -> str:
    """Write how long something takes.

    Examples
    --------
    >>> duration(42.0), duration(190.0), duration(9000.0)
    ('42 s', '3.2 min', '2.5 h')
    """
    unit, unit_s = next((u for u in _DURATIONS if time_s >= u[1]), _DURATIONS[-1])
    amount = time_s / unit_s
    return f"{amount:.0f} {unit}" if unit == "s" or amount >= 10 else f"{amount:.1f} {unit}"


def _shares(result: Result, end: str) -> dict[str, float]:
    names = {metal: f"{end}_{metal.lower()}" for metal in _METALS}
    return {
        metal: number(result.values, name) for metal, name in names.items() if gives(result, name)
    }


def _composition(result: Result, end: str) -> str:
    shares = _shares(result, end)
    sigma = max(number(result.sigmas, f"{end}_{metal.lower()}") for metal in shares)
    digits = decimals(sigma) if sigma > 0 else 3
    text = " ".join(f"{metal} {share:.{digits}f}" for metal, share in shares.items())
    nmc = nearest_nmc(*shares.values()) if len(shares) == len(_METALS) else None
    return f"{text} ± {sigma:.{digits}f}" + (f" ≈ {nmc}" if nmc else "")


def _longer(result: Result) -> str:
    time_s = number(result.values, "longer_s")
    if not time_s > 0:
        return "precise enough"
    share = result.about["analysis"]["parameters"].get("precision")
    return f"{duration(time_s)} more for " + (f"{share:.1%}" if share else "the precision asked")


_LINES: Mapping[str, Callable[[Result], list[str]]] = {
    MN_NI_RATIO: particle_lines,
    O2_ONSET: onset_lines,
    PHASES: phase_lines,
    SURFACE_BULK: surface_lines,
    BEAM_DAMAGE: damage_lines,
    CYCLING: cycling_lines,
    STATE_OF_CHARGE: charge_lines,
}
