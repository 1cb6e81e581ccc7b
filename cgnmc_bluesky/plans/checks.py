"""What a plan makes sure of before its first message."""

import inspect
from collections.abc import Sequence
from typing import Any, cast

import bluesky.plan_stubs as bps
from bluesky.protocols import Checkable, Locatable, Movable, Readable
from bluesky.utils import Msg, MsgGenerator

ANGLES = ("deg", "degree", "degrees", "rad", "mrad")


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


def check_limits(mover: Movable[float], positions: Sequence[float]) -> MsgGenerator[None]:
    """Make sure that positions lie within a device's limits, where it has any.

    Parameters
    ----------
    mover
        The device.
    positions
        Positions in its own unit.

    Raises
    ------
    ValueError
        If one of them cannot be reached.
    """
    for position in positions:
        try:
            yield from _check_value(mover, position)
        except ValueError as error:
            name = getattr(mover, "name", repr(mover))
            raise ValueError(
                f"{name} cannot go to {position:.10g} ({error}): narrow the regions or widen limits"
            ) from error


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


def put_back(mover: Movable[Any], position: Any) -> MsgGenerator[None]:
    """Move a device to where it was.

    Parameters
    ----------
    mover
        The device.
    position
        Where it was, in its own unit.
    """
    # Not bps.mv itself: a halted RunEngine drops this unused, which bluesky's stubs warn of.
    yield from bps.mv(mover, position)


def _check_value(mover: Movable[float], position: float) -> MsgGenerator[None]:
    limits = getattr(mover, "limits", None)
    low, high = limits if isinstance(limits, tuple | list) else (0.0, 0.0)
    if low < high and not low <= position <= high:
        raise ValueError(f"its limits are {low:.10g} and {high:.10g}")
    if not isinstance(mover, Checkable):
        return
    if inspect.iscoroutinefunction(mover.check_value):
        tasks = yield Msg("wait_for", None, [lambda: mover.check_value(position)])
        for task in tasks or ():
            task.result()
    else:
        mover.check_value(position)
