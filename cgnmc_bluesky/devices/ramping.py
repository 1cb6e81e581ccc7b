"""A furnace on its way to a target: what it does in a pause, and how it is made to cool."""

import asyncio
import logging
import math
from typing import Any

from bluesky.protocols import Movable, NamedMovable, Status
from ophyd.status import Status as FinishedStatus

from cgnmc_bluesky.devices.heating import Controls

POLICIES = ("hold", "continue", "cool")
UNATTENDED_S = 1800.0
"""How long a furnace is kept hot in a pause."""
ANSWER_S = 5.0
"""How long a command may take to be obeyed."""
BEATS_A_TIMEOUT = 4

log = logging.getLogger(__name__)


class Ramp:
    """A furnace's ramp as a device that a RunEngine pauses, resumes and stops.

    A RunEngine that pauses or suspends a plan stops everything that was set. A furnace that was
    stopped holds where it is, its motion is done as if it had arrived, and nobody sends it on. So
    the plan sets this instead, which obeys a policy in a pause, and goes on after it.

    Parameters
    ----------
    furnace
        The furnace.
    controls
        What it has beside its temperature.
    target
        Where to, in the furnace's unit.
    rest
        Where it goes when it is to cool, in the furnace's unit.
    on_suspend
        What it does in a pause: "hold" its temperature, "continue" to its target, or "cool".
    beat_s
        Time between heartbeats, in seconds.

    Attributes
    ----------
    measured
        The last temperature that the plan has read, in the furnace's unit.
    interruptions
        How many pauses there were.
    fault
        What went wrong aside of the plan, which must look here; `None` while all is well.
    """

    parent = None

    def __init__(
        self,
        furnace: NamedMovable[float],
        controls: Controls,
        *,
        target: float,
        rest: float,
        on_suspend: str = "hold",
        beat_s: float = math.inf,
    ) -> None:
        self.name = f"{furnace.name}_ramp"
        self.furnace = furnace
        self.controls = controls
        self.on_suspend = on_suspend
        self.beat_s = beat_s
        self.measured = math.nan
        self.interruptions = 0
        self.fault: BaseException | None = None
        self._target, self._rest = target, rest
        self._is_heating = self._is_paused = self._is_over = False
        self._beats = 0
        self._motion: Status | None = None
        self._keeper: asyncio.Task[None] | None = None

    def set(self, value: float) -> FinishedStatus:
        """Send the furnace to a temperature.

        Parameters
        ----------
        value
            Where to, in the furnace's unit.

        Returns
        -------
        Status
            Done at once. Should the furnace give up on its way, `fault` says so.
        """
        self._is_heating = True
        self._send(value)
        done = FinishedStatus()
        done.set_finished()
        return done

    def next_beat(self) -> int:
        """Give the number of the next heartbeat."""
        self._beats = self._beats % 1_000_000 + 1
        return self._beats

    async def pause(self) -> None:
        """Do in a pause what the policy says. It raises nothing, as that would end all clean-up."""
        self.interruptions += 1
        if self._is_paused or self._is_over or not self._is_heating:
            return
        self._is_paused = True
        try:
            if self.on_suspend == "hold":
                self._send(self.measured)
            elif self.on_suspend == "cool":
                await self._obeyed_cooling()
        except Exception as error:
            log.exception("%s could not %s", self.name, self.on_suspend)
            self.fault = error
        self._keeper = asyncio.get_running_loop().create_task(self._keep())

    async def resume(self) -> None:
        """Go on after a pause."""
        if not self._is_paused:
            return
        self._is_paused = False
        self._let_keeper_go()
        if self.fault is not None or self.on_suspend == "continue":
            return
        try:
            self._beat()
            if self.on_suspend == "cool" and self.controls.heater is not None:
                await _obeyed(self.controls.heater, 1)
            if self.controls.ramp_rate is not None:
                self._send(self._target)
        except Exception as error:
            log.exception("%s could not go on", self.name)
            self.fault = error

    async def stop(self, *, success: bool = True) -> None:
        """Cool, where the plan has ended without doing so.

        A RunEngine calls this at each pause too; then the policy decides, not this.

        Parameters
        ----------
        success
            It makes no difference.
        """
        if self._is_over and self._is_heating:
            await self.cool()

    def let_go(self) -> None:
        """Say that the plan has ended: no more heartbeats come, and `stop` cools.

        It sends no message, so that `RE.halt()` does not skip it.
        """
        self._is_over = True
        self._let_keeper_go()

    async def cool(self) -> list[str]:
        """Make the furnace cool in all ways that it has, whichever of them fails.

        Returns
        -------
        list
            What failed. Unless that is nothing, the watchdog stays on guard.
        """
        self._is_over = True
        failed, worked = await self._try_cooling()
        self._is_heating = not worked
        if not failed and self.controls.heartbeat is not None:
            failure = await self._tried("heartbeat", self.controls.heartbeat, 0)
            failed += [failure] if failure else []
        return failed

    async def _try_cooling(self) -> tuple[list[str], bool]:
        self._motion = None
        ways: list[tuple[str, Movable[Any], Any]] = []
        if self.controls.heater is not None:
            ways.append(("heater", self.controls.heater, 0))
        ways.append(("setpoint", self.controls.setpoint or self.furnace, self._rest))
        failures = [await self._tried(*way) for way in ways]
        return [failure for failure in failures if failure], not all(failures)

    async def _tried(self, what: str, device: Movable[Any], value: Any) -> str:
        """Send a command; tell what it failed with, if it did."""
        try:
            await _obeyed(device, value, arrives=device is not self.furnace)
        except Exception as error:
            log.exception("%s did not take %s", what, value)
            return f"{what} did not take {value:g} ({type(error).__name__}: {error})"
        return ""

    async def _obeyed_cooling(self) -> None:
        failed, worked = await self._try_cooling()
        if not worked:
            raise RuntimeError("; ".join(failed))

    def _send(self, value: float) -> None:
        self._motion = None
        motion = self.furnace.set(value)
        self._motion = motion
        motion.add_callback(self._ended)

    def _ended(self, motion: Status) -> None:
        if motion is self._motion and self._is_heating and not motion.success:
            self.fault = motion.exception(timeout=0) or RuntimeError("its motion failed")

    def _beat(self) -> None:
        if self.controls.heartbeat is not None:
            self.controls.heartbeat.set(self.next_beat())

    async def _keep(self) -> None:
        """Send heartbeats in a pause, until the furnace has been hot for too long."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + UNATTENDED_S
        while self.on_suspend == "cool" or loop.time() < end_s:
            await asyncio.sleep(min(self.beat_s, max(end_s - loop.time(), 1.0)))
            try:
                self._beat()
            except Exception as error:
                log.exception("%s takes no heartbeats", self.furnace.name)
                self.fault = error
                break
        else:
            self.fault = RuntimeError(
                f"the pause was longer than {UNATTENDED_S / 60:g} min, so the heating was turned "
                "off: start the ramp again, or pause with on_suspend='cool'"
            )
        await self.cool()

    def _let_keeper_go(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.get_loop().call_soon_threadsafe(keeper.cancel)


async def _obeyed(device: Movable[Any], value: Any, *, arrives: bool = True) -> None:
    """Set a device, and wait until it has taken the value.

    Parameters
    ----------
    device
        The device.
    value
        The value.
    arrives
        Whether to wait; a furnace takes hours.
    """
    loop = asyncio.get_running_loop()
    status = device.set(value)
    ended = asyncio.Event()

    def end(_: Status) -> None:
        loop.call_soon_threadsafe(ended.set)

    status.add_callback(end)
    if arrives:
        await asyncio.wait_for(ended.wait(), ANSWER_S)
    if status.done and not status.success:
        raise status.exception(timeout=0) or RuntimeError("it failed")
