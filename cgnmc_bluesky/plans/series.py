"""Series of samples: a table says which, and the same scan is made on each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky import Msg
from bluesky.protocols import NamedMovable
from bluesky.utils import MsgGenerator, RequestAbort, RequestStop

from cgnmc_bluesky.beamline.errors import suggestion
from cgnmc_bluesky.beamline.samples import Sample, SampleTable, read_samples
from cgnmc_bluesky.beamline.tables import Row
from cgnmc_bluesky.plans.checks import position_of, put_back
from cgnmc_bluesky.plans.messages import tell
from cgnmc_bluesky.plans.places import Axis, axes_of
from cgnmc_bluesky.plans.scans import Scan, scan_from

WAYS_OUT: dict[type[Exception], str] = {RequestAbort: "aborted", RequestStop: "stopped"}


@dataclass(frozen=True)
class Step:
    """One scan of a series.

    Parameters
    ----------
    sample
        The sample, with the edge that the scan is for.
    places
        Where each axis of the holder goes, in the order of the axes.
    row
        Where it stands in the table.
    """

    sample: Sample
    places: tuple[Any, ...]
    row: Row

    def __str__(self) -> str:
        return ", ".join(part for part in (self.sample.name, self.sample.edge) if part)

    def is_in(self, done: frozenset[tuple[str, ...]]) -> bool:
        """Whether it has been made, going by what has; one at no edge by any of its sample's."""
        name, edge = self.sample.name, self.sample.edge
        if edge is None:
            return any(made[0] == name for made in done)
        return (name,) in done or (name, edge) in done


def sample_series(
    table: str | list[dict[str, Any]],
    holder: NamedMovable[Any] | Sequence[NamedMovable[Any]],
    scan: Callable[[Any], MsgGenerator[Any]] | dict[str, Any],
    *,
    done: Callable[[str], Any] | Sequence[str | Sequence[str]] = (),
    md: dict[str, Any] | None = None,
) -> MsgGenerator[list[Any]]:
    """Measure the samples of a table one after the other, at each of their edges.

    Before anything moves all is checked: every row of the table, where each sample stands, and the
    arguments of its scan; whatever is wrong is named by row, column and value, all of it at once.
    What a catalog says is done is not measured again, so that a series that was interrupted goes on
    where it was. The holder returns to where it was on every way out (end, error, stop, abort) but
    `RE.halt()`. Where a scan fails, the series ends with it, says what is done, and fails too.

    Parameters
    ----------
    table
        Path of a CSV file with a header, or of a TOML file with a block `[[sample]]` for each
        sample, or the rows themselves. Columns: `name`, `material`, `cycles`, where the sample
        stands (`position`, a name or a number; or one column for each axis, such as `x_mm` and
        `y_mm`), and if need be `cutoff_v`, `edges` ("Ni L3; Mn L3") and `comment`.
    holder
        What brings a sample into the beam; or a list of axes.
    scan
        What is made on each sample: the arguments of a scan by their names, such as
        `{"detectors": [gold_mesh, tey, sdd], "energy": pgm}`, with the plan's own under "plan"
        where it is not an energy scan at the row's edge; or a function that is given the sample
        (its `name`, `material`, `cycles`, `cutoff_v`, `edge`) and gives a plan.
    done
        Samples that are not to be measured again, by name, or as pairs of name and edge; or what
        gives them for the name of a series, such as `catalog.done_samples`, or the catalog itself.
    md
        Further metadata of all runs. `series` names the series, by which it is known what of it is
        done; left out, it is called what a TOML table says or as the table's file. Each run carries
        the sample's own beside it.

    Returns
    -------
    list
        What the scans returned, in their order: their runs' uids.

    Raises
    ------
    ValueError
        If the table or another argument cannot be used; nothing has moved then.
    """
    axes = yield from axes_of(holder)
    chosen = scan_from(scan)
    read = read_samples(table, [column for axis in axes for column in axis.columns])
    steps = yield from _steps(read, axes, chosen)
    read.check()
    name = _series_name(read, md)
    made = _made(done, name, read)
    to_do = [step for step in steps if not step.is_in(made)]
    yield from _check_scans(read, to_do, chosen)
    before: list[Any] = []
    for axis in axes:
        before += [axis.mover, (yield from position_of(axis.mover))]
    series = Series(name, to_do, len(steps), axes, chosen, md or {})
    guarded = bpp.contingency_wrapper(series.measure(), except_plan=series.tell_end)
    yield from bpp.finalize_wrapper(guarded, put_back(*before))
    return series.measured


class Series:
    """The scans of a series, and how far it has come.

    Parameters
    ----------
    name
        What it is called.
    to_do
        The scans that are to be made.
    total
        How many it has, with those that were made before.
    axes
        Axes of the holder.
    scan
        What is made on each sample.
    md
        Metadata of all runs.

    Attributes
    ----------
    measured
        What the scans returned that have been made.
    """

    def __init__(
        self,
        name: str,
        to_do: Sequence[Step],
        total: int,
        axes: Sequence[Axis],
        scan: Scan,
        md: Mapping[str, Any],
    ) -> None:
        self.name = name
        self.measured: list[Any] = []
        self._to_do = to_do
        self._total = total
        self._axes = axes
        self._scan = scan
        self._md = md

    def measure(self) -> MsgGenerator[None]:
        """Make the scans that are to be made."""
        before = self._total - len(self._to_do)
        if before:
            yield from self._tell(f"{before} of {self._total} were done before")
        for number, step in enumerate(self._to_do, before + 1):
            yield Msg("checkpoint")
            yield from self._tell(f"{number} of {self._total}, {step}")
            places = zip(self._axes, step.places, strict=True)
            yield from bps.mv(*(part for axis, place in places for part in (axis.mover, place)))
            md = {**self._md, **step.sample.metadata(), "series": self.name}
            self.measured.append((yield from self._scan.of(step.sample, md)))
        yield from self._tell(f"all {self._total} are done")

    def tell_end(self, error: Exception) -> MsgGenerator[None]:
        """Say at what the series ended, and how to go on."""
        how = WAYS_OUT.get(type(error)) or f"{type(error).__name__}: {error}"
        left = self._to_do[len(self.measured) :]
        where = f" at {left[0]}" if left else ""
        yield from self._tell(
            f"ended{where} ({how}) with {self._total - len(left)} of {self._total} done; to go on, "
            "call it again with done=catalog.done_samples"
        )

    def _tell(self, text: str) -> MsgGenerator[None]:
        return tell(f"series {self.name}: {text}")


def _steps(read: SampleTable, axes: Sequence[Axis], scan: Scan) -> MsgGenerator[list[Step]]:
    """Give all scans of the table; what is wrong with a place is noted in its row."""
    steps: list[Step] = []
    taken: dict[tuple[Any, ...], int] = {}
    for number, (row, sample) in enumerate(zip(read.rows, read.samples, strict=True), 1):
        if not row.is_whole:
            continue
        places: list[Any] = []
        for axis in axes:
            places.append((yield from axis.place(row)))
        there = tuple(places)
        if None not in there and there in taken:
            column = next(column for column in axes[0].columns if column in row.cells)
            row.refuse(column, f"row {taken[there]} stands there too, give each its own place")
        taken.setdefault(there, number)
        if sample is not None:
            each = sample.at_its_edges() if scan.takes_edge else [sample]
            steps += [Step(once, there, row) for once in each]
    return steps


def _series_name(read: SampleTable, md: Mapping[str, Any] | None) -> str:
    series = (md or {}).get("series", read.series)
    if not isinstance(series, str) or not series.strip():
        raise ValueError(
            f"the series is called {series!r}: name it, such as md={{'series': 'over cycles'}}"
        )
    return series


def _made(
    done: Callable[[str], Any] | Sequence[str | Sequence[str]], series: str, read: SampleTable
) -> frozenset[tuple[str, ...]]:
    """Give what has been made already; names that the table does not know are refused."""
    asked: Any = getattr(done, "done_samples", done)
    given: Any = asked(series) if callable(asked) else asked
    listed = None if isinstance(given, str) or not isinstance(given, Iterable) else list(given)
    if listed is None or not all(isinstance(item, str | list | tuple) for item in listed):
        raise ValueError(
            f"done is {given!r}: give a list of names, or what gives one, such as "
            "catalog.done_samples"
        )
    items = [(item,) if isinstance(item, str) else tuple(item) for item in listed]
    names = [sample.name for sample in read.samples if sample is not None]
    for name in (item[0] for item in items if len(item) == 1):
        if name not in names:
            raise ValueError(
                f"done names {name!r}, which is not in {read.source}: {suggestion(name, names)}"
            )
    return frozenset(items)


def _check_scans(read: SampleTable, to_do: Sequence[Step], scan: Scan) -> MsgGenerator[None]:
    """Let each scan that is to be made check its arguments."""
    refused: dict[str, list[Step]] = {}
    for step in to_do:
        try:
            yield from scan.check(step.sample)
        except ValueError as error:
            refused.setdefault(str(error), []).append(step)
    for why, steps in refused.items():
        if len(steps) == len(to_do) > 1:
            raise ValueError(f"scan cannot be made: {why}")
        for step in steps:
            step.row.problems.append(f"{step.row.where}, {step}: {why}")
    read.check()
