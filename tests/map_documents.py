"""Fluorescence maps as different makers record them: documents, and the HDF5 files behind them.

Give a `MeasuredMap` (counts, positions, I0, dead time; `measured_map(counts)` makes up what is not
given) and a folder to one of the makers, and take a `MapRun`::

    run = srx_run(measured_map(counts), tmp_path)
    run.documents               # [("start", {...}), ...], every one valid
    run.xrf                     # keys for the section [xrf]
    run.configuration()         # {"data": {"readable": [...]}, "xrf": {...}} for Beamline.from_dict

`MAKERS` names them all:

- `flyer_run`: the simulated flyer's, one event-less row of stream data at a time, one file.
- `ophyd_async_run`: a file for each detector, several rows in one stream datum.
- `xspress3_run`: one file for all elements, a slice of it for each key, a row a stream datum.
- `event_run`, `page_run`: one event a row, all readings in the events or in pages of them.
- `pixel_run`: one event a pixel, spectra of shape (channels,), as a step scan records them.
- `area_detector_run`: one event a row, spectra as resource and datum of the kind AD_HDF5.
- `srx_run`: one event a row, `fluor` (pixels, detectors, channels) and the scalers in files.
- `hxn_run`: one event with everything, spectra in one file (XSP3_BULK) or plain, encoders
  oversampled.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from run_documents import Document, RunDocuments, data_key, paged

DETECTOR_DATA = "entry/instrument/detector/data"


@dataclass(frozen=True)
class MeasuredMap:
    """What was measured.

    Parameters
    ----------
    counts
        Spectra, shape (rows, pixels, detectors, channels), of any integer type.
    x_um, y_um, i0
        Shape (rows, pixels).
    dead_time
        True over recorded counts, shape (rows, pixels, detectors).
    """

    counts: NDArray[Any]
    x_um: NDArray[np.float64]
    y_um: NDArray[np.float64]
    i0: NDArray[np.float64]
    dead_time: NDArray[np.float64]

    @property
    def n_detectors(self) -> int:
        return self.counts.shape[2]


@dataclass(frozen=True)
class MapRun:
    """Documents of a run, and how it is to be read.

    Parameters
    ----------
    documents
        All of them, in the order in which they came.
    xrf
        Data keys for the section `[xrf]`, with `oversampling` where it is not 1.
    folder
        Where the files are.
    """

    documents: list[Document]
    xrf: dict[str, Any]
    folder: Path

    def configuration(self, **xrf: Any) -> dict[str, Any]:
        """A configuration that fits the run; `xrf` adds to its section."""
        section = {"channel_ev": {"gain": 10.0}, "incident_energy_ev": 9000.0, **self.xrf, **xrf}
        return {"data": {"readable": [str(self.folder)]}, "xrf": section}


Maker = Callable[..., MapRun]


def measured_map(
    counts: NDArray[Any],
    *,
    x_um: NDArray[np.float64] | None = None,
    y_um: NDArray[np.float64] | None = None,
    i0: NDArray[np.float64] | None = None,
    dead_time: NDArray[np.float64] | None = None,
    pitch_um: float = 0.1,
    snake: bool = True,
) -> MeasuredMap:
    """Make up what is not given: a raster centred at 0, I0 of 1e5, no dead time."""
    n_rows, n_pixels, n_detectors, _ = counts.shape
    along = (np.arange(n_pixels) - (n_pixels - 1) / 2) * pitch_um
    across = (np.arange(n_rows) - (n_rows - 1) / 2) * pitch_um
    lines = [along[::-1] if snake and row % 2 else along for row in range(n_rows)]
    shape = (n_rows, n_pixels)
    return MeasuredMap(
        counts,
        np.array(lines) if x_um is None else x_um,
        np.repeat(across, n_pixels).reshape(shape) if y_um is None else y_um,
        np.full(shape, 1e5) if i0 is None else i0,
        np.ones((*shape, n_detectors)) if dead_time is None else dead_time,
    )


def flyer_run(measured: MeasuredMap, folder: Path, **options: Any) -> MapRun:
    """As the simulated flyer records: every key streamed into one file, a row a stream datum.

    `options` go to h5py's `create_dataset` (`compression`, `chunks=True`).
    """
    columns = _streamed(measured)
    path = folder / "map.h5"
    with h5py.File(path, "w", libver="latest") as file:
        for key, values in columns.items():
            file.create_dataset(f"entry/{key}", data=_flat(values), **options)
    run = RunDocuments({"plan_name": "xrf_fly_map", "shape": list(measured.i0.shape)})
    bundle = run.describe(_streamed_keys(columns))
    composers = {
        key: run.stream_resource(key, path, f"/entry/{key}", chunk_shape=[1]) for key in columns
    }
    for row in range(len(measured.counts)):
        for compose in composers.values():
            run.stream_datum(compose, bundle, row, row + 1)
    return MapRun(run.stop(), _keys(measured, "xs_channel{}"), folder)


def ophyd_async_run(
    measured: MeasuredMap, folder: Path, rows_a_datum: Sequence[int] = (3, 1)
) -> MapRun:
    """As ophyd-async's detectors record: a file for each, several rows announced at once."""
    columns = _streamed(measured)
    run = RunDocuments({"plan_name": "fly", "shape": list(measured.i0.shape)})
    bundle = run.describe(_streamed_keys(columns))
    composers = {}
    for key, values in columns.items():
        path = folder / f"{key}.h5"
        with h5py.File(path, "w", libver="latest") as file:
            file.create_dataset(
                "entry/data/data", data=_flat(values), chunks=(1, *values.shape[2:])
            )
        parameters = {"chunk_shape": [1, *values.shape[2:]], "swmr": True, "locking": False}
        composers[key] = run.stream_resource(key, path, "/entry/data/data", **parameters)
    row = turn = 0
    while row < len(measured.counts):
        end = min(row + rows_a_datum[turn % len(rows_a_datum)], len(measured.counts))
        for compose in composers.values():
            run.stream_datum(compose, bundle, row, end)
        row, turn = end, turn + 1
    return MapRun(run.stop(), _keys(measured, "xs_channel{}"), folder)


def xspress3_run(measured: MeasuredMap, folder: Path, **options: Any) -> MapRun:
    """As NSLS-II's streaming Xspress3 plugin records: all elements in one data set, which the
    resource of each cuts; the rest in another file.
    """
    columns = _streamed(measured)
    path, beside = folder / "xspress3.h5", folder / "beside.h5"
    with h5py.File(path, "w", libver="latest") as file:
        counts = _flat(measured.counts)
        file.create_dataset(DETECTOR_DATA, data=counts, chunks=(1, *counts.shape[1:]), **options)
    run = RunDocuments({"plan_name": "fly", "shape": list(measured.i0.shape)})
    bundle = run.describe(_streamed_keys(columns))
    composers = {}
    with h5py.File(beside, "w", libver="latest") as file:
        for key, values in columns.items():
            if values.ndim == 3:
                part = f":,{int(key.removeprefix('xs_channel')) - 1},:"
                composers[key] = run.stream_resource(key, path, DETECTOR_DATA, slice=part)
            else:
                file[key] = _flat(values)
                composers[key] = run.stream_resource(key, beside, key)
    for row in range(len(measured.counts)):
        for compose in composers.values():
            run.stream_datum(compose, bundle, row, row + 1)
    return MapRun(run.stop(), _keys(measured, "xs_channel{}"), folder)


def event_run(measured: MeasuredMap, folder: Path, *, as_lists: bool = False) -> MapRun:
    """One event a row, with arrays, or lists of numbers, in it."""
    columns = _streamed(measured)
    run = RunDocuments({"plan_name": "fly", "shape": list(measured.i0.shape)})
    keys = {key: data_key(values.shape[1:], _unit(key)) for key, values in columns.items()}
    bundle = run.describe(keys)
    for row in range(len(measured.counts)):
        readings = {key: values[row] for key, values in columns.items()}
        if as_lists:
            readings = {key: values.tolist() for key, values in readings.items()}
        run.event(bundle, row + 1, readings)
    return MapRun(run.stop(), _keys(measured, "xs_channel{}"), folder)


def page_run(measured: MeasuredMap, folder: Path, rows_a_page: int = 3) -> MapRun:
    """The same in event pages."""
    run = event_run(measured, folder)
    return MapRun(paged(run.documents, rows_a_page), run.xrf, folder)


def pixel_run(measured: MeasuredMap, folder: Path, *, leading_one: bool = False) -> MapRun:
    """One event a pixel: a step scan."""
    columns = {key: _flat(values) for key, values in _streamed(measured).items()}
    if leading_one:
        columns = {key: values[:, np.newaxis] for key, values in columns.items()}
    run = RunDocuments({"plan_name": "grid_scan", "shape": list(measured.i0.shape)})
    keys = {key: data_key(values.shape[1:], _unit(key)) for key, values in columns.items()}
    bundle = run.describe(keys)
    for pixel in range(measured.i0.size):
        readings = {key: values[pixel] for key, values in columns.items()}
        plain = {key: value if value.ndim else value.item() for key, value in readings.items()}
        run.event(bundle, pixel + 1, plain)
    return MapRun(run.stop(), _keys(measured, "xs_channel{}"), folder)


def area_detector_run(measured: MeasuredMap, folder: Path) -> MapRun:
    """One event a row, spectra as an area detector's plugin writes them, a file each."""
    columns = _streamed(measured)
    n_pixels = measured.i0.shape[1]
    run = RunDocuments({"plan_name": "fly", "shape": list(measured.i0.shape)})
    spectra = [key for key in columns if columns[key].ndim == 3]
    keys = {
        key: data_key(
            values.shape[1:], _unit(key), **({"external": "FILESTORE:"} if key in spectra else {})
        )
        for key, values in columns.items()
    }
    bundle = run.describe(keys)
    resources = {}
    for key in spectra:
        path = folder / f"{key}.h5"
        with h5py.File(path, "w", libver="latest") as file:
            file["entry/data/data"] = _flat(columns[key])
        resources[key] = run.resource("AD_HDF5", path, frame_per_point=n_pixels)
    for row in range(len(measured.counts)):
        readings: dict[str, Any] = {key: values[row] for key, values in columns.items()}
        readings |= {
            key: run.datum(resource, point_number=row) for key, resource in resources.items()
        }
        run.event(bundle, row + 1, readings)
    return MapRun(run.stop(), _keys(measured, "xs_channel{}"), folder)


def srx_run(measured: MeasuredMap, folder: Path) -> MapRun:
    """As at SRX: in each row a file of spectra, one of encoders and one of scalers."""
    n_rows, n_pixels, n_detectors, n_channels = measured.counts.shape
    external = {"external": "FileStore:"}
    keys = {
        "fluor": data_key((n_pixels, n_detectors, n_channels), **external),
        "fluor_dt": data_key((n_pixels, n_detectors), **external),
        "i0": data_key((n_pixels,), **external),
        "enc1": data_key((n_pixels,), "um", **external),
        "enc2": data_key((n_pixels,), "um", **external),
    }
    run = RunDocuments({"plan_name": "scan_and_fly", "shape": [n_pixels, n_rows]})
    bundle = run.describe(keys, "stream0")
    for row in range(n_rows):
        xspress3, zebra, scaler = (
            folder / f"{row}-{device}.h5" for device in ("xs", "zebra", "sis")
        )
        with h5py.File(xspress3, "w") as file:
            file.create_dataset(DETECTOR_DATA, data=measured.counts[row], chunks=(1, 1, n_channels))
        with h5py.File(zebra, "w") as file:
            file["enc1"], file["enc2"] = measured.x_um[row], measured.y_um[row]
        with h5py.File(scaler, "w") as file:
            file["i0"], file["dt"] = measured.i0[row], measured.dead_time[row]
        encoders, scalers = run.resource("ZEBRA_HDF51", zebra), run.resource("SIS_HDF51", scaler)
        run.event(
            bundle,
            row + 1,
            {
                "fluor": run.datum(run.resource("XSP3_FLY", xspress3)),
                "fluor_dt": run.datum(scalers, column="dt"),
                "i0": run.datum(scalers, column="i0"),
                "enc1": run.datum(encoders, column="enc1"),
                "enc2": run.datum(encoders, column="enc2"),
            },
        )
    xrf = {"spectra": "fluor", "i0": "i0", "x_um": "enc1", "y_um": "enc2"}
    return MapRun(run.stop(), xrf | {"dead_time_factor": "fluor_dt"}, folder)


def hxn_run(
    measured: MeasuredMap, folder: Path, *, oversampling: int = 10, in_file: bool = True
) -> MapRun:
    """As at HXN: one event after the scan, encoders read `oversampling` times a pixel."""
    n_channels = measured.counts.shape[-1]
    counts = measured.counts.reshape(-1, measured.n_detectors, n_channels)
    spectra = {f"xspress3_ch{n}": counts[:, n - 1] for n in range(1, measured.n_detectors + 1)}
    dead_time = measured.dead_time.reshape(len(counts), -1)
    plain = {f"{key}_dt": dead_time[:, n] for n, key in enumerate(spectra)} | {
        "sclr1_ch4": measured.i0.ravel(),
        "inenc2_val": np.repeat(measured.x_um.ravel(), oversampling),
        "inenc3_val": np.repeat(measured.y_um.ravel(), oversampling),
    }
    mark = {"external": "FileStore:"} if in_file else {}
    keys = {key: data_key(values.shape, **mark) for key, values in spectra.items()}
    keys |= {
        key: data_key(values.shape, "um" if key.startswith("inenc") else "")
        for key, values in plain.items()
    }
    run = RunDocuments({"plan_name": "fly2d", "shape": list(measured.i0.shape[::-1])})
    bundle = run.describe(keys)
    readings: dict[str, Any] = dict(plain)
    if in_file:
        path = folder / "xspress3.h5"
        with h5py.File(path, "w", libver="latest") as file:
            file.create_dataset(DETECTOR_DATA, data=counts, chunks=(1, *counts.shape[1:]))
        resource = run.resource("XSP3_BULK", path)
        readings |= {
            key: run.datum(resource, frame=0, channel=n) for n, key in enumerate(spectra, 1)
        }
    else:
        readings |= spectra
    run.event(bundle, 1, readings)
    xrf = {
        "spectra": list(spectra),
        "dead_time_factor": [f"{key}_dt" for key in spectra],
        "i0": "sclr1_ch4",
        "x_um": "inenc2_val",
        "y_um": "inenc3_val",
        "oversampling": oversampling,
    }
    return MapRun(run.stop(), xrf, folder)


MAKERS: dict[str, Maker] = {
    "flyer": flyer_run,
    "ophyd_async": ophyd_async_run,
    "xspress3": xspress3_run,
    "events": event_run,
    "pages": page_run,
    "pixels": pixel_run,
    "area_detector": area_detector_run,
    "srx": srx_run,
    "hxn": hxn_run,
}
"""Every maker, by a name for parametrised tests."""


def _streamed(measured: MeasuredMap) -> dict[str, NDArray[Any]]:
    """Columns of a map with a key for each detector element, shape (rows, pixels, ...)."""
    columns: dict[str, NDArray[Any]] = {}
    for n in range(measured.n_detectors):
        columns[f"xs_channel{n + 1}"] = measured.counts[:, :, n]
        columns[f"xs_channel{n + 1}_dt"] = measured.dead_time[:, :, n]
    return columns | {
        "sclr_i0": measured.i0,
        "stage_x": measured.x_um,
        "stage_y": measured.y_um,
    }


def _streamed_keys(columns: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, Any]]:
    return {
        key: data_key(
            values.shape[1:], _unit(key), external="STREAM:", dtype_numpy=values.dtype.str
        )
        for key, values in columns.items()
    }


def _keys(measured: MeasuredMap, spectra: str) -> dict[str, Any]:
    named = [spectra.format(n + 1) for n in range(measured.n_detectors)]
    return {
        "spectra": named,
        "dead_time_factor": [f"{key}_dt" for key in named],
        "i0": "sclr_i0",
        "x_um": "stage_x",
        "y_um": "stage_y",
    }


def _flat(values: NDArray[Any]) -> NDArray[Any]:
    return values.reshape(-1, *values.shape[2:])


def _unit(key: str) -> str:
    return "um" if key.startswith("stage_") else ""
