"""The simulated beamline and hot stage behind an EPICS Channel Access server."""

import ipaddress
import logging
import math
import os
from collections.abc import Callable, Sequence
from typing import Any

from caproto import ChannelType
from caproto.server import PVGroup, pvproperty

from cgnmc_bluesky.sim.beamline import SimulatedBeamline
from cgnmc_bluesky.sim.hotstage import SimulatedHotStage
from cgnmc_bluesky.sim.hotstage_ioc import HotStageIOC
from cgnmc_bluesky.sim.waiting import finished, triggered

LOOPBACK = ("127.0.0.1",)


class BeamlineIOC(PVGroup):
    """Records of the simulated beamline.

    `Energy` and `CNT` complete their puts when they have moved and counted.

    Parameters
    ----------
    beamline
        The beamline behind the records.
    prefix
        Begin of all their names.
    """

    def __init__(self, beamline: SimulatedBeamline, *, prefix: str) -> None:
        super().__init__(prefix)
        self.beamline = beamline

    async def _start(self, instance: Any, async_lib: Any) -> None:
        """Show where the beamline is."""
        mono = self.beamline.mono
        low_ev, high_ev = mono.limits
        await instance.write_metadata(lower_ctrl_limit=low_ev, upper_ctrl_limit=high_ev)
        await instance.write(mono.position, verify_value=False)
        await self.readback.write(mono.position)
        await self.sample.write(self.beamline.sample.position, verify_value=False)
        await self.ring.write(self.beamline.ring.current.get())

    async def _move(self, instance: Any, value: float) -> None:
        """Move, and come back when it stands still: there, or where it was stopped."""
        status = self.beamline.mono.set(value)
        await self.done.write(0)
        await finished([status])
        await self.readback.write(self.beamline.mono.position)
        await self.done.write(1)

    async def _stop(self, instance: Any, value: int) -> int:
        """Stop the monochromator."""
        if value:
            self.beamline.mono.stop(success=True)
        return 0

    async def _count(self, instance: Any, value: int) -> int:
        """Count, and come back when the readings are there; a silent detector reads NaN."""
        beamline = self.beamline
        records = (self.i0, self.it, self.ir, self.if_)
        devices = (beamline.i0, beamline.it, beamline.ir, beamline.if_)
        if value:
            statuses = [triggered(device) for device in (*devices, beamline.ring)]
            await finished(status for status in statuses if status is not None)
            for record, device, status in zip(records, devices, statuses, strict=False):
                await record.write(device.reading.get() if status is not None else math.nan)
            await self.ring.write(beamline.ring.current.get())
        return 0

    async def _set_dwell(self, instance: Any, value: float) -> None:
        """Set the counting time of all channels."""
        beamline = self.beamline
        for device in (beamline.i0, beamline.it, beamline.ir, beamline.if_):
            device.dwell_s.put(value)

    async def _choose_sample(self, instance: Any, value: str) -> None:
        """Bring a sample into the beam."""
        self.beamline.sample.set(value)

    async def _set_shutter(self, instance: Any, value: str) -> None:
        """Open or close the shutter."""
        self.beamline.shutter.set(value)

    energy = pvproperty(
        name="Energy", value=0.0, units="eV", precision=3, startup=_start, put=_move
    )
    readback = pvproperty(name="Energy:RBV", value=0.0, units="eV", precision=3, read_only=True)
    done = pvproperty(name="Energy:DMOV", value=1, read_only=True)
    stop = pvproperty(name="Energy:STOP", value=0, put=_stop)
    count = pvproperty(name="CNT", value=0, put=_count)
    dwell_s = pvproperty(name="TP", value=0.1, units="s", precision=3, put=_set_dwell)
    i0 = pvproperty(name="I0", value=0.0, units="A", precision=13, read_only=True)
    it = pvproperty(name="IT", value=0.0, units="A", precision=13, read_only=True)
    ir = pvproperty(name="IR", value=0.0, units="A", precision=13, read_only=True)
    if_ = pvproperty(name="IF", value=0.0, units="counts", read_only=True)
    ring = pvproperty(name="Ring", value=0.0, units="mA", precision=3, read_only=True)
    sample = pvproperty(name="Sample", value="", dtype=ChannelType.STRING, put=_choose_sample)
    shutter = pvproperty(name="Shutter", value="open", dtype=ChannelType.STRING, put=_set_shutter)


def run_ioc(
    prefix: str = "SIM:",
    beamline: SimulatedBeamline | None = None,
    hot_stage: SimulatedHotStage | None = None,
    *,
    interfaces: Sequence[str] = LOOPBACK,
    on_start: Callable[[Sequence[str]], None] | None = None,
) -> None:
    """Serve a simulated beamline and hot stage over EPICS Channel Access until interrupted.

    Parameters
    ----------
    prefix
        Begin of all records' names.
    beamline, hot_stage
        What to serve; without them those in real time.
    interfaces
        Addresses to listen at. Beacons leave the machine only where one of them is not loopback.
    on_start
        Called with the records' names when they can be reached.
    """
    from caproto.server import run

    if all(ipaddress.ip_address(address).is_loopback for address in interfaces):
        os.environ["EPICS_CAS_AUTO_BEACON_ADDR_LIST"] = "NO"
        os.environ["EPICS_CAS_BEACON_ADDR_LIST"] = " ".join(interfaces)
        # A beacon that nobody on this machine listens to is no failure.
        logging.getLogger("caproto.ctx").addFilter(lambda record: "beacon" not in str(record.msg))
    records = {
        **BeamlineIOC(beamline or SimulatedBeamline(speed=1.0), prefix=prefix).pvdb,
        **HotStageIOC(hot_stage or SimulatedHotStage(speed=1.0), prefix=prefix).pvdb,
    }

    async def started(async_lib: Any) -> None:
        if on_start is not None:
            on_start(list(records))

    run(records, interfaces=list(interfaces), startup_hook=started)
