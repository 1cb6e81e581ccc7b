"""Lines that a flyer records one after the other, each as one row of a run."""

from collections.abc import Sequence
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky import Msg
from bluesky.protocols import Flyable, NamedMovable, Stageable
from bluesky.utils import MsgGenerator

from cgnmc_bluesky.devices.flying import RUN_UP_PIXELS, FlyLine, prepared_with
from cgnmc_bluesky.plans.checks import (
    check_limits,
    check_mover,
    check_number,
    position_of,
    put_back,
    um_per_unit,
)

STREAM = "primary"


def fly_lines(
    flyer: Flyable,
    lines: Sequence[FlyLine],
    slow_axis: NamedMovable[float] | None,
    slow_um: Sequence[float],
    md: dict[str, Any],
) -> MsgGenerator[str]:
    """Record lines into one run, and put the axes back on every way out.

    Parameters
    ----------
    flyer
        What records.
    lines
        The lines, of one axis and one number of pixels.
    slow_axis
        The other axis; `None` to leave it where it is.
    slow_um
        Where that is to be for each line, in um.
    md
        Metadata of the run.

    Returns
    -------
    str
        The run's uid.

    Raises
    ------
    ValueError
        If the axes cannot reach the lines, or not be flown; nothing has moved then.
    """
    first, axis = lines[0], lines[0].axis
    unit_um = yield from um_per_unit(axis)
    prepared_with(flyer, first, unit_um)
    run_up_um = first.ends_um(RUN_UP_PIXELS)
    yield from check_limits(axis, [end_um / unit_um for end_um in run_up_um])
    axes = [axis]
    places: list[list[Any]] = [[] for _ in lines]
    if slow_axis is not None:
        slow_unit_um = yield from um_per_unit(slow_axis)
        places = [[slow_axis, at_um / slow_unit_um] for at_um in slow_um]
        yield from check_limits(slow_axis, [place for _, place in places])
        axes.append(slow_axis)
    before = []
    for mover in axes:
        before += [mover, (yield from position_of(mover))]
    metadata = {
        "detectors": [flyer.name],
        "num_points": len(lines) * first.num,
        "dwell_s": first.dwell_s,
        "units": {"extents": "um", "dwell_s": "s"},
        **md,
    }

    @bpp.stage_decorator([device for device in (flyer, *axes) if isinstance(device, Stageable)])
    @bpp.run_decorator(md=metadata)
    def rows() -> MsgGenerator[None]:
        # Flyers can describe what they record only when they are prepared; the first line is
        # prepared once more below, so that no pause ever repeats the description.
        yield from _approach(flyer, first, unit_um, places[0])
        yield from bps.declare_stream(flyer, name=STREAM, collect=True)
        for line, place in zip(lines, places, strict=True):
            yield Msg("checkpoint")
            yield from _approach(flyer, line, unit_um, place)
            yield from _record(flyer, line, unit_um)

    uid: str = yield from bpp.finalize_wrapper(rows(), put_back(*before))
    return uid


def line_along(
    axis: NamedMovable[float], start_um: float, stop_um: float, num: int, dwell_s: float
) -> FlyLine:
    """Make a line out of what a user gave; one of a single pixel is where it starts.

    Raises
    ------
    ValueError
        If that cannot be used.
    """
    check_mover(axis, "fast axis")
    _check_range("the line", start_um, stop_um, num)
    check_number(dwell_s, "dwell_s", above=0.0, unit="s")
    return FlyLine(axis, float(start_um), float(stop_um if num > 1 else start_um), num, dwell_s)


def positions_um(start_um: float, stop_um: float, num: int) -> list[float]:
    """Positions of lines, out of what a user gave; a single one is where they start.

    Raises
    ------
    ValueError
        If that cannot be used.
    """
    _check_range("the slow axis", start_um, stop_um, num)
    step_um = (stop_um - start_um) / max(num - 1, 1)
    return [start_um + row * step_um for row in range(num)]


def _approach(
    flyer: Flyable, line: FlyLine, unit_um: float, place: Sequence[Any]
) -> MsgGenerator[None]:
    """Bring the axes to the begin of a line, and get ready for it."""
    run_up_um, _ = line.ends_um(RUN_UP_PIXELS)
    yield from bps.mv(*place, line.axis, run_up_um / unit_um)
    for device, value in prepared_with(flyer, line, unit_um):
        yield from bps.prepare(device, value, group="prepare")
    yield from bps.wait("prepare")


def _record(flyer: Flyable, line: FlyLine, unit_um: float) -> MsgGenerator[None]:
    """Record a line that all is ready for, and collect it."""
    devices = [device for device, _ in prepared_with(flyer, line, unit_um)]
    for device in devices:
        yield from bps.kickoff(device, group="kickoff", wait=True)
    for device in devices:
        yield from bps.complete(device, group="complete")
    yield from bps.wait("complete")
    # From here on a pause must not measure the line again: it would be counted twice.
    collected = bps.collect(flyer, name=STREAM, return_payload=False)
    yield from bpp.rewindable_wrapper(collected, False)


def _check_range(what: str, start_um: float, stop_um: float, num: int) -> None:
    check_number(start_um, f"the start of {what}", unit="um")
    check_number(stop_um, f"the stop of {what}", unit="um")
    check_number(num, f"the number of points of {what}", above=0, whole=True)
    if num > 1 and start_um == stop_um:
        raise ValueError(
            f"{what} has {num} points between {start_um:g} and {stop_um:g} um: give two ends"
        )
