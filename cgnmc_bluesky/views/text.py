"""Numbers and names as people write them."""

import math
import re

from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.board import number

_VALENCE_FRACTION = re.compile(r"([a-z]{1,2})(\d)_fraction")
_OF_VALENCE = re.compile(r"([a-z]{1,2}\d_fraction)_(\w+)")
_MOST_DECIMALS = 6
_METAL = re.compile(r"\b(mn|co|ni)\b")
_SIGNS = {
    "1": "",
    "dimensionless": "",
    "um": "µm",
    "deg": "°",
    "degC": "°C",
    "degC/min": "°C/min",
    "A/degC": "A/°C",
    "angstrom": "Å",
}
_UNIT_ENDINGS = ("_ev", "_c", "_um", "_deg", "_angstrom", "_mah_per_g", "_mah", "_v", "_a", "_px")
_CURRENT = re.compile(r"A\b")
_PREFIXES = {0: "", -3: "m", -6: "µ", -9: "n", -12: "p", -15: "f", -18: "a"}
_WORDS = {
    "o2_onset": "O₂ onset",
    "t_rate_c": "O₂ onset",
    "t_detect_c": "detected",
    "t_first_deviation_c": "first deviation",
    "t_extrapolated_c": "extrapolated",
    "t_peak_c": "peak",
    "fwhm_c": "FWHM",
    "max_slope": "largest slope",
    "rate_c_per_min": "heating rate",
    "t_rate_difference_c": "O₂ onset, difference",
    "t_extrapolated_difference_c": "extrapolated, difference",
    "t_peak_difference_c": "peak, difference",
    "fwhm_ratio": "FWHM, ratio",
    "a_angstrom": "a",
    "c_angstrom": "c",
    "c_over_a": "c/a",
    "split_108_110_deg": "(110) − (108)",
    "i003_i104": "I(003)/I(104)",
    "i220_spinel": "I(220) of the spinel",
    "layered_fraction": "layered",
    "surface_bulk": "surface − bulk",
    "mean_valence_difference": "mean valence, surface − bulk",
    "x_li": "x(Li)",
    "capacity_retention": "capacity retained",
    "dqdv_peak_v": "dQ/dV peak",
    "dqdv_peak_height": "height of the dQ/dV peak",
    "dqdv_peak_shift_v": "shift of the dQ/dV peak",
}
_OF_IONS = {"difference": ", surface − bulk"}
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def with_sigma(value: float, sigma: float | None, unit: str = "") -> str:
    """Write a value with its uncertainty, to as many digits as that bears.

    The uncertainty gets two digits where it begins with 1 or 2, else one.

    Parameters
    ----------
    value
        The value, finite.
    sigma
        One standard deviation; `None` or zero where there is none: the value then has six digits.
    unit
        Unit of both.

    Examples
    --------
    >>> with_sigma(8344.7634, 0.0213, "eV")
    '8344.763 ± 0.021 eV'
    >>> with_sigma(0.3481, 0.0062)
    '0.348 ± 0.006'
    >>> with_sigma(1204.0, 35.0)
    '1204 ± 35'
    >>> with_sigma(0.4273, 0.0061, "°")
    '0.427 ± 0.006°'
    """
    if sigma is None or not sigma > 0:
        written = f"{value:.6g}"
    else:
        digits = decimals(sigma)
        written = f"{value:z.{digits}f} ± {sigma:.{digits}f}"
    return f"{written}{unit}" if unit == "°" else f"{written} {unit}".rstrip()


def decimals(sigma: float) -> int:
    """Digits behind the point that an uncertainty bears."""
    exponent = math.floor(math.log10(sigma))
    leading = sigma / 10**exponent
    return min(_MOST_DECIMALS, max(0, -exponent + (1 if leading < 2.95 else 0)))


def valence_of(name: str) -> tuple[str, int] | None:
    """Element and valence that a fraction is of, `None` for any other value.

    Examples
    --------
    >>> valence_of("ni2_fraction")
    ('Ni', 2)
    """
    match = _VALENCE_FRACTION.fullmatch(name)
    return (match[1].capitalize(), int(match[2])) if match else None


def ion(element: str, valence: int) -> str:
    """Write an ion.

    Examples
    --------
    >>> ion("Ni", 2)
    'Ni²⁺'
    """
    return f"{element}{str(valence).translate(_SUPERSCRIPTS)}⁺"


def label(name: str) -> str:
    """Write the name of a value or an analysis in words.

    Examples
    --------
    >>> label("edge_shift_ev"), label("ni2_fraction"), label("fraction_LiNiO2")
    ('edge shift', 'Ni²⁺', 'LiNiO2')
    >>> label("mn_ni_core"), label("shell_co"), label("mn_ni_ratio")
    ('Mn/Ni core', 'shell Co', 'Mn/Ni ratio')
    >>> label("o2_onset"), label("c_over_a"), label("ni2_fraction_difference")
    ('O₂ onset', 'c/a', 'Ni²⁺, surface − bulk')
    """
    if name in _WORDS:
        return _WORDS[name]
    valence = valence_of(name)
    if valence:
        return ion(*valence)
    of_valence = _OF_VALENCE.fullmatch(name)
    if of_valence:
        return f"{label(of_valence[1])}{_OF_IONS.get(of_valence[2], ' ' + of_valence[2])}"
    for ending in _UNIT_ENDINGS:
        name = name.removesuffix(ending)
    for start in ("fraction_", "component_"):
        name = name.removeprefix(start)
    words = name.replace("mn_ni", "Mn/Ni").replace("_", " ")
    return _METAL.sub(lambda metal: metal[0].capitalize(), words)


def sign_of(unit: str) -> str:
    """Write a unit; nothing for a number.

    Examples
    --------
    >>> sign_of("um"), sign_of("dimensionless")
    ('µm', '')
    """
    return _SIGNS.get(unit, unit)


def amount(result: Result, name: str) -> str:
    """Write a value of a result that gives it, with its uncertainty and unit."""
    value, sigma, unit = number(result.values, name), result.sigmas.get(name), result.units[name]
    if not _CURRENT.match(unit):
        return with_sigma(value, sigma, sign_of(unit))
    factor, prefix = prefixed(abs(value))
    scaled = None if sigma is None else sigma * factor
    return with_sigma(value * factor, scaled, prefix + sign_of(unit))


def prefixed(size: float) -> tuple[float, str]:
    """Find the prefix that makes a size a number from 1 to 1000.

    Parameters
    ----------
    size
        In the unit itself, not negative.

    Returns
    -------
    tuple
        What the number is to be multiplied by, and the prefix.

    Examples
    --------
    >>> prefixed(3.2e-11)
    (1000000000000.0, 'p')
    """
    exponent = 0 if not 0 < size < math.inf else 3 * math.floor(math.log10(size) / 3 + 1e-9)
    exponent = min(0, max(min(_PREFIXES), exponent))
    return 10.0**-exponent, _PREFIXES[exponent]


def written(result: Result, name: str) -> str:
    """Write one value of a result that gives it: its name, value, uncertainty and unit."""
    return f"{label(name)} {amount(result, name)}"
