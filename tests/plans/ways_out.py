"""Plans that are interrupted, and devices that fail."""

from collections.abc import Iterator
from typing import Any

import bluesky.preprocessors as bpp
from bluesky import Msg


class FaultError(RuntimeError):
    """A device that gave up."""


def broken_at(device: Any, method: str, call: int) -> None:
    """Let a device fail at one call of one of its methods."""
    original, calls = getattr(device, method), 0

    def fails(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise FaultError(f"{device.name}.{method}")
        return original(*args, **kwargs)

    setattr(device, method, fails)


def paused_before(
    plan: Iterator[Msg], command: str, occurrence: int, group: str | None = None
) -> Iterator[Msg]:
    """The plan, pausing itself once, right before a message comes for the n-th time."""
    seen = 0

    def pause(msg: Msg) -> tuple[Iterator[Msg] | None, Iterator[Msg] | None]:
        nonlocal seen
        is_it = msg.command == command and group in {None, msg.kwargs.get("group")}
        seen += is_it
        if is_it and seen == occurrence:
            seen += 1
            return (ask for ask in [Msg("pause"), msg]), None
        return None, None

    return bpp.plan_mutator(plan, pause)
