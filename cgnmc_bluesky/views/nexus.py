"""The results of a run as one NeXus file, whose arrays open as plots in silx and h5web."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.plots import Plot, plots_of

if TYPE_CHECKING:
    from h5py import Dataset, Group

_LOGARITHMIC = json.dumps({"signal_scale_type": "log"})


def write_nexus(path: Path, results: Sequence[Result]) -> Path:
    """Write all results of a run: each with what it rests on, and its arrays as plots.

    Parameters
    ----------
    path
        File to write.
    results
        Results of one run.

    Notes
    -----
    An NXdata is called after the analysis, the mode or particle that it is of, and what it shows.
    The values stand beside it in an NXprocess, with one sigma as `<value>_errors`; NaN where one
    cannot be given.
    """
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["default"] = "entry"
        entry = _group(file, "entry", "NXentry")
        first = results[0]
        title = f"{first.sample or ''} {first.plan_name or ''}".strip()
        _write(entry, title=title, entry_identifier=first.run_uid, scan_id=first.scan_id)
        _write(_group(entry, "sample", "NXsample"), name=first.sample)
        for result in results:
            name = _name(result.analysis, result.mode, _particle(result))
            _write_values(_group(entry, f"{name}_result", "NXprocess"), result)
            for plot in plots_of(result):
                whose = None if plot.is_of_run else _particle(result)
                place = _name(result.analysis, result.mode, whose, plot.name)
                _write_plot(_group(entry, place, "NXdata"), plot, f"{title} {place}")
                entry.attrs.setdefault("default", place)
    return path


def _particle(result: Result) -> str | None:
    return None if result.particle is None else f"particle_{result.particle}"


def _name(*parts: str | None) -> str:
    return re.sub(r"\W", "_", "_".join(part for part in parts if part))


def _group(parent: "Group", name: str, kind: str) -> "Group":
    group = parent.create_group(name)
    group.attrs["NX_class"] = kind
    return group


def _write(group: "Group", **fields: Any) -> None:
    for name, value in fields.items():
        if value is not None:
            group[name] = value


def _set_unit(data: "Dataset", unit: str) -> None:
    if unit:
        data.attrs["units"] = unit


def _write_values(group: "Group", result: Result) -> None:
    analysis = result.about["analysis"]
    _write(
        group,
        program="cgnmc-bluesky",
        version=version("cgnmc-bluesky"),
        analysis=result.analysis,
        analysis_version=analysis["version"],
        mode=result.mode,
        particle=result.particle,
        status=str(result.status),
        reason=result.reason,
        n_points=result.n_points,
        **{
            name: json.dumps(analysis.get(name), ensure_ascii=False, default=str)
            for name in ("parameters", "references", "libraries")
        },
    )
    values = _group(group, "values", "NXcollection")
    for name, (value, sigma) in _numbers(result.values, result.sigmas):
        for key, number in ((name, value), (f"{name}_errors", sigma)):
            values[key] = float("nan") if number is None else number
            _set_unit(values[key], result.units.get(name, ""))


def _numbers(
    values: Mapping[str, float | None], sigmas: Mapping[str, float | None]
) -> Iterator[tuple[str, tuple[float | None, float | None]]]:
    """Values with their sigmas, under names that a file may hold."""
    for name, value in values.items():
        yield name.replace("/", "\u2215"), (value, sigmas.get(name))


def _write_plot(group: "Group", plot: Plot, title: str) -> None:
    signal, *others = plot.signals
    group.attrs.update({"signal": signal, "axes": list(plot.axes), "title": title})
    if others:
        group.attrs["auxiliary_signals"] = others
    if plot.is_logarithmic:
        group.attrs["SILX_style"] = _LOGARITHMIC
    for name, array in plot.arrays.items():
        is_large = array.ndim > 1
        group.create_dataset(name, data=array, compression="gzip" if is_large else None)
        _set_unit(group[name], plot.unit(name))
    dimensions = group[signal].ndim
    if dimensions == len(plot.axes):
        group[signal].attrs["interpretation"] = "image" if dimensions > 1 else "spectrum"
