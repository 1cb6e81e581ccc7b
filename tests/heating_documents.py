"""Heating ramps as different beamlines record them: documents, and files of patterns behind them.

Give a `MeasuredRamp` (currents by mass, temperature, patterns, each with times of its own;
`measured_ramp(...)` makes up what is not given) to a maker, and take a `RampRun`::

    run = polled_run(measured_ramp(time_s, temperature_c, {"32": current}, patterns))
    run.documents               # [("start", {...}), ...], every one valid
    run.heating                 # keys for the section [heating]
    run.configuration()         # {"data": {...}, "heating": {...}} for Beamline.from_dict

`MAKERS` names them all:

- `polled_run`: as the plan records, `primary` (patterns), `ions` and `temperature`.
- `monitored_run`: patterns in `primary`, every other key a monitor, in `<key>_monitor`.
- `table_run`: one event a pattern with the readings that were there at its end; without patterns,
  one a sample of the currents.
- `twice_run`: as `polled_run`, but temperature and currents stand in `primary` too.

Patterns go into the events as arrays, or by `patterns=` as "lists", "datums" (of one frame each,
shape (1, bins)) or "streamed", both into files in `folder`. More knobs: `suspended_s` subscribes
monitors anew, which repeats their last reading and sets their numbers back; `stale` lets the mass
spectrometer hand out old readings; `speed` lets events come faster than the readings' own clock
goes, `stamps_late_s` sets the clock of a device off. What comes out may go through `paged`,
`as_from_tiled` (see `run_documents`), `stream_by_stream` or `interleaved`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from run_documents import TIME_S, Document, RunDocuments, data_key

PATTERN, TWO_THETA, EXPOSURE = "xrd_intensity", "xrd_two_theta", "xrd_exposure_s"
TEMPERATURE, SETPOINT = "furnace_temperature", "furnace_setpoint"


@dataclass(frozen=True)
class MeasuredRamp:
    """What was measured, in seconds since the run began.

    Parameters
    ----------
    ion_s, currents
        Times of the mass spectrometer's samples, shape (n,), and its currents by mass.
    temperature_s, temperature_c
        Times and temperatures of the furnace, shape (m,).
    pattern_s, patterns
        Ends of the exposures, shape (k,), and their patterns, which may be of any length each.
    two_theta_deg
        Axis of the patterns.
    exposure_s
        Exposure of each pattern.
    """

    ion_s: NDArray[np.float64]
    currents: Mapping[str, NDArray[np.float64]]
    temperature_s: NDArray[np.float64]
    temperature_c: NDArray[np.float64]
    pattern_s: NDArray[np.float64]
    patterns: Sequence[NDArray[Any]]
    two_theta_deg: NDArray[np.float64]
    exposure_s: float = 60.0

    def ions(self, row: int) -> dict[str, float]:
        return {f"rga_mz{mass}": float(of_mass[row]) for mass, of_mass in self.currents.items()}

    def furnace(self, row: int) -> dict[str, float]:
        found = float(self.temperature_c[row])
        return {TEMPERATURE: found, SETPOINT: 500.0}


@dataclass(frozen=True)
class RampRun:
    """Documents of a run, and how it is to be read.

    Parameters
    ----------
    documents
        All of them, in the order in which they came.
    heating
        Data keys for the section `[heating]`.
    folder
        Where the files are, if there are any.
    """

    documents: list[Document]
    heating: dict[str, Any]
    folder: Path | None = None

    def configuration(self, **heating: Any) -> dict[str, Any]:
        """A configuration that fits the run; `heating` adds to its section."""
        readable = [] if self.folder is None else [str(self.folder)]
        return {"data": {"readable": readable}, "heating": {**self.heating, **heating}}


def measured_ramp(
    time_s: NDArray[np.float64],
    temperature_c: NDArray[np.float64],
    currents: Mapping[str, NDArray[np.float64]],
    patterns: Sequence[NDArray[Any]] = (),
    *,
    temperature_s: NDArray[np.float64] | None = None,
    pattern_s: NDArray[np.float64] | None = None,
    two_theta_deg: NDArray[np.float64] | None = None,
    exposure_s: float = 60.0,
) -> MeasuredRamp:
    """Make up what is not given: temperatures at the times of the currents, patterns one exposure
    after the other, their axis from 4° to 20°.
    """
    n_bins = len(patterns[0]) if len(patterns) else 0
    return MeasuredRamp(
        time_s,
        currents,
        time_s if temperature_s is None else temperature_s,
        temperature_c,
        exposure_s * np.arange(1.0, len(patterns) + 1) if pattern_s is None else pattern_s,
        patterns,
        np.linspace(4.0, 20.0, n_bins) if two_theta_deg is None else two_theta_deg,
        exposure_s,
    )


@dataclass
class _Ramp:
    """A ramp that is put together event by event, in order of time.

    `speed` is that of the readings' clock as events see it; `stamps_late_s` is how much later than
    that clock a device says it is, by the first word of its keys ("rga", "furnace", "xrd").
    """

    metadata: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    patterns: str = "events"
    speed: float = 1.0
    stamps_late_s: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.run = RunDocuments({"plan_name": "heating_ramp", **self.metadata})
        self._moments: list[tuple[float, Callable[[], None]]] = []

    def at(self, time_s: float, then: Callable[[], None]) -> None:
        self._moments.append((time_s, then))

    def event(
        self,
        bundle: Any,
        number: int,
        data: Mapping[str, Any],
        time_s: float,
        stamps_s: Mapping[str, float] | None = None,
    ) -> None:
        """Add an event, its readings stamped with its own time where nothing else is said."""
        told = {key: (stamps_s or {}).get(key, time_s) for key in data}
        late = {key: self.stamps_late_s.get(key.partition("_")[0], 0.0) for key in data}
        stamps = {key: TIME_S + stamp + late[key] for key, stamp in told.items()}
        self.run.event(bundle, number, data, time_s=TIME_S + time_s / self.speed, stamps_s=stamps)

    def finished(self, measured: MeasuredRamp) -> RampRun:
        for _, then in sorted(self._moments, key=lambda moment: moment[0]):
            then()
        heating: dict[str, Any] = {
            "temperature_c": TEMPERATURE,
            "ion_current": {mass: f"rga_mz{mass}" for mass in measured.currents},
        }
        if len(measured.patterns):
            heating |= {"pattern": PATTERN, "two_theta_deg": TWO_THETA, "exposure_s": EXPOSURE}
            heating["wavelength_a"] = 0.4522
        return RampRun(self.run.stop(), heating, self.folder)

    def pattern_keys(self, measured: MeasuredRamp) -> dict[str, dict[str, Any]]:
        marks = {"datums": {"external": "FILESTORE:"}, "streamed": {"external": "STREAM:"}}
        shape = measured.two_theta_deg.shape
        # an area detector's plugin counts the frames of a reading first
        frames = (1, *shape) if self.patterns == "datums" else shape
        return {
            PATTERN: data_key(frames, **marks.get(self.patterns, {})),
            TWO_THETA: data_key(shape, "deg"),
            EXPOSURE: data_key((), "s"),
        }

    def pattern_reader(
        self, bundle: Any, measured: MeasuredRamp
    ) -> Callable[[int], dict[str, Any]]:
        """Give what reads a pattern: the readings of its event, the array put where it belongs."""
        are_listed = self.patterns == "lists"
        axis = measured.two_theta_deg.tolist() if are_listed else measured.two_theta_deg

        def in_event(row: int) -> dict[str, Any]:
            pattern = measured.patterns[row]
            return {PATTERN: pattern.tolist() if are_listed else pattern}

        is_plain = self.patterns in {"events", "lists"}
        read = in_event if is_plain else self._in_file(bundle, measured)
        return lambda row: read(row) | {TWO_THETA: axis, EXPOSURE: measured.exposure_s}

    def _in_file(self, bundle: Any, measured: MeasuredRamp) -> Callable[[int], dict[str, Any]]:
        assert self.folder is not None, "patterns in files need a folder"
        path = self.folder / f"{PATTERN}.h5"
        with h5py.File(path, "w", libver="latest") as file:
            file["entry/data/data"] = np.array(measured.patterns)
        if self.patterns == "datums":
            resource = self.run.resource("AD_HDF5", path, frame_per_point=1)
            return lambda row: {PATTERN: self.run.datum(resource, point_number=row)}
        compose = self.run.stream_resource(PATTERN, path, "/entry/data/data", chunk_shape=[1])

        def announce(row: int) -> dict[str, Any]:
            self.run.stream_datum(compose, bundle, row, row + 1)
            return {}

        return announce


def polled_run(
    measured: MeasuredRamp, *, stale: Iterable[tuple[int, int]] = (), **options: Any
) -> RampRun:
    """As the plan records: three streams that are polled.

    Parameters
    ----------
    measured
        What was measured.
    stale
        Behind which sample of the currents which one before it is handed out again, as it was.
    options
        `metadata`, `folder`, `patterns`, `speed`, `stamps_late_s`.
    """
    ramp = _Ramp(**options)
    _poll_patterns(ramp, measured)
    _poll_ions(ramp, measured, stale)
    _poll_furnace(ramp, measured)
    return ramp.finished(measured)


def monitored_run(
    measured: MeasuredRamp, *, suspended_s: Iterable[float] = (), **options: Any
) -> RampRun:
    """Patterns in `primary`, a monitor for every other key.

    Parameters
    ----------
    measured
        What was measured.
    suspended_s
        When the run was suspended: every monitor repeats its last reading, at that time, and its
        numbers go on from that of the last pattern before.
    options
        `metadata`, `folder`, `patterns`, `speed`, `stamps_late_s`.
    """
    ramp = _Ramp(**options)
    _poll_patterns(ramp, measured)
    readings = [
        (key, "A", measured.ion_s, measured.currents[key.removeprefix("rga_mz")])
        for key in (f"rga_mz{mass}" for mass in measured.currents)
    ]
    readings.append((TEMPERATURE, "degC", measured.temperature_s, measured.temperature_c))
    for key, unit, times, values in readings:
        _monitor(ramp, measured, key, unit, times, values, sorted(suspended_s))
    return ramp.finished(measured)


def table_run(measured: MeasuredRamp, **options: Any) -> RampRun:
    """All in one table: the readings that were there when a pattern ended, else by the sample."""
    ramp = _Ramp(**options)
    has_patterns = len(measured.patterns) > 0
    keys = ramp.pattern_keys(measured) if has_patterns else {}
    bundle = ramp.run.describe(keys | _furnace_keys() | _ion_keys(measured))
    read = ramp.pattern_reader(bundle, measured) if has_patterns else lambda row: {}
    times = measured.pattern_s if has_patterns else measured.ion_s
    for row, time_s in enumerate(times.tolist()):
        beside, stamps = _readings_at(measured, time_s)
        ramp.at(time_s, _adding(ramp, bundle, row + 1, read, row, time_s, beside, stamps))
    return ramp.finished(measured)


def twice_run(measured: MeasuredRamp, **options: Any) -> RampRun:
    """Three streams that are polled, temperature and currents read with every pattern too."""
    ramp = _Ramp(**options)
    keys = ramp.pattern_keys(measured) | _furnace_keys() | _ion_keys(measured)
    bundle = ramp.run.describe(keys)
    read = ramp.pattern_reader(bundle, measured)
    for row, time_s in enumerate(measured.pattern_s.tolist()):
        beside, stamps = _readings_at(measured, time_s)
        ramp.at(time_s, _adding(ramp, bundle, row + 1, read, row, time_s, beside, stamps))
    _poll_ions(ramp, measured, ())
    _poll_furnace(ramp, measured)
    return ramp.finished(measured)


MAKERS: dict[str, Callable[..., RampRun]] = {
    "polled": polled_run,
    "monitored": monitored_run,
    "table": table_run,
    "twice": twice_run,
}
"""Every maker, by a name for parametrised tests."""


def stream_by_stream(documents: Sequence[Document], *, last_first: bool = False) -> list[Document]:
    """Put one stream's events behind the other's, as a server may give them back."""
    head, of_streams, rest = _by_stream(documents)
    ordered = list(of_streams.values())
    if last_first:
        ordered.reverse()
    return [*head, *(pair for stream in ordered for pair in stream), *rest]


def interleaved(documents: Sequence[Document], rng: np.random.Generator) -> list[Document]:
    """Put the streams' events into one another at random, each stream's in its own order."""
    head, of_streams, rest = _by_stream(documents)
    turns = [name for name, pairs in of_streams.items() for _ in pairs]
    rng.shuffle(turns)
    queues = {name: iter(pairs) for name, pairs in of_streams.items()}
    return [*head, *(next(queues[name]) for name in turns), *rest]


def _by_stream(
    documents: Sequence[Document],
) -> tuple[list[Document], dict[str, list[Document]], list[Document]]:
    head, rest = [], []
    of_streams: dict[str, list[Document]] = {}
    for name, doc in documents:
        if name in {"event", "event_page", "stream_datum"}:
            of_streams.setdefault(doc["descriptor"], []).append((name, doc))
        elif name == "stop":
            rest.append((name, doc))
        else:
            head.append((name, doc))
    return head, of_streams, rest


def _poll_patterns(ramp: _Ramp, measured: MeasuredRamp) -> None:
    if not len(measured.patterns):
        return
    bundle = ramp.run.describe(ramp.pattern_keys(measured))
    read = ramp.pattern_reader(bundle, measured)
    for row, time_s in enumerate(measured.pattern_s.tolist()):
        ramp.at(time_s, _adding(ramp, bundle, row + 1, read, row, time_s))


def _poll_ions(ramp: _Ramp, measured: MeasuredRamp, stale: Iterable[tuple[int, int]]) -> None:
    bundle = ramp.run.describe(_ion_keys(measured), "ions")
    samples = [(time_s, row) for row, time_s in enumerate(measured.ion_s.tolist())]
    for behind, before in stale:
        around = measured.ion_s[behind : behind + 2]
        samples.append((float(around.mean()), before))
    for number, (time_s, row) in enumerate(sorted(samples), 1):
        stamps = dict.fromkeys(measured.ions(row), float(measured.ion_s[row]))
        ramp.at(time_s, _adding(ramp, bundle, number, measured.ions, row, time_s, {}, stamps))


def _poll_furnace(ramp: _Ramp, measured: MeasuredRamp) -> None:
    bundle = ramp.run.describe(_furnace_keys(), "temperature")
    for row, time_s in enumerate(measured.temperature_s.tolist()):
        ramp.at(time_s, _adding(ramp, bundle, row + 1, measured.furnace, row, time_s))


def _monitor(
    ramp: _Ramp,
    measured: MeasuredRamp,
    key: str,
    unit: str,
    times: NDArray[np.float64],
    values: NDArray[np.float64],
    suspended_s: Sequence[float],
) -> None:
    bundle = ramp.run.describe({key: data_key((), unit)}, f"{key}_monitor")
    number = 0
    waiting = list(suspended_s)
    for row, stamp in enumerate(times.tolist()):
        while waiting and waiting[0] < stamp:
            again = waiting.pop(0)
            checkpoint = measured.pattern_s[measured.pattern_s <= again]
            number = int((times <= checkpoint[-1]).sum()) if len(checkpoint) else 0
            if row:
                number += 1
                last, at = {key: float(values[row - 1])}, {key: float(times[row - 1])}
                ramp.at(again, _adding(ramp, bundle, number, lambda _, r=last: r, 0, again, {}, at))
        number += 1
        reading = {key: float(values[row])}
        ramp.at(stamp, _adding(ramp, bundle, number, lambda _, r=reading: r, 0, stamp))


def _adding(
    ramp: _Ramp,
    bundle: Any,
    number: int,
    read: Callable[[int], Mapping[str, Any]],
    row: int,
    time_s: float,
    beside: Mapping[str, Any] | None = None,
    stamps: Mapping[str, float] | None = None,
) -> Callable[[], None]:
    return lambda: ramp.event(bundle, number, {**read(row), **(beside or {})}, time_s, stamps)


def _readings_at(
    measured: MeasuredRamp, time_s: float
) -> tuple[dict[str, float], dict[str, float]]:
    """The last readings up to a time, and when each was taken."""
    rows = [
        max(int(np.searchsorted(times, time_s, side="right")) - 1, 0)
        for times in (measured.temperature_s, measured.ion_s)
    ]
    furnace, ions = measured.furnace(rows[0]), measured.ions(rows[1])
    stamps = dict.fromkeys(furnace, float(measured.temperature_s[rows[0]]))
    return furnace | ions, stamps | dict.fromkeys(ions, float(measured.ion_s[rows[1]]))


def _furnace_keys() -> dict[str, dict[str, Any]]:
    return {key: data_key((), "degC") for key in (TEMPERATURE, SETPOINT)}


def _ion_keys(measured: MeasuredRamp) -> dict[str, dict[str, Any]]:
    return {f"rga_mz{mass}": data_key((), "A") for mass in measured.currents}
