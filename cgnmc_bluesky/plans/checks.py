"""What a plan makes sure of before its first message."""

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import bluesky.plan_stubs as bps
from bluesky.protocols import Checkable, Collectable, Flyable, Locatable, Movable, Readable
from bluesky.utils import Msg, MsgGenerator

ANGLES = ("deg", "degree", "degrees", "rad", "mrad")
LENGTHS_UM = {"nm": 1e-3, "um": 1.0, "µm": 1.0, "μm": 1.0, "micron": 1.0, "mm": 1e3, "m": 1e6}
"""Size of units of length, by the names that devices give them."""


def check_detectors(detectors: Sequence[Readable[Any]]) -> list[Readable[Any]]:
    """Detectors as a list, each known to be one.

    Parameters
    ----------
    detectors
        What the user gave.

    Raises
    ------
    ValueError
        If there are none, one cannot be read, or one is named twice.
    """
    if not isinstance(detectors, list | tuple) or not detectors:
        raise ValueError(
            f"detectors are {detectors!r}: give a list of at least one, such as [i0, it]"
        )
    for detector in detectors:
        if not isinstance(detector, Readable):
            raise ValueError(f"detector {detector!r} cannot be read: give a device, not its name")
    names = [detector.name for detector in detectors]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"detector {name!r} is named {names.count(name)} times: once is enough"
            )
    return list(detectors)


def check_flyer(flyer: Flyable) -> None:
    """Make sure that a device can record by itself, and that this can be collected.

    Parameters
    ----------
    flyer
        What the user gave.

    Raises
    ------
    ValueError
        If it cannot.
    """
    if not isinstance(flyer, Flyable) or not isinstance(flyer, Collectable):
        raise ValueError(
            f"flyer {flyer!r} cannot fly: give a device such as xspress3 that can be kicked off, "
            "completed and collected"
        )


def check_number(
    value: object, name: str, *, above: float = -math.inf, unit: str = "", whole: bool = False
) -> None:
    """Make sure that an argument is a finite number.

    Parameters
    ----------
    value
        What the user gave.
    name
        What the plan calls it.
    above
        It must be larger.
    unit
        Its unit, for the message.
    whole
        Whether it must be a whole number.

    Raises
    ------
    ValueError
        If it is none.
    """
    kinds = int if whole else int | float
    is_number = isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not value > above:  # type: ignore[operator]
        what = f"{'whole ' if whole else ''}number{f' in {unit}' if unit else ''}"
        bound = f" above {above:g}" if math.isfinite(above) else ""
        raise ValueError(f"{name} is {value!r}: give a {what}{bound}")


def check_mover(mover: Movable[Any], role: str) -> None:
    """Make sure that a device can be moved, and read so that it can be put back.

    Parameters
    ----------
    mover
        What the user gave.
    role
        What the plan calls it, for the message.

    Raises
    ------
    ValueError
        If it cannot be moved or read.
    """
    if not isinstance(mover, Movable):
        raise ValueError(
            f"{role} {mover!r} cannot be moved: give a device such as mono, not its name"
        )
    if not isinstance(mover, Readable):
        raise ValueError(
            f"{role} {mover!r} cannot be read, so it could not be put back: give a readable device"
        )


def ev_per_unit(energy: Movable[float]) -> float:
    """Size of an energy axis' unit, in eV: 1000 where its `egu` says keV.

    Other units are taken for eV, since many a soft axis names one it does not move in.

    Parameters
    ----------
    energy
        The axis.

    Raises
    ------
    ValueError
        If it is the angle of a monochromator.
    """
    unit = str(getattr(energy, "egu", "")).lower()
    if unit in ANGLES:
        raise ValueError(f"energy {energy!r} moves in {unit!r}: give the axis that moves in eV")
    return 1000.0 if unit == "kev" else 1.0


def um_per_unit(mover: Movable[float]) -> MsgGenerator[float]:
    """Size of an axis' unit, in µm; what says no unit is taken to move in µm.

    Parameters
    ----------
    mover
        The axis.

    Returns
    -------
    float
        1000 where it moves in mm.

    Raises
    ------
    ValueError
        If it does not move along a length.
    """
    unit = str(getattr(mover, "egu", "") or "")
    if not unit and isinstance(mover, Readable):
        unit = yield from unit_of(mover)
    if unit and unit not in LENGTHS_UM:
        raise ValueError(
            f"{mover!r} moves in {unit!r}: give an axis that moves in {', '.join(LENGTHS_UM)}"
        )
    return LENGTHS_UM.get(unit, 1.0)


def check_limits(mover: Movable[Any], positions: Sequence[Any]) -> MsgGenerator[None]:
    """Make sure that positions lie within a device's limits, where it has any.

    Parameters
    ----------
    mover
        The device.
    positions
        Positions in its own unit; each a number, a name, or several numbers at once.

    Raises
    ------
    ValueError
        If one of them cannot be reached.
    """
    for position in positions:
        try:
            yield from check_value(mover, position)
        except ValueError as error:
            name = getattr(mover, "name", repr(mover))
            where = f"{position:.10g}" if isinstance(position, int | float) else repr(position)
            raise ValueError(
                f"{name} cannot go to {where} ({error}): narrow the scan or widen the limits"
            ) from error


def described(readable: Readable[Any]) -> MsgGenerator[Mapping[str, Any]]:
    """What a device says of its readings, by their data keys.

    Parameters
    ----------
    readable
        The device.
    """
    if not inspect.iscoroutinefunction(readable.describe):
        return cast("Mapping[str, Any]", readable.describe())
    tasks = yield Msg("wait_for", None, [readable.describe])
    return tasks[0].result() if tasks else {}


def unit_of(readable: Readable[Any]) -> MsgGenerator[str]:
    """Give the unit of a device's first reading; empty where it has none.

    Parameters
    ----------
    readable
        The device.
    """
    first: Mapping[str, Any] = next(iter((yield from described(readable)).values()), {})
    return str(first.get("units") or "")


def position_of(mover: Movable[Any]) -> MsgGenerator[Any]:
    """Where a device was last asked to be, or where it is.

    Parameters
    ----------
    mover
        The device, which can also be read.
    """
    if isinstance(mover, Locatable):
        location = yield Msg("locate", mover)
        return (
            location["setpoint"] if location else None
        )  # a plan that is only listed gets no answers
    return (yield from bps.rd(cast("Readable[Any]", mover)))


def put_back(*positions: Any) -> MsgGenerator[None]:
    """Move devices to where they were.

    Parameters
    ----------
    *positions
        Each device, followed by where it was, in its own unit.
    """
    # Not bps.mv itself: a halted RunEngine drops this unused, which bluesky's stubs warn of.
    yield from bps.mv(*positions)


def check_value(mover: Movable[Any], position: Any) -> MsgGenerator[None]:
    """Ask a device whether it can go somewhere, by its limits and by what it says itself.

    Parameters
    ----------
    mover
        The device.
    position
        A position in its own unit: a number, a name, or several numbers at once.

    Raises
    ------
    ValueError
        If it cannot.
    """
    limits = getattr(mover, "limits", None)
    low, high = limits if isinstance(limits, tuple | list) and None not in limits else (0.0, 0.0)
    values = position if isinstance(position, tuple | list) else (position,)
    numbers = [value for value in values if isinstance(value, int | float)]
    if low < high and not all(low <= number <= high for number in numbers):
        raise ValueError(f"its limits are {low:.10g} and {high:.10g}")
    if not isinstance(mover, Checkable):
        return
    if inspect.iscoroutinefunction(mover.check_value):
        tasks = yield Msg("wait_for", None, [lambda: mover.check_value(position)])
        for task in tasks or ():
            task.result()
    else:
        mover.check_value(position)
