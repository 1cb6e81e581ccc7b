"""Records of the simulated hot stage: the furnace with its watchdog, its gases, its patterns."""

import math
from typing import Any

from caproto import AlarmSeverity, AlarmStatus, ChannelType
from caproto.server import PVGroup, pvproperty

from cgnmc_bluesky.sim.diffraction import BINS
from cgnmc_bluesky.sim.gauge import MASSES
from cgnmc_bluesky.sim.hotstage import SimulatedHotStage
from cgnmc_bluesky.sim.waiting import finished, triggered

SCAN_S = 0.1
"""Real time between two looks at the furnace."""


class HotStageIOC(PVGroup):
    """Records of the simulated hot stage.

    The furnace's controller lives in the server: it goes on, and guards the furnace, whatever
    becomes of its clients. The mass spectrometer runs freely; `XRD:Acquire` completes its put when
    the pattern is there.

    Parameters
    ----------
    hot_stage
        The hot stage behind the records.
    prefix
        Begin of all their names.
    """

    def __init__(self, hot_stage: SimulatedHotStage, *, prefix: str) -> None:
        super().__init__(prefix)
        self.hot_stage = hot_stage

    async def _run_furnace(self, instance: Any, async_lib: Any) -> None:
        """Show what the furnace does, again and again."""
        furnace = self.hot_stage.furnace
        while True:
            furnace.refresh()
            for record, signal in (
                (self.temperature, furnace.temperature),
                (self.ramp, furnace.ramp),
                (self.power, furnace.power),
            ):
                await record.write(signal.get())
            await self.alarm.write(furnace.oven.tripped)
            await self.done.write(int(furnace.oven.has_arrived()))
            for record, signal in ((self.heater, furnace.heater), (self.target, furnace.setpoint)):
                if record.value != signal.get():
                    await record.write(signal.get(), verify_value=False)
            await async_lib.library.sleep(SCAN_S)

    async def _run_rga(self, instance: Any, async_lib: Any) -> None:
        """Show the gases once a period; a silent mass spectrometer's records say so."""
        rga = self.hot_stage.rga
        records = {f"mz{mass}": getattr(self, f"mz{mass}") for mass in MASSES}
        while True:
            status = triggered(rga)
            if status is None:
                await async_lib.library.sleep(SCAN_S)
            else:
                await finished([status])
            for name, record in records.items():
                if status is not None:
                    await record.write(getattr(rga, name).get())
                else:
                    await record.alarm.write(
                        status=AlarmStatus.COMM, severity=AlarmSeverity.INVALID_ALARM
                    )

    async def _show_axis(self, instance: Any, async_lib: Any) -> None:
        """Show the axis of the patterns."""
        await instance.write(self.hot_stage.diffractometer.two_theta.get())

    async def _go(self, instance: Any, value: float) -> None:
        """Ramp to a temperature; a heater that is off stays off."""
        self.hot_stage.furnace.setpoint.put(value)
        await self.done.write(0)

    async def _stop(self, instance: Any, value: int) -> int:
        """Hold where it is."""
        if value:
            self.hot_stage.furnace.stop(success=True)
            setpoint_c = self.hot_stage.furnace.setpoint.get()
            await self.target.write(setpoint_c, verify_value=False)
        return 0

    async def _set_rate(self, instance: Any, value: float) -> None:
        """Set how fast it ramps."""
        self.hot_stage.furnace.ramp_rate.put(value)

    async def _switch(self, instance: Any, value: int) -> None:
        """Give the heater power, or take it."""
        self.hot_stage.furnace.heater.put(value)

    async def _beat(self, instance: Any, value: int) -> None:
        """Take a heartbeat."""
        self.hot_stage.furnace.heartbeat.put(value)

    async def _set_timeout(self, instance: Any, value: float) -> None:
        """Set how long a heartbeat is waited for."""
        self.hot_stage.furnace.heartbeat_timeout_s.put(value)

    async def _set_limit(self, instance: Any, value: float) -> None:
        """Set above what it turns its heater off."""
        self.hot_stage.furnace.over_temperature.put(value)

    async def _set_period(self, instance: Any, value: float) -> None:
        """Set how often the gases are measured."""
        self.hot_stage.rga.period_s.put(value)

    async def _set_exposure(self, instance: Any, value: float) -> None:
        """Set the exposure of the next pattern."""
        self.hot_stage.diffractometer.exposure_s.put(value)

    async def _expose(self, instance: Any, value: int) -> int:
        """Expose, and come back when the pattern is there; a silent detector's is NaN."""
        diffractometer = self.hot_stage.diffractometer
        if value:
            status = triggered(diffractometer)
            if status is None:
                await self.intensity.write([math.nan] * BINS)
            else:
                await finished([status])
                await self.exposed_s.write(diffractometer.exposed_s.get())
                await self.two_theta.write(diffractometer.two_theta.get())
                await self.intensity.write(diffractometer.intensity.get())
        return 0

    temperature = pvproperty(
        name="Furnace:T", value=25.0, units="degC", precision=1, read_only=True
    )
    target = pvproperty(name="Furnace:SP", value=25.0, units="degC", precision=1, put=_go)
    ramp = pvproperty(name="Furnace:WSP", value=25.0, units="degC", precision=1, read_only=True)
    power = pvproperty(name="Furnace:Power", value=0.0, units="percent", read_only=True)
    done = pvproperty(name="Furnace:DMOV", value=1, read_only=True)
    stop = pvproperty(name="Furnace:STOP", value=0, put=_stop)
    ramp_rate = pvproperty(
        name="Furnace:Rate", value=4.0, units="degC/min", precision=2, put=_set_rate
    )
    heater = pvproperty(name="Furnace:Heater", value=1, put=_switch)
    heartbeat = pvproperty(name="Furnace:Heartbeat", value=0, put=_beat)
    timeout_s = pvproperty(name="Furnace:Timeout", value=30.0, units="s", put=_set_timeout)
    limit = pvproperty(name="Furnace:Limit", value=600.0, units="degC", put=_set_limit)
    alarm = pvproperty(
        name="Furnace:Alarm",
        value="",
        dtype=ChannelType.STRING,
        read_only=True,
        startup=_run_furnace,
    )
    period_s = pvproperty(
        name="RGA:Period", value=3.0, units="s", precision=2, put=_set_period, startup=_run_rga
    )
    mz18 = pvproperty(name="RGA:MZ18", value=0.0, units="A", precision=13, read_only=True)
    mz28 = pvproperty(name="RGA:MZ28", value=0.0, units="A", precision=13, read_only=True)
    mz32 = pvproperty(name="RGA:MZ32", value=0.0, units="A", precision=13, read_only=True)
    mz40 = pvproperty(name="RGA:MZ40", value=0.0, units="A", precision=13, read_only=True)
    mz44 = pvproperty(name="RGA:MZ44", value=0.0, units="A", precision=13, read_only=True)
    exposure_s = pvproperty(
        name="XRD:Exposure", value=60.0, units="s", precision=2, put=_set_exposure
    )
    acquire = pvproperty(name="XRD:Acquire", value=0, put=_expose)
    exposed_s = pvproperty(name="XRD:Exposed", value=0.0, units="s", precision=2, read_only=True)
    two_theta = pvproperty(
        name="XRD:TwoTheta",
        value=[0.0],
        max_length=BINS,
        units="deg",
        precision=4,
        read_only=True,
        startup=_show_axis,
    )
    intensity = pvproperty(
        name="XRD:Intensity", value=[0.0], max_length=BINS, units="counts", read_only=True
    )
