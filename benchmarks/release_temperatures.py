"""How near the temperatures of a release come to the truth, while it goes on and at its end."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.figure import Figure
from benchmarks.ramps import Kind
from benchmarks.release_detection import N_WITH
from benchmarks.release_runs import CUTS_C, Run, Values, runs

Floats = NDArray[np.float64]

KINDS: tuple[Kind, ...] = ("sharp", "spread", "weak")
RATE_C = 2.5
WIDTH_PERCENT = {"sharp": 5.0, "spread": 15.0}
COVERAGE = {"at_least": 0.62, "at_most": 0.74}
NAMED = ("t_rate_c", "t_extrapolated_c", "t_peak_c", "fwhm_c", "max_slope")
"""Values whose truth is known."""


def figures(*, tiny: bool = False) -> Iterator[Figure]:
    """Measure it."""
    n = 1 if tiny else N_WITH
    for kind in KINDS:
        found = [run for run in runs(kind, n) if run.parts]
        yield _in_part(kind, found)
        yield _moved(kind, found)
        yield _at_the_end(kind, found)
    for kind, percent in WIDTH_PERCENT.items():
        yield _width(kind, runs(kind, n), percent)
    for name in NAMED:
        yield _coverage(name, [run for kind in KINDS for run in runs(kind, n)])


def _in_part(kind: Kind, found: Sequence[Run]) -> Figure:
    """The fixed rate from partial data; beside it the tangent, against its own truth."""
    errors = _by_part([[_rate_c(part.values) for part in run.parts] for run in found])
    errors -= np.array([run.truth["t_rate_c"] for run in found])[:, None]
    by_hand = _by_part([[part.tangent_c for part in run.parts] for run in found])
    by_hand -= np.array([run.truth["t_extrapolated_c"] for run in found])[:, None]
    told = ", ".join(
        f"+{cut:g} °C {np.isfinite(column).mean():.0%} {_mean_sd(column)}"
        for cut, column in zip(CUTS_C, errors.T, strict=True)
    )
    farthest = np.nan_to_num(np.abs(errors)).max(axis=1, initial=0.0)
    return Figure(
        f"{kind}: 5 % of the background, on partial data, rms error",
        _rms(errors),
        "°C",
        at_most=RATE_C,
        peers={"tangent, of its own truth": _rms(by_hand)},
        remark=f"behind the alarm, given, and error: {told}; farthest {_worst(found, farthest)}",
    )


def _moved(kind: Kind, found: Sequence[Run]) -> Figure:
    moved = _by_part([[_rate_c(part.values) for part in run.parts] for run in found])
    moved -= np.array([_rate_c(run.values) for run in found])[:, None]
    by_hand = _by_part([[part.tangent_c for part in run.parts] for run in found])
    size = np.nan_to_num(np.abs(moved))
    return Figure(
        f"{kind}: 5 % of the background, from partial data to the end, moves by (rms)",
        _rms(moved),
        "°C",
        at_most=RATE_C,
        peers={f"tangent, to {CUTS_C[-1]:g} °C behind the alarm": _rms(by_hand - by_hand[:, -1:])},
        remark=f"farthest {_worst(found, size.max(axis=1, initial=0.0))}",
    )


def _at_the_end(kind: Kind, found: Sequence[Run]) -> Figure:
    errors = {name: np.array([_error_of(run, name) for run in found]) for name in NAMED[:3]}
    rate = errors["t_rate_c"]
    told = ", ".join(f"{name} {_mean_sd(column)}" for name, column in errors.items())
    return Figure(
        f"{kind}: 5 % of the background, at the end, rms error",
        _rms(rate),
        "°C",
        at_most=RATE_C,
        remark=f"{told}; farthest {_worst(found, np.abs(rate))}",
    )


def _width(kind: Kind, ramps: Sequence[Run], percent: float) -> Figure:
    errors = np.array([100 * _error_of(run, "fwhm_c") / run.truth["fwhm_c"] for run in ramps])
    return Figure(
        f"{kind}: full width at half maximum, rms error",
        _rms(errors),
        "%",
        at_most=percent,
        remark=f"given in {np.isfinite(errors).mean():.0%}; {_mean_sd(errors)} %; median "
        f"{np.nanmedian(np.abs(errors)):.1f} %; farthest " + _worst(ramps, np.abs(errors)),
    )


def _coverage(name: str, ramps: Sequence[Run]) -> Figure:
    errors = np.array([_error_of(run, name) for run in ramps])
    sigmas = np.array([run.sigmas[name] for run in ramps], dtype=float)
    kinds = np.array([run.kind for run in ramps])
    known = np.isfinite(errors) & np.isfinite(sigmas)
    inside = np.abs(errors) <= sigmas
    told = ", ".join(f"{kind} {inside[known & (kinds == kind)].mean():.2f}" for kind in KINDS)
    pulls = errors[known] / sigmas[known]
    return Figure(
        f"{name} within one sigma of the truth, share",
        float(inside[known].mean()),
        **COVERAGE,
        remark=f"{told}; pulls' median {np.median(pulls):+.2f}, half of them within "
        f"{np.median(np.abs(pulls)):.2f} (0.67 of a normal law)",
    )


def _by_part(values: Sequence[Sequence[float]]) -> Floats:
    return np.array(values, dtype=float).reshape(-1, len(CUTS_C))


def _rate_c(values: Values) -> float:
    found = values["t_rate_c"]
    return np.nan if found is None else found


def _error_of(run: Run, name: str) -> float:
    found = run.values[name]
    return np.nan if found is None else found - run.truth[name]


def _rms(errors: Floats) -> float:
    return float(np.sqrt(np.nanmean(errors**2)))


def _mean_sd(errors: Floats) -> str:
    return f"{np.nanmean(errors):+.1f} ± {np.nanstd(errors):.1f}"


def _worst(ramps: Sequence[Run], sizes: Floats) -> str:
    last = np.argsort(np.nan_to_num(sizes))[-3:]
    return ", ".join(f"{sizes[at]:.1f} (seed {ramps[at].seed})" for at in last)
