"""Records of an energy axis, of detectors that count together, and of what stands in the beam."""

import math
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

from caproto import ChannelType
from caproto.server import PVGroup, pvproperty

from cgnmc_bluesky.sim.waiting import finished, triggered

Reading = tuple[Any, Any, Any]
"""A record, the device that it is of, and that device's signal."""


class ScanIOC(PVGroup):
    """Records of what a scan over an edge needs.

    `Energy` and `CNT` complete their puts when the axis has moved and the detectors have counted.

    Parameters
    ----------
    axis
        The monochromator.
    sample, shutter
        What chooses the sample, and what lets light through.
    prefix
        Begin of all records' names.
    """

    def __init__(self, axis: Any, sample: Any, shutter: Any, *, prefix: str) -> None:
        super().__init__(prefix)
        self._axis, self._holder, self._shutter = axis, sample, shutter

    @abstractmethod
    def readings(self) -> Iterable[Reading]:
        """Each record of a count, the device that it is of, and the device's signal."""

    async def _start(self, instance: Any, async_lib: Any) -> None:
        """Show where everything is."""
        low_ev, high_ev = self._axis.limits
        await instance.write_metadata(lower_ctrl_limit=low_ev, upper_ctrl_limit=high_ev)
        await instance.write(self._axis.position, verify_value=False)
        await self.readback.write(self._axis.position)
        await self.sample.write(self._holder.position, verify_value=False)
        for record, _, signal in self.readings():
            await record.write(signal.get())

    async def _move(self, instance: Any, value: float) -> None:
        """Move, and come back when it stands still: there, or where it was stopped."""
        status = self._axis.set(value)
        await self.done.write(0)
        await finished([status])
        await self.readback.write(self._axis.position)
        await self.done.write(1)

    async def _stop(self, instance: Any, value: int) -> int:
        """Stop the monochromator."""
        if value:
            self._axis.stop(success=True)
        return 0

    async def _count(self, instance: Any, value: int) -> int:
        """Count, and come back when the readings are there; a silent detector reads NaN."""
        if value:
            readings = list(self.readings())
            statuses = {device: triggered(device) for _, device, _ in readings}
            await finished(status for status in statuses.values() if status is not None)
            for record, device, signal in readings:
                await record.write(math.nan if statuses[device] is None else signal.get())
        return 0

    async def _set_dwell(self, instance: Any, value: float) -> None:
        """Set the counting time of all detectors."""
        for device in {device for _, device, _ in self.readings() if hasattr(device, "dwell_s")}:
            device.dwell_s.put(value)

    async def _choose_sample(self, instance: Any, value: str) -> None:
        """Bring a sample into the beam."""
        self._holder.set(value)

    async def _set_shutter(self, instance: Any, value: str) -> None:
        """Open or close the shutter."""
        self._shutter.set(value)

    energy = pvproperty(
        name="Energy", value=0.0, units="eV", precision=3, startup=_start, put=_move
    )
    readback = pvproperty(name="Energy:RBV", value=0.0, units="eV", precision=3, read_only=True)
    done = pvproperty(name="Energy:DMOV", value=1, read_only=True)
    stop = pvproperty(name="Energy:STOP", value=0, put=_stop)
    count = pvproperty(name="CNT", value=0, put=_count)
    dwell_s = pvproperty(name="TP", value=0.1, units="s", precision=3, put=_set_dwell)
    sample = pvproperty(name="Sample", value="", dtype=ChannelType.STRING, put=_choose_sample)
    shutter = pvproperty(name="Shutter", value="open", dtype=ChannelType.STRING, put=_set_shutter)
