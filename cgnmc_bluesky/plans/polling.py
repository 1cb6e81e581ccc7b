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
"""A step of a device's clock by more than so many of its periods counts as so many."""
HASTE = 2.0
"""A clock that is so many times as fast as this computer's is a simulation's."""


class Elapsed:
    """Time that has passed, in seconds: by this computer, or by devices that live faster.

    Simulated devices go through hours in seconds, and say so in the timestamps of their readings.
    """

    def __init__(self) -> None:
        self._begin_s = time.monotonic()
        self._last: dict[str, tuple[float, float]] = {}
        self._ahead_s: dict[str, float] = {}

    def stamp(self, key: str, timestamp_s: float, period_s: float) -> None:
        """Take the timestamp of a reading by a device that keeps a pace.

        Parameters
        ----------
        key
            Whose clock it is.
        timestamp_s
            In seconds since the epoch.
        period_s
            How long its device takes for a reading, in seconds.
        """
        here_s = time.monotonic()
        last_stamp_s, last_here_s = self._last.get(key, (timestamp_s, here_s))
        there_s, passed_s = timestamp_s - last_stamp_s, here_s - last_here_s
        if there_s > HASTE * passed_s:
            ahead_s = max(min(there_s, JUMP * period_s) - passed_s, 0.0)
            self._ahead_s[key] = self._ahead_s.get(key, 0.0) + ahead_s
        self._last[key] = timestamp_s, here_s

    def now_s(self) -> float:
        """Seconds since this was made."""
        return time.monotonic() - self._begin_s + max(self._ahead_s.values(), default=0.0)


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
    _stamp_s: float = 0.0

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
        self._note_pace(readings)
        return readings

    def _note_pace(self, readings: dict[str, Any]) -> None:
        """Let devices that took their time, by their own clock, be triggered again at once.

        Others may wait for them to take more of it.
        """
        stamp_s = max((reading["timestamp"] for reading in readings.values()), default=0.0)
        if self.is_paced and stamp_s - self._stamp_s >= 0.5 * self.period_s:
            self.due_s = 0.0
        self._stamp_s = stamp_s


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
