"""Fluorescence maps: one axis is swept line after line, the other is stepped."""

import json
from typing import Any

from bluesky.protocols import Flyable, NamedMovable
from bluesky.utils import MsgGenerator

from cgnmc_bluesky.beamline.edges import SYMBOLS
from cgnmc_bluesky.beamline.errors import suggestion
from cgnmc_bluesky.plans.checks import check_flyer, check_mover, check_number
from cgnmc_bluesky.plans.lines import STREAM, fly_lines, line_along, positions_um
from cgnmc_bluesky.plans.messages import tell


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
    line = line_along(fast_axis, fast_start_um, fast_stop_um, fast_num, dwell_s)
    lines_um = positions_um(slow_start_um, slow_stop_um, slow_num)
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
    return (yield from fly_lines(flyer, lines, slow_axis, lines_um, {**metadata, **(md or {})}))


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
    line = line_along(axis, start_um, stop_um, num, dwell_s)
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
    return (yield from fly_lines(flyer, [line], slow_axis, at_um, {**metadata, **(md or {})}))


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
