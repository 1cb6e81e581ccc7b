"""Detectors read side by side, each at its own pace, so that none keeps another waiting."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bluesky import Msg
from bluesky.protocols import Readable, Status, Triggerable
from bluesky.utils import MsgGenerator

JUMP = 3.0
"""A step of a device's clock by more than so many of its periods is no step of time."""


class Elapsed:
    """Time that has passed, by paced devices' timestamps or by this computer, whichever is ahead.

    Simulated devices go through hours in seconds, and say so in their timestamps. Those of a device
    without a pace, or of one that repeats itself, say nothing of how much time has passed.
    """

    def __init__(self) -> None:
        self._begin_s = time.monotonic()
        self._stamped_s: dict[str, float] = {}
        self._last_s: dict[str, float] = {}

    def stamp(self, key: str, timestamp_s: float, period_s: float) -> None:
        """Take a reading's timestamp.

        Parameters
        ----------
        key
            Whose clock it is.
        timestamp_s
            In seconds since the epoch.
        period_s
            How long its device takes for a reading, in seconds.
        """
        # Clocks that are first heard later begin where the others are: any of them may stand still.
        self._stamped_s.setdefault(key, max(self._stamped_s.values(), default=0.0))
        passed_s = timestamp_s - self._last_s.get(key, timestamp_s)
        if 0.0 < passed_s <= JUMP * period_s:
            self._stamped_s[key] += passed_s
        self._last_s[key] = timestamp_s

    def now_s(self) -> float:
        """Seconds since this was made."""
        return max(time.monotonic() - self._begin_s, *self._stamped_s.values(), 0.0)


@dataclass
class Channel:
    """Devices that are triggered together, and read into one event of their stream.

    Parameters
    ----------
    stream
        The stream.
    devices
        The devices.
    period_s
        From one trigger to the next, in seconds.
    is_paced
        Whether the devices themselves take that long.
    """

    stream: str
    devices: Sequence[Readable[Any]]
    period_s: float
    is_paced: bool
    due_s: float = 0.0
    began_s: float | None = None
    is_spoilt: bool = False
    statuses: list[Status] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether it was triggered, and its readings are there."""
        return self.began_s is not None and all(status.done for status in self.statuses)

    def waits_s(self, now_s: float) -> float:
        """How long it has been waited for; 0 while it is idle."""
        return 0.0 if self.began_s is None else now_s - self.began_s

    def trigger(self, now_s: float) -> MsgGenerator[None]:
        """Trigger its devices.

        Parameters
        ----------
        now_s
            The time.
        """
        self.began_s, self.statuses, self.is_spoilt = now_s, [], False
        if self.is_paced:
            # Should they not take their time after all, they are not asked without end.
            self.due_s = now_s + 0.5 * self.period_s
        else:
            self.due_s = max(self.due_s + self.period_s, now_s)
        for device in self.devices:
            if isinstance(device, Triggerable):
                status = yield Msg("trigger", device, group=self.stream)
                self.statuses += [status] if status is not None else []

    def spoil(self, now_s: float) -> None:
        """Count what was triggered before a pause for nothing.

        Parameters
        ----------
        now_s
            The time.
        """
        if self.began_s is not None:
            self.began_s, self.is_spoilt = now_s, True

    def record(self) -> MsgGenerator[dict[str, Any]]:
        """Read its devices into an event, and be idle again.

        Returns
        -------
        dict
            The readings; none where a pause came between, and there is no event.
        """
        self.began_s = None
        yield Msg("wait", group=self.stream)
        if self.is_spoilt:
            return {}
        yield Msg("create", name=self.stream)
        readings: dict[str, Any] = {}
        for device in self.devices:
            reading = yield Msg("read", device)
            if reading is None:
                yield Msg("drop")
                return {}
            readings |= reading
        yield Msg("save")
        return readings


def first_of(channels: Sequence[Channel], timeout_s: float) -> MsgGenerator[None]:
    """Wait until one of the channels' devices is done.

    Parameters
    ----------
    channels
        The channels.
    timeout_s
        No longer than this, in seconds.
    """
    pending = [channel for channel in channels if channel.began_s is not None]
    statuses = [status for channel in pending for status in channel.statuses if not status.done]

    async def wait() -> None:
        loop, is_done = asyncio.get_running_loop(), asyncio.Event()

        def end(_: Status) -> None:
            loop.call_soon_threadsafe(is_done.set)

        for status in statuses:
            status.add_callback(end)
        with suppress(TimeoutError):
            await asyncio.wait_for(is_done.wait(), timeout_s)

    yield Msg("wait_for", None, [wait])
