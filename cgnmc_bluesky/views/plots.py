"""The arrays of a result, laid out as plots."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.raster import along_line, grid_of

_Arrays = Mapping[str, NDArray[np.float64]]

_PLACE = ("x_um", "y_um")
_PASSING = ("time_s", "temperature_c")
_SCALES = ("two_theta_deg", "two_theta_cu_deg")


@dataclass(frozen=True)
class Plot:
    """One plot: signals over axes.

    Parameters
    ----------
    name
        What it shows.
    signals
        Names of the arrays that are shown, the first one first.
    axes
        Names of those that they are shown over: one for a curve, y and x for an image, x and y
        for points.
    arrays
        All arrays by name; the uncertainty of one is called `<name>_errors`.
    units
        Units of those that have one, by name.
    is_of_run
        Whether it shows the whole run, not the one particle that its result is of.
    is_logarithmic
        Whether the signals are best seen on a logarithmic axis.
    """

    name: str
    signals: tuple[str, ...]
    axes: tuple[str, ...]
    arrays: _Arrays
    units: Mapping[str, str] = field(default_factory=dict)
    is_of_run: bool = False
    is_logarithmic: bool = False

    def unit(self, name: str) -> str:
        """Return the unit of an array, an uncertainty's included."""
        in_name = "um" if name.endswith("_um") else ""
        return self.units.get(name.removesuffix("_errors"), in_name)


def plots_of(result: Result) -> Iterator[Plot]:
    """Lay out the arrays of a result.

    Parameters
    ----------
    result
        The result.
    """
    is_map = {"map", "profile"} & result.curves.keys()
    layouts: dict[str, Callable[[_Arrays, Mapping[str, str]], Iterator[Plot]]] = {
        "map": _map,
        "profile": _profile,
        "spectrum": _summed if is_map else _scan,
        "image": _image,
        "drift": _drift,
        "release": _release,
        "trace": _trace,
        "patterns": _patterns,
        "series": _series,
        "pattern": _pattern,
        "sweeps": _sweeps,
        "cycles": _cycles,
        "voltage": _halves,
        "dqdv": _halves,
        "peaks": _peaks,
    }
    curves = dict(result.curves)
    patterns = curves.pop("patterns", {})
    if "axis" in curves and len(patterns.get("temperature_c", ())):
        curves["patterns"] = {**curves["axis"], **patterns}
    if "image" in curves:
        curves["image"] = {**curves.get("axis", {}), **curves["image"]}
    for group, lay_out in layouts.items():
        if group in curves:
            yield from lay_out(curves[group], result.curve_units)


def _scan(arrays: _Arrays, units: Mapping[str, str]) -> Iterator[Plot]:
    """Lay out an energy scan's curves, over the first."""
    axis, *signals = arrays
    yield Plot("", tuple(signals), (axis,), arrays, units)


def _summed(arrays: _Arrays, units: Mapping[str, str]) -> Iterator[Plot]:
    axis, *signals = arrays
    yield Plot(
        "spectrum", tuple(signals), (axis,), arrays, units, is_of_run=True, is_logarithmic=True
    )


def _profile(arrays: _Arrays, units: Mapping[str, str]) -> Iterator[Plot]:
    """Lay out a particle's fractions and its Mn/Ni, each with the fit."""
    renamed = _with_errors(arrays)
    ratios = [name for name in renamed if name.startswith("mn_ni")]
    fractions = [name for name in renamed if name not in (*ratios, "radius_um")]
    for plot, names in (("profile", fractions), ("profile_mn_ni", ratios)):
        signals = [name for name in names if not name.endswith("_errors")]
        measured_first = sorted(signals, key=lambda name: name.count("_"))
        shown = {name: renamed[name] for name in ("radius_um", *names)}
        yield Plot(plot, tuple(measured_first), ("radius_um",), shown, units)


def _map(arrays: _Arrays, units: Mapping[str, str]) -> Iterator[Plot]:
    """Lay out the maps and their covariances: as images of a grid, along a line, or as points."""
    axes, placed = _placed(arrays)
    metals = [name for name in reversed(list(arrays)) if f"cov_{name}_{name}" in arrays]
    errors = {f"{m}_errors": np.sqrt(np.maximum(placed[f"cov_{m}_{m}"], 0.0)) for m in metals}
    if "mn_ni" in placed:
        errors["mn_ni_errors"] = placed["mn_ni_sigma"]
    covariances = {name: array for name, array in placed.items() if name.startswith("cov_")}
    shared = {name: placed[name] for name in placed if name in axes or name not in arrays}
    maps = (*(name for name in ("mn_ni",) if name in placed), *metals)
    shown = {name: placed[name] for name in (*maps, "particle", "line")}
    yield Plot("map", maps, axes, {**shared, **shown, **errors}, units, is_of_run=True)
    yield Plot(
        "map_covariance", tuple(covariances), axes, {**shared, **covariances}, units, is_of_run=True
    )


def _image(arrays: _Arrays, units: Mapping[str, str]) -> Iterator[Plot]:
    """Lay out the maps of a stack of images, each with its uncertainty."""
    x, y = (next(name for name in arrays if name.startswith(axis)) for axis in ("x_", "y_"))
    renamed = _with_errors(arrays)
    signals = [name for name in renamed if name not in (x, y) and not name.endswith("_errors")]
    for name in signals:
        own = {each: renamed[each] for each in (name, f"{name}_errors") if each in renamed}
        shown = {x: arrays[x], y: arrays[y], **own}
        yield Plot(f"map_{name}", (name,), (y, x), shown, units)


def _drift(arrays: _Arrays, units: Mapping[str, str]) -> Iterator[Plot]:
    """Lay out where each image of a stack lies."""
    yield Plot("drift", ("drift_y_px", "drift_x_px"), ("row",), _with_errors(arrays), units)


def _trace(arrays: _Arrays, units: Mapping[str, str]) -> Iterator[Plot]:
    """Lay out the ion currents of a ramp over temperature, that of oxygen first."""
    ions = sorted((name for name in arrays if name.startswith("ion_")), key="ion_32".__ne__)
    yield Plot("trace", tuple(ions), ("temperature_c",), arrays, units)


def _release(arrays: _Arrays, units: Mapping[str, str]) -> Iterator[Plot]:
    """Lay out what stands above the background."""
    signals = ("release", "current", "background")
    yield Plot("release", signals, ("temperature_c",), _with_errors(arrays), units)


def _series(arrays: _Arrays, units: Mapping[str, str]) -> Iterator[Plot]:
    """Lay out each value of the patterns over temperature."""
    renamed = _with_errors(arrays)
    shared = {name: renamed[name] for name in _PASSING}
    for name in renamed:
        if f"{name}_errors" in renamed:
            own = {each: renamed[each] for each in (name, f"{name}_errors")}
            yield Plot(f"series_{name}", (name,), ("temperature_c",), {**shared, **own}, units)


def _pattern(arrays: _Arrays, units: Mapping[str, str]) -> Iterator[Plot]:
    """Lay out the last pattern and what it is made of."""
    signals = tuple(name for name in arrays if name not in _SCALES)
    yield Plot("pattern", signals, ("two_theta_deg",), arrays, units)


def _patterns(arrays: _Arrays, units: Mapping[str, str]) -> Iterator[Plot]:
    """Lay out all patterns as an image: over temperature, or over time where that went back."""
    is_rising = bool(np.all(np.diff(arrays["temperature_c"]) > 0))
    along = "temperature_c" if is_rising or "time_s" not in arrays else "time_s"
    yield Plot("patterns", ("intensity",), (along, "two_theta_deg"), arrays, units)


def _sweeps(arrays: _Arrays, units: Mapping[str, str]) -> Iterator[Plot]:
    """Lay out the fraction of each sweep."""
    yield Plot("sweeps", ("fraction",), ("sweep",), _with_errors(arrays), units)


def _cycles(arrays: _Arrays, units: Mapping[str, str]) -> Iterator[Plot]:
    """Lay out capacities, and each other quantity, over the cycle."""
    renamed = _with_errors(arrays)
    capacities = ("discharge_capacity", "charge_capacity")
    groups = {"capacity": capacities, **{name: (name,) for name in renamed if name != "cycle"}}
    for plot, signals in groups.items():
        if plot in capacities or plot.endswith("_errors"):
            continue
        own = {"cycle", *signals, *(f"{name}_errors" for name in signals)}
        shown = {name: array for name, array in renamed.items() if name in own}
        yield Plot(f"cycles_{plot}", signals, ("cycle",), shown, units)


def _halves(arrays: _Arrays, units: Mapping[str, str]) -> Iterator[Plot]:
    """Lay out each half cycle's curve: voltage over capacity, or dQ/dV over voltage."""
    cycle, direction, axis, signal, *_ = arrays
    group, renamed = signal.removesuffix("_v"), _with_errors(arrays)
    shown = [name for name in renamed if name not in (cycle, direction)]
    for number in np.unique(arrays[cycle]):
        for way, word in ((1.0, "charge"), (-1.0, "discharge")):
            rows = (arrays[cycle] == number) & (arrays[direction] == way)
            if rows.any():
                own = {name: renamed[name][rows] for name in shown}
                yield Plot(f"{group}_{number:.0f}_{word}", (signal,), (axis,), own, units)


def _peaks(arrays: _Arrays, units: Mapping[str, str]) -> Iterator[Plot]:
    """Lay out every peak of dQ/dV as a point."""
    yield Plot("peaks", ("peaks_v",), ("peaks_cycle",), _with_errors(arrays), units)


def _with_errors(arrays: _Arrays) -> dict[str, NDArray[np.float64]]:
    """Call uncertainties as NeXus does."""
    ending = "_sigma"
    return {
        f"{name.removesuffix(ending)}_errors" if name.endswith(ending) else name: array
        for name, array in arrays.items()
    }


def _placed(arrays: _Arrays) -> tuple[tuple[str, ...], dict[str, NDArray[np.float64]]]:
    """Arrays of a map in the order of their places, and the names of those that are its axes.

    On a grid, the pixels' own positions are kept as `x_measured_um` and `y_measured_um`. Without
    any position, pixels are in the order in which they came.
    """
    x_um, y_um, line = (arrays[name] for name in (*_PLACE, "line"))
    if not np.isfinite(x_um + y_um).any():
        return ("pixel",), {**arrays, "pixel": np.arange(float(len(line)))}
    along_um = along_line(x_um, y_um, line)
    if along_um is not None:
        return ("along_um",), {**arrays, "along_um": along_um}
    grid = grid_of(x_um, y_um, line)
    if grid is None:
        return _PLACE, dict(arrays)
    placed = {name: grid.of(array) for name, array in arrays.items()}
    measured = {"x_measured_um": placed["x_um"], "y_measured_um": placed["y_um"]}
    return ("y_um", "x_um"), {**placed, **measured, "x_um": grid.x_um, "y_um": grid.y_um}
