"""Fluorescence maps: one axis is swept line after line, the other is stepped."""

import json
from collections.abc import Sequence
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky import Msg
from bluesky.protocols import Flyable, NamedMovable, Stageable
from bluesky.utils import MsgGenerator

from cgnmc_bluesky.beamline.edges import SYMBOLS
from cgnmc_bluesky.beamline.errors import suggestion
from cgnmc_bluesky.devices.flying import RUN_UP_PIXELS, FlyLine, prepared_with
from cgnmc_bluesky.plans.checks import (
    check_flyer,
    check_limits,
    check_mover,
    check_number,
    position_of,
    put_back,
    um_per_unit,
)
from cgnmc_bluesky.plans.messages import tell

STREAM = "primary"


def xrf_fly_map(
    flyer: Flyable,
    fast_axis: NamedMovable[float],
    fast_start_um: float,
    fast_stop_um: float,
    fast_num: int,
    slow_axis: NamedMovable[float],
    slow_start_um: float,
    slow_stop_um: float,
    slow_num: int,
    *,
    dwell_s: float,
    snake: bool = True,
    md: dict[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Map an area: sweep the fast axis while the detector records, line after line.

    Before anything moves all is checked: devices, numbers, and the axes' limits with the run-up.
    Both axes return to where they were on every way out (end, error, stop, abort) but `RE.halt()`.
    A map that was paused, by hand or by a suspender, measures again the line that it was at, and no
    other.

    Parameters
    ----------
    flyer
        Detector that records a line by itself, such as xspress3. It is prepared with a `FlyLine`
        and sweeps the axis; a detector of ophyd-async with its exposures, and the axis with its
        motion.
    fast_axis
        Axis that is swept, in um or in what its unit says.
    fast_start_um
        Centre of the first pixel of a line, in um.
    fast_stop_um
        Centre of the last pixel of a line, in um.
    fast_num
        Number of pixels in a line.
    slow_axis
        Axis that is stepped from line to line.
    slow_start_um
        Position of the first line, in um.
    slow_stop_um
        Position of the last line, in um.
    slow_num
        Number of lines.
    dwell_s
        Time in a pixel, in seconds.
    snake
        Whether every second line goes backwards.
    md
        Further metadata of the run. `sample` names the sample.

    Returns
    -------
    str
        The run's uid.

    Raises
    ------
    ValueError
        If an argument cannot be used; nothing has moved then.
    """
    check_flyer(flyer)
    line = _line(fast_axis, fast_start_um, fast_stop_um, fast_num, dwell_s)
    lines_um = _steps(slow_start_um, slow_stop_um, slow_num)
    check_mover(slow_axis, "slow_axis")
    if not isinstance(snake, bool):
        raise ValueError(f"snake is {snake!r}: give True or False")
    if fast_axis.name == slow_axis.name:
        raise ValueError(f"{fast_axis.name} is fast and slow axis: give two, or use xrf_fly_line")
    metadata = {
        "plan_name": "xrf_fly_map",
        "plan_args": {
            "flyer": repr(flyer),
            "fast_axis": repr(fast_axis),
            "fast_start_um": fast_start_um,
            "fast_stop_um": fast_stop_um,
            "fast_num": fast_num,
            "slow_axis": repr(slow_axis),
            "slow_start_um": slow_start_um,
            "slow_stop_um": slow_stop_um,
            "slow_num": slow_num,
            "dwell_s": dwell_s,
            "snake": snake,
        },
        "motors": [slow_axis.name, fast_axis.name],
        "shape": [slow_num, fast_num],
        "extents": [[slow_start_um, slow_stop_um], [fast_start_um, fast_stop_um]],
        "snaking": [False, snake],
        "hints": {
            "gridding": "rectilinear",
            "dimensions": [([slow_axis.name], STREAM), ([fast_axis.name], STREAM)],
        },
    }
    lines = [line.reversed() if snake and row % 2 else line for row in range(slow_num)]
    return (yield from _fly(flyer, lines, slow_axis, lines_um, {**metadata, **(md or {})}))


def xrf_fly_line(
    flyer: Flyable,
    axis: NamedMovable[float],
    start_um: float,
    stop_um: float,
    num: int,
    *,
    dwell_s: float,
    slow_axis: NamedMovable[float] | None = None,
    slow_um: float | None = None,
    md: dict[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Record one line, such as one across the middle of a particle.

    Parameters
    ----------
    flyer
        Detector that records a line by itself, as for `xrf_fly_map`.
    axis
        Axis that is swept, in um or in what its unit says.
    start_um
        Centre of the first pixel, in um.
    stop_um
        Centre of the last pixel, in um.
    num
        Number of pixels.
    dwell_s
        Time in a pixel, in seconds.
    slow_axis
        Axis across the line, where it is to be moved first.
    slow_um
        Where to move that, in um; left out, both stay where they are.
    md
        Further metadata of the run. `sample` names the sample.

    Returns
    -------
    str
        The run's uid.

    Raises
    ------
    ValueError
        If an argument cannot be used; nothing has moved then.
    """
    check_flyer(flyer)
    line = _line(axis, start_um, stop_um, num, dwell_s)
    if (slow_axis is None) != (slow_um is None):
        raise ValueError(
            f"slow_axis is {slow_axis!r} and slow_um is {slow_um!r}: give both, or neither"
        )
    if slow_axis is not None:
        check_mover(slow_axis, "slow_axis")
        check_number(slow_um, "slow_um", unit="um")
        if slow_axis.name == axis.name:
            raise ValueError(f"{axis.name} cannot be swept and stay: give another slow_axis")
    metadata = {
        "plan_name": "xrf_fly_line",
        "plan_args": {
            "flyer": repr(flyer),
            "axis": repr(axis),
            "start_um": start_um,
            "stop_um": stop_um,
            "num": num,
            "dwell_s": dwell_s,
            "slow_axis": None if slow_axis is None else repr(slow_axis),
            "slow_um": slow_um,
        },
        "motors": [axis.name],
        "shape": [1, num],
        "extents": [[start_um, stop_um]],
        "snaking": [False],
        "hints": {"dimensions": [([axis.name], STREAM)]},
    }
    at_um = [0.0 if slow_um is None else slow_um]
    return (yield from _fly(flyer, [line], slow_axis, at_um, {**metadata, **(md or {})}))


def measure_sensitivity(
    flyer: Flyable,
    fast_axis: NamedMovable[float],
    fast_start_um: float,
    fast_stop_um: float,
    fast_num: int,
    slow_axis: NamedMovable[float],
    slow_start_um: float,
    slow_stop_um: float,
    slow_num: int,
    *,
    name: str,
    composition: dict[str, float],
    dwell_s: float,
    snake: bool = True,
    md: dict[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Map a standard of known composition, and show the line of beamline.toml that names the run.

    What it gives are the counts that an atom of each element makes, relative to each other. The
    standard should be thin, and so homogeneous that it does not matter where it is mapped.

    Parameters
    ----------
    flyer
        Detector that records a line by itself, as for `xrf_fly_map`.
    fast_axis
        Axis that is swept, in um or in what its unit says.
    fast_start_um
        Centre of the first pixel of a line, in um.
    fast_stop_um
        Centre of the last pixel of a line, in um.
    fast_num
        Number of pixels in a line.
    slow_axis
        Axis that is stepped from line to line.
    slow_start_um
        Position of the first line, in um.
    slow_stop_um
        Position of the last line, in um.
    slow_num
        Number of lines.
    name
        Name of the standard.
    composition
        Atoms of each element, relative to each other, such as {"Mn": 0.2, "Co": 0.2, "Ni": 0.6}.
    dwell_s
        Time in a pixel, in seconds.
    snake
        Whether every second line goes backwards.
    md
        Further metadata of the run.

    Returns
    -------
    str
        The run's uid.

    Raises
    ------
    ValueError
        If an argument cannot be used; nothing has moved then.
    """
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"name is {name!r}: name the standard, such as 'NMC 622'")
    metadata = {
        "plan_name": "measure_sensitivity",
        "sample": name,
        "composition": _checked(composition),
        **(md or {}),
    }
    uid: str = yield from xrf_fly_map(
        flyer,
        fast_axis,
        fast_start_um,
        fast_stop_um,
        fast_num,
        slow_axis,
        slow_start_um,
        slow_stop_um,
        slow_num,
        dwell_s=dwell_s,
        snake=snake,
        md=metadata,
    )
    yield from tell(f"sensitivity = {json.dumps(uid)}")
    return uid


def _fly(
    flyer: Flyable,
    lines: Sequence[FlyLine],
    slow_axis: NamedMovable[float] | None,
    slow_um: Sequence[float],
    md: dict[str, Any],
) -> MsgGenerator[str]:
    """Record lines into one run, the slow axis at a position of its own for each."""
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


def _line(
    axis: NamedMovable[float], start_um: float, stop_um: float, num: int, dwell_s: float
) -> FlyLine:
    check_mover(axis, "fast axis")
    _check_range("the line", start_um, stop_um, num)
    check_number(dwell_s, "dwell_s", above=0.0, unit="s")
    return FlyLine(axis, float(start_um), float(stop_um if num > 1 else start_um), num, dwell_s)


def _steps(start_um: float, stop_um: float, num: int) -> list[float]:
    _check_range("the slow axis", start_um, stop_um, num)
    step_um = (stop_um - start_um) / max(num - 1, 1)
    return [start_um + row * step_um for row in range(num)]


def _check_range(what: str, start_um: float, stop_um: float, num: int) -> None:
    check_number(start_um, f"the start of {what}", unit="um")
    check_number(stop_um, f"the stop of {what}", unit="um")
    check_number(num, f"the number of points of {what}", above=0, whole=True)
    if num > 1 and start_um == stop_um:
        raise ValueError(
            f"{what} has {num} points between {start_um:g} and {stop_um:g} um: give two ends"
        )


def _checked(composition: dict[str, float]) -> dict[str, float]:
    if not isinstance(composition, dict) or len(composition) < 2:
        raise ValueError(
            f"composition is {composition!r}: give the atoms of at least two elements, such as "
            '{"Mn": 0.2, "Ni": 0.6}'
        )
    for element, atoms in composition.items():
        if element not in SYMBOLS:
            raise ValueError(
                f"composition names {element!r}: there is no such element; "
                f"{suggestion(str(element), SYMBOLS)}"
            )
        check_number(atoms, f"composition of {element}", above=0.0)
    return dict(composition)
