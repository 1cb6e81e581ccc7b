from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest
from made_cycling import CURVE_UNITS as CYCLING_UNITS
from made_ramps import CURVE_UNITS

Document = tuple[str, dict[str, Any]]
_NUMBERS = count(1)


def _result_documents(
    analysis: str,
    values: dict[str, tuple[float, float, str]],
    curves: dict[str, dict[str, np.ndarray]] | None = None,
    *,
    scan_id: int = 1,
    sample: str = "conventional",
    status: str = "final",
    reason: str = "",
    **named: Any,
) -> Iterator[Document]:
    uid = f"result-{next(_NUMBERS)}"
    yield (
        "start",
        {
            "uid": uid,
            "time": 0.0,
            "purpose": "analysis",
            "parent_uid": f"run-{scan_id}",
            "parent_scan_id": scan_id,
            "parent_plan_name": "xanes_scan",
            "sample": sample,
            **(named or {"mode": "transmission"}),
            "analysis": {"name": analysis, "version": "1", "parameters": {}, "references": []},
        },
    )
    data: dict[str, Any] = {"status": status, "reason": reason, "n_points": 200}
    keys: dict[str, Any] = {key: {"dtype": "string", "shape": [], "source": "a"} for key in data}
    for name, (value, sigma, unit) in values.items():
        data |= {name: value, f"{name}_sigma": sigma}
        key = {"dtype": "number", "shape": [], "source": "a", "units": unit}
        keys |= {name: key, f"{name}_sigma": key}
    yield from _stream(uid, "primary", keys, data)
    for group, arrays in (curves or {}).items():
        lists = {name: values.tolist() for name, values in arrays.items()}
        keys = {name: _array_key(name, values.ndim) for name, values in arrays.items()}
        yield from _stream(uid, group, keys, lists)
    yield "stop", {"uid": f"{uid}-stop", "run_start": uid, "time": 1.0, "exit_status": "success"}


def _array_key(name: str, dimensions: int) -> dict[str, Any]:
    units = {"energy_ev": "eV", "x_um": "um", "y_um": "um", "radius_um": "um"}
    units |= CURVE_UNITS | CYCLING_UNITS
    key = {"dtype": "array", "shape": [None] * dimensions, "source": "a"}
    return {**key, "units": units.get(name, "")}


def _stream(uid: str, name: str, keys: dict[str, Any], data: dict[str, Any]) -> Iterator[Document]:
    descriptor = f"{uid}-{name}"
    yield (
        "descriptor",
        {"uid": descriptor, "run_start": uid, "name": name, "data_keys": keys, "time": 0.0},
    )
    event = {"uid": f"{descriptor}-1", "descriptor": descriptor, "seq_num": 1, "time": 0.5}
    yield "event", {**event, "data": data, "timestamps": dict.fromkeys(data, 0.5), "filled": {}}


@pytest.fixture
def result_documents() -> Callable[..., Iterator[Document]]:
    """Documents of one result, made by hand after the contract."""
    return _result_documents


@pytest.fixture
def spectrum() -> dict[str, np.ndarray]:
    """Curves of a combination of two references on a falling background."""
    energy_ev = np.arange(8250.0, 8550.0, 0.5)
    rng = np.random.default_rng(0)

    def absorption(edge_ev: float) -> np.ndarray:
        step = 0.5 + np.arctan((energy_ev - edge_ev) / 1.5) / np.pi
        return (
            step
            + 0.5 * np.exp(-(((energy_ev - edge_ev - 4) / 3) ** 2))
            + 0.05 * np.sin((energy_ev - edge_ev) / 9) * (energy_ev > edge_ev)
        )

    parts = {"NiO": 0.35 * absorption(8343.0), "LiNiO2": 0.65 * absorption(8346.0)}
    fit = sum(parts.values()) + 0.2 - 0.0004 * (energy_ev - 8400)
    mu = fit + rng.normal(0, 0.004, energy_ev.size)
    return {
        "energy_ev": energy_ev,
        "mu": mu,
        "fit": fit,
        "residual": mu - fit,
        "normalised": mu - 0.2 + 0.0004 * (energy_ev - 8400),
        **{f"component_{name}": part for name, part in parts.items()},
    }


METALS = ("mn", "co", "ni")
K_LINES_EV = {"mn": (5895.0, 6490.0), "co": (6925.0, 7649.0), "ni": (7472.0, 8265.0)}


@pytest.fixture
def particle_map() -> Callable[..., tuple[dict[str, Any], dict[str, dict[str, np.ndarray]]]]:
    """Values and arrays of a core-shell particle's map, as the analysis names them."""
    return _particle_map


def _particle_map(
    x_um: np.ndarray, y_um: np.ndarray, line: np.ndarray, *, ni_counts: float = 3000.0
) -> tuple[dict[str, Any], dict[str, dict[str, np.ndarray]]]:
    rng = np.random.default_rng(1)
    distance = np.hypot(x_um, y_um)
    chords = {metal: _chord(metal, distance) for metal in METALS}
    sensitivity = {"mn": 0.54, "co": 0.83, "ni": 1.0}
    scale = ni_counts / _chord("ni", np.zeros(1))[0]
    expected = {m: scale * sensitivity[m] * chords[m] + 5.0 for m in METALS}
    counts = {m: rng.poisson(np.nan_to_num(e)) - 5.0 for m, e in expected.items()}
    atoms = {m: counts[m] / sensitivity[m] for m in METALS}
    relative = np.hypot(*(np.sqrt(counts[m] + 10) / np.maximum(counts[m], 1) for m in ("mn", "ni")))
    dim = counts["ni"] < 0.05 * ni_counts
    ratio = np.where(dim, np.nan, atoms["mn"] / np.where(dim, 1, atoms["ni"]))
    pixels = {
        **{"x_um": x_um, "y_um": y_um, "line": line, "particle": (distance < _RADIUS) * 1.0},
        **{m: np.where(np.isfinite(distance), counts[m], np.nan) for m in METALS},
        **{"mn_ni": ratio, "mn_ni_sigma": ratio * relative},
        **{f"cov_{a}_{b}": (a == b) * (counts[a] + 10.0) for a, b in _PAIRS},
    }
    curves = {"map": pixels, "profile": _profile(rng), "spectrum": _summed(rng)}
    return dict(_VALUES), curves


_PAIRS = [(a, b) for at, a in enumerate(METALS) for b in METALS[at:]]
_RADIUS, _CENTRE, _WIDTH = 4.0, 3.0, 1.0
_CORE, _SHELL = {"ni": 0.7, "mn": 0.15, "co": 0.15}, {"ni": 0.4, "mn": 0.4, "co": 0.2}
_VALUES = {
    "mn_ni": (0.452, 0.003, ""),
    "mn_ni_core": (0.214, 0.009, ""),
    "mn_ni_shell": (1.002, 0.031, ""),
    **{f"core_{metal}": (share, 0.006, "") for metal, share in _CORE.items()},
    **{f"shell_{metal}": (share, 0.011, "") for metal, share in _SHELL.items()},
    "particle_radius_um": (_RADIUS, 0.004, "um"),
    "gradient_centre_um": (_CENTRE, 0.02, "um"),
    "gradient_width_um": (_WIDTH, 0.06, "um"),
    "pixels": (5026.0, np.nan, ""),
    "longer_s": (190.0, np.nan, "s"),
}


def _fraction(metal: str, radius_um: np.ndarray) -> np.ndarray:
    share = 0.5 + np.arctan((radius_um - _CENTRE) / (_WIDTH / 6)) / np.pi
    return _CORE[metal] + (_SHELL[metal] - _CORE[metal]) * share


def _chord(metal: str, distance: np.ndarray) -> np.ndarray:
    """Atoms along the beam through the sphere."""
    half = np.sqrt(np.maximum(_RADIUS**2 - distance**2, 0.0))
    depth = np.linspace(0, 1, 60)[:, None] * half.ravel()
    inner = np.hypot(distance.ravel(), depth)
    return (2 * half.ravel() * _fraction(metal, inner).mean(axis=0)).reshape(distance.shape)


def _profile(rng: np.random.Generator) -> dict[str, np.ndarray]:
    radius_um = np.linspace(0.1, 3.9, 20)
    chords = {metal: _chord(metal, radius_um) for metal in METALS}
    total = sum(chords.values())
    fit = {metal: chord / total for metal, chord in chords.items()}
    sigma = 0.012 / np.sqrt(radius_um)
    seen = {metal: share + rng.normal(0, sigma) for metal, share in fit.items()}
    return {
        "radius_um": radius_um,
        **seen,
        **{f"{metal}_sigma": sigma for metal in METALS},
        "mn_ni": seen["mn"] / seen["ni"],
        "mn_ni_sigma": 1.6 * sigma,
        **{f"{metal}_fit": share for metal, share in fit.items()},
        "mn_ni_fit": fit["mn"] / fit["ni"],
        **{f"{metal}_radial": _fraction(metal, radius_um) for metal in METALS},
    }


def _summed(rng: np.random.Generator) -> dict[str, np.ndarray]:
    energy_ev = np.arange(5000.0, 9400.0, 10.0)

    def peak(at_ev: float, counts: float, width_ev: float = 65.0) -> np.ndarray:
        return counts * np.exp(-(((energy_ev - at_ev) / width_ev) ** 2) / 2)

    strength = {"mn": 2.5e5, "co": 3e5, "ni": 1.2e6}
    parts = {
        f"{metal}_k": peak(alpha, strength[metal]) + peak(beta, 0.135 * strength[metal])
        for metal, (alpha, beta) in K_LINES_EV.items()
    }
    background = 900 + 0.2 * (energy_ev - 5000)
    scatter = peak(9000, 4e5, 75) + peak(8840, 9e4, 110)
    fit = sum(parts.values()) + background + scatter
    counts = rng.poisson(fit).astype(float)
    lines = {"energy_ev": energy_ev, "counts": counts, "fit": fit, "background": background}
    return {**lines, **parts, "scatter": scatter}
