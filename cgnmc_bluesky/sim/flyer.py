"""A fluorescence detector of several elements that records lines while a stage is swept."""

import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from numpy.typing import NDArray
from ophyd import Component, Device, Kind
from ophyd.status import DeviceStatus, StatusBase

from cgnmc_bluesky.devices.flying import RUN_UP_PIXELS, FlyLine
from cgnmc_bluesky.sim.clock import Clock
from cgnmc_bluesky.sim.recording import LineRecorder
from cgnmc_bluesky.sim.rowfile import RowFile, dataset_of
from cgnmc_bluesky.sim.signals import Reading


@dataclass
class Row:
    """A line on its way."""

    line: FlyLine
    number: int
    start_s: float
    slow_um: float
    done: DeviceStatus
    swept: DeviceStatus
    has_ended: bool = False


@dataclass
class Run:
    """What belongs to one run: its file, and how far it is."""

    number: int = 0
    line: FlyLine | None = None
    row: Row | None = None
    file: RowFile | None = None
    resources: dict[str, Any] = field(default_factory=dict)
    n_rows: int = 0
    n_collected: int = 0


class FlyingDetector(Device):
    """A detector that writes each line as a row of one HDF5 file a run, in SWMR mode.

    It sweeps one axis of its stage itself. A line that is interrupted, by a pause or otherwise,
    leaves nothing behind: rows are numbered as they are collected.

    Parameters
    ----------
    clock
        The simulation's clock; a row is a count of its pace.
    recorder
        What is recorded along a line.
    folder
        Where the files go.
    name
        The device's name.
    compression
        "gzip", or `None` for none.

    Notes
    -----
    Data keys: `xs_channel1` … counts, `xs_channel1_dt` … true over recorded counts, `sclr_i0`, and
    the stage's axes by their names.
    """

    dwell_s = Component(Reading, value=0.0, units="s", kind=Kind.config)

    def __init__(
        self,
        clock: Clock,
        recorder: LineRecorder,
        folder: Path,
        *,
        name: str = "xspress3",
        compression: str | None = "gzip",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.folder = folder
        self._clock = clock
        self._recorder = recorder
        self._compression = compression
        self._lock = threading.RLock()
        self._run = Run()

    def stage(self) -> list[object]:
        """Begin a run, with a file of its own at its first line."""
        staged: list[object] = super().stage()
        self._run = Run(self._run.number + 1)
        return staged

    def unstage(self) -> list[object]:
        """End the run: stop what moves and close the file."""
        self.stop(success=True)
        with self._lock:
            run, self._run = self._run, Run(self._run.number)
            if run.file is not None:
                run.file.close()
                if self._recorder.truncates(run.n_rows):
                    _cut(run.file.path)
        unstaged: list[object] = super().unstage()
        return unstaged

    def prepare(self, line: FlyLine) -> StatusBase:
        """Bring the axis to where the line begins; a row that was not collected is dropped.

        Parameters
        ----------
        line
            The line; all of a run have one number of pixels.

        Returns
        -------
        StatusBase
            Done when the axis is there.

        Raises
        ------
        ValueError
            If its axis is none of the stage's, or its number of pixels is another.
        """
        fast, _ = self._recorder.axes_of(line)
        with self._lock:
            run = self._run
            if run.line is not None and line.num != run.line.num:
                raise ValueError(
                    f"{self.name} was prepared for {run.line.num} pixels a line, not {line.num}: "
                    "unstage it first"
                )
            run.row, run.line, run.n_rows = None, line, run.n_collected
            self.dwell_s.update(line.dwell_s, self._clock.now_s())
            if run.file is None:
                path = self.folder / f"{self.name}-{uuid.uuid4().hex[:12]}.h5"
                run.file = RowFile(path, self._recorder.empty_row(line.num), self._compression)
        return fast.set(line.ends_um(RUN_UP_PIXELS)[0])

    def kickoff(self) -> StatusBase:
        """Set the axis going.

        Returns
        -------
        StatusBase
            Done at once.

        Raises
        ------
        RuntimeError
            If it was not prepared.
        """
        with self._lock:
            line = self._prepared()
            fast, slow = self._recorder.axes_of(line)
            row = Row(
                line,
                self._run.n_rows,
                self._clock.now_s() + RUN_UP_PIXELS * line.dwell_s,
                slow.position,
                DeviceStatus(self),
                fast.sweep(line.ends_um(RUN_UP_PIXELS)[1], line.speed_um_s or fast.speed),
            )
            self._run.row = row
        end_s = row.start_s + line.duration_s
        self._clock.wait_until(end_s, lambda: self._finish(row), counting=True)
        return _finished(self)

    def complete(self) -> StatusBase:
        """Let the line come to its end.

        Returns
        -------
        StatusBase
            Done when the row is in the file and the axis has stopped.

        Raises
        ------
        RuntimeError
            If it was not kicked off.
        """
        with self._lock:
            row = self._run.row
            if row is None:
                raise RuntimeError(f"{self.name} was not kicked off")
            return row.done

    def pause(self) -> None:
        """Stop a row on its way; it is measured again from its beginning."""
        self.stop(success=True)

    def stop(self, *, success: bool = False) -> None:
        """Stop a row on its way, and its axis.

        Parameters
        ----------
        success
            Whether what this ends counts as done.
        """
        row = self._run.row
        if row is not None:
            self._end(row, None if success else RuntimeError(f"{self.name} was stopped"))

    def get_index(self) -> int:
        """Number of rows in the file."""
        return self._run.n_rows

    def describe_collect(self) -> dict[str, dict[str, Any]]:
        """Describe what a row holds; it must have been prepared.

        Returns
        -------
        dict
            Data keys, their first dimension being one row's.
        """
        row = self._recorder.empty_row(self._prepared().num)
        return {key: self._described(key, values) for key, values in row.items()}

    def collect_asset_docs(self, index: int | None = None) -> Iterator[tuple[str, Any]]:
        """Announce the rows that have come since the last time.

        Parameters
        ----------
        index
            Up to which row; all without it.

        Yields
        ------
        tuple
            Name and document: a stream resource for each data key once, then stream data.
        """
        with self._lock:
            run = self._run
            begin, end = run.n_collected, run.n_rows if index is None else index
            if run.file is None or begin >= end:
                return
            run.n_collected = end
            announced = bool(run.resources)
            run.resources = run.resources or self._resources(run.file.path)
        for resource in run.resources.values():
            if not announced:
                yield "stream_resource", resource.stream_resource_doc
            yield "stream_datum", resource.compose_stream_datum({"start": begin, "stop": end})

    def _prepared(self) -> FlyLine:
        if self._run.line is None:
            raise RuntimeError(f"{self.name} was not prepared: give it a FlyLine first")
        return self._run.line

    def _finish(self, row: Row) -> None:
        """Write a row whose time is over; it is done when the axis has come to rest, too."""
        with self._lock:
            run = self._run
            if row.has_ended:
                return
            try:
                self._write(run, row)
            except Exception as error:  # noqa: BLE001  (it is told to whoever waits for the row)
                self._end(row, error)
                return
            run.n_rows = row.number + 1
        row.swept.add_callback(lambda swept: self._end(row, swept.exception()))

    def _end(self, row: Row, error: BaseException | None) -> None:
        with self._lock:
            if row.has_ended:
                return
            row.has_ended = True
        fast, _ = self._recorder.axes_of(row.line)
        fast.stop(success=True)
        if error is None:
            row.done.set_finished()
        else:
            row.done.set_exception(error)

    def _write(self, run: Run, row: Row) -> None:
        values = self._recorder.row(
            row.line,
            row.number + 1,
            run=run.number,
            slow_um=row.slow_um,
            time_s=row.start_s,
        )
        if values is not None and run.file is not None:
            run.file.write(row.number, values)

    def _described(self, key: str, row: NDArray[Any]) -> dict[str, Any]:
        return {
            "source": f"SIM:{self.name}:{key}",
            "dtype": "array",
            "dtype_numpy": row.dtype.str,
            "shape": list(row.shape),
            "units": self._recorder.unit(key),
            "external": "STREAM:",
        }

    def _resources(self, path: Path) -> dict[str, Any]:
        from event_model import compose_stream_resource

        return {
            key: compose_stream_resource(
                mimetype="application/x-hdf5",
                uri=f"file://localhost{quote(str(path.resolve()))}",
                data_key=key,
                parameters={"dataset": dataset_of(key), "chunk_shape": [1]},
            )
            for key in self._recorder.empty_row(1)
        }


def _finished(device: Device) -> DeviceStatus:
    status = DeviceStatus(device)
    status.set_finished()
    return status


def _cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
