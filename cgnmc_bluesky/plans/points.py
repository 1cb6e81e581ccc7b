"""One point of a scan."""

from collections.abc import Sequence
from typing import Any

from bluesky import Msg
from bluesky.protocols import Movable, Readable, Triggerable
from bluesky.utils import MsgGenerator


def measure_point(
    axis: Movable[Any], position: Any, devices: Sequence[Readable[Any]]
) -> MsgGenerator[None]:
    """Move an axis and read devices there into one event of `primary`; a pause repeats all of it.

    Parameters
    ----------
    axis
        What is moved.
    position
        Where to, in the axis' own unit.
    devices
        What is triggered and read.

    Notes
    -----
    These are the messages of bluesky's `checkpoint`, `mv` and `trigger_and_read`. Each of those
    stubs writes down the call stack when it is called, which takes 5 ms a point.
    """
    yield Msg("checkpoint")
    yield Msg("set", axis, position, group="move")
    yield Msg("wait", group="move")
    for device in devices:
        if isinstance(device, Triggerable):
            yield Msg("trigger", device, group="trigger")
    yield Msg("wait", group="trigger")
    yield Msg("create", name="primary")
    for device in devices:
        yield Msg("read", device)
    yield Msg("save")
