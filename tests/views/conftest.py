from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest

Document = tuple[str, dict[str, Any]]
_NUMBERS = count(1)


def _result_documents(
    analysis: str,
    values: dict[str, tuple[float, float, str]],
    curves: dict[str, np.ndarray] | None = None,
    *,
    scan_id: int = 1,
    sample: str = "conventional",
    status: str = "final",
    reason: str = "",
    mode: str = "transmission",
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
            "mode": mode,
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
    if curves:
        arrays = {name: values.tolist() for name, values in curves.items()}
        spec = {"dtype": "array", "shape": [len(curves["energy_ev"])], "source": "a", "units": ""}
        yield from _stream(uid, "spectrum", dict.fromkeys(arrays, spec), arrays)
    yield "stop", {"uid": f"{uid}-stop", "run_start": uid, "time": 1.0, "exit_status": "success"}


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
