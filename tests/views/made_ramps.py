"""Values and arrays of heating ramps, made up after the contract's names."""

from typing import Any

import numpy as np

Values = dict[str, tuple[float, float, str]]
Curves = dict[str, dict[str, np.ndarray]]

ONSET_UNITS = {
    "t_detect_c": "degC",
    "t_rate_c": "degC",
    "t_first_deviation_c": "degC",
    "t_extrapolated_c": "degC",
    "t_peak_c": "degC",
    "fwhm_c": "degC",
    "max_slope": "A/degC",
    "false_alarm_rate": "",
    "rate_c_per_min": "degC/min",
}
CURVE_UNITS = {
    "time_s": "s",
    "temperature_c": "degC",
    "two_theta_deg": "deg",
    "two_theta_cu_deg": "deg",
    "a_angstrom": "angstrom",
    "c_angstrom": "angstrom",
    "split_108_110_deg": "deg",
    **dict.fromkeys(("current", "background", "release", "release_sigma"), "A"),
    **{f"ion_{mass}": "A" for mass in (18, 28, 32, 40, 44)},
}
MASSES = {18: 4e-11, 28: 9e-11, 32: 1.2e-11, 40: 1.1e-12, 44: 5e-12}
WAVELENGTH_A, CU_A = 0.4522, 1.5406
LAYERED, SPINEL = (18.47, 37.32, 44.81, 64.23, 66.23), (18.84, 31.01, 36.54, 44.43, 64.64)


def ramp(stop_c: float = 500.0, rate_c_per_min: float = 4.0, period_s: float = 3.0):
    """Time and temperature of a steady ramp from 25 °C."""
    time_s = np.arange(0.0, (stop_c - 25.0) / rate_c_per_min * 60.0, period_s)
    return time_s, 25.0 + rate_c_per_min * time_s / 60.0


def onset(
    peak_c: float = 206.0,
    fwhm_c: float = 16.0,
    *,
    stop_c: float = 500.0,
    strength: float = 1.1e-10,
    time_s: np.ndarray | None = None,
    temperature_c: np.ndarray | None = None,
) -> tuple[Values, Curves]:
    """Result of a release of some width; of a run that ended before it, no onset."""
    rng = np.random.default_rng(0)
    if time_s is None or temperature_c is None:
        time_s, temperature_c = ramp(stop_c)
    decay = np.exp(-time_s / 2500.0)

    def released(at_c):
        return strength / np.cosh((at_c - peak_c) / (fwhm_c / 1.763)) ** 2

    noise = {mass: rng.normal(0, 0.004 * level, time_s.size) for mass, level in MASSES.items()}
    ions = {
        f"ion_{mass}": level * (0.6 + 0.4 * decay) + noise[mass] for mass, level in MASSES.items()
    }
    ions["ion_32"] += released(temperature_c)
    ions["ion_44"] += 0.2 * released(temperature_c)
    trace = {"time_s": time_s, "temperature_c": temperature_c, **ions}
    bins = slice(4, None, 8)
    background = MASSES[32] * (0.6 + 0.4 * decay[bins])
    current = ions["ion_32"].reshape(-1)[bins]
    release = {
        "time_s": time_s[bins],
        "temperature_c": temperature_c[bins],
        "current": current,
        "background": background,
        "release": current - background,
        "release_sigma": np.full(background.size, 6e-14),
    }
    values = dict.fromkeys(ONSET_UNITS, np.nan)
    sigmas = dict(values)
    values |= {"false_alarm_rate": 0.05, "rate_c_per_min": 4.0}
    if stop_c > peak_c:
        at = {"t_detect_c": -1.1, "t_rate_c": -1.2, "t_first_deviation_c": -1.6}
        at |= {"t_extrapolated_c": -0.75, "t_peak_c": 0.0}
        values |= {name: peak_c + share * fwhm_c for name, share in at.items()}
        sigmas |= dict(zip(at, (np.nan, 1.2, 2.4, 0.7, 0.2), strict=True))
        values |= {"fwhm_c": fwhm_c, "max_slope": 1.4 * strength / fwhm_c}
        sigmas |= {"fwhm_c": 0.3, "max_slope": 2e-13}
    named = {name: (values[name], sigmas[name], unit) for name, unit in ONSET_UNITS.items()}
    return named, {"trace": trace, "release": release}


def phases(temperature_c: np.ndarray | None = None, bins: int = 700) -> tuple[Values, Curves]:
    """Result of patterns that go from layered to spinel, by default one every 4 °C."""
    rng = np.random.default_rng(1)
    if temperature_c is None:
        temperature_c = np.arange(27.0, 500.0, 4.0) + rng.normal(0, 0.3, 119)
    n = temperature_c.size
    layered = 1 / (1 + np.exp((temperature_c - 210.0) / 8.0))
    expansion = 1 + 1.2e-5 * (temperature_c - 25.0)
    two_theta_deg = np.linspace(4.0, 20.0, bins)
    intensity = 40.0 * np.exp(-two_theta_deg / 9)[None] + np.zeros((n, bins))
    for peaks, share in ((LAYERED, layered), (SPINEL, 1 - layered)):
        for cu_deg, height in zip(peaks, (900, 250, 500, 180, 180), strict=True):
            at_deg = native(cu_deg) / expansion
            shape = np.exp(-(((two_theta_deg[None] - at_deg[:, None]) / 0.045) ** 2))
            intensity += height * share[:, None] * shape
    intensity = rng.poisson(np.nan_to_num(intensity)).astype(np.float32)
    axis = {"two_theta_deg": two_theta_deg, "two_theta_cu_deg": copper(two_theta_deg)}
    series: dict[str, Any] = {"time_s": 60.0 * np.arange(n), "temperature_c": temperature_c}
    shown = {
        "a_angstrom": (2.83 * expansion, 0.0004, "angstrom"),
        "c_angstrom": (14.2 * expansion - 0.3 * (1 - layered), 0.003, "angstrom"),
        "c_over_a": (5.02 - 0.12 * (1 - layered), 0.0008, ""),
        "split_108_110_deg": (0.5 * layered, 0.006, "deg"),
        "i003_i104": (1.6 * layered, 0.02, ""),
        "i220_spinel": (0.4 * (1 - layered), 0.02, ""),
        "layered_fraction": (layered, 0.012, ""),
    }
    for name, (true, sigma, _) in shown.items():
        series[name] = true + rng.normal(0, sigma, n)
        series[f"{name}_sigma"] = np.full(n, sigma)
    gone = layered < 0.03
    for name in ("a_angstrom", "c_angstrom", "c_over_a", "split_108_110_deg", "i003_i104"):
        series[name][gone] = series[f"{name}_sigma"][gone] = np.nan
    values = {name: (series[name][-1], sigma, unit) for name, (_, sigma, unit) in shown.items()} | {
        "temperature_c": (temperature_c[-1], 0.1, "degC")
    }
    pattern = {
        **axis,
        "counts": intensity[-1],
        "fit": intensity[-1],
        "background": 40.0 * np.exp(-two_theta_deg / 9),
        "layered": np.zeros(bins),
        "spinel": intensity[-1],
        "rock_salt": np.zeros(bins),
    }
    patterns = {name: series[name] for name in ("time_s", "temperature_c")}
    patterns["intensity"] = intensity
    return values, {"series": series, "pattern": pattern, "patterns": patterns, "axis": axis}


def native(cu_deg):
    """2θ at the wavelength of the measurement."""
    return np.degrees(2 * np.arcsin(WAVELENGTH_A / CU_A * np.sin(np.radians(cu_deg / 2))))


def copper(native_deg):
    """2θ at Cu Kα1."""
    return np.degrees(2 * np.arcsin(CU_A / WAVELENGTH_A * np.sin(np.radians(native_deg / 2))))
