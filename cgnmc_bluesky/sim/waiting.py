"""Devices that are triggered and waited for without blocking a server."""

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any

from cgnmc_bluesky.sim.faults import DetectorFailure


def triggered(device: Any) -> Any:
    """Trigger a device; give its status, or `None` where it does not answer."""
    try:
        return device.trigger()
    except DetectorFailure:
        return None


async def finished(statuses: Iterable[Any]) -> None:
    """Wait, without blocking the server, until all have ended, well or not."""
    loop = asyncio.get_running_loop()
    for status in statuses:
        done = asyncio.Event()
        status.add_callback(partial(_tell, loop, done))
        await done.wait()


def _tell(loop: asyncio.AbstractEventLoop, done: asyncio.Event, status: Any) -> None:
    loop.call_soon_threadsafe(done.set)
