"""Records of the simulated soft X-ray beamline."""

from collections.abc import Iterable
from typing import Any

from caproto.server import pvproperty

from cgnmc_bluesky.sim.scan_ioc import Reading, ScanIOC
from cgnmc_bluesky.sim.soft.beamline import SimulatedSoftBeamline


class SoftBeamlineIOC(ScanIOC):
    """Records of the simulated beamline for L edges.

    Parameters
    ----------
    beamline
        The beamline behind the records.
    prefix
        Begin of all their names.
    """

    def __init__(self, beamline: SimulatedSoftBeamline, *, prefix: str) -> None:
        super().__init__(beamline.pgm, beamline.sample, beamline.shutter, prefix=prefix)
        self.beamline = beamline

    def readings(self) -> Iterable[Reading]:
        """Each record of a count, the device that it is of, and the device's signal."""
        for name in ("gold_mesh", "tey", "reference"):
            device = getattr(self.beamline, name)
            yield getattr(self, name), device, device.reading
        sdd = self.beamline.sdd
        yield self.pfy, sdd, sdd.pfy
        yield self.dead_time_factor, sdd, sdd.dead_time_factor

    async def _show_window(self, instance: Any, async_lib: Any) -> None:
        """Show which emission the drift detector counts."""
        sdd = self.beamline.sdd
        for record, setting in (
            (self.window_low_ev, sdd.window_low_ev),
            (self.window_high_ev, sdd.window_high_ev),
        ):
            await record.write(setting.get(), verify_value=False)

    async def _set_low(self, instance: Any, value: float) -> None:
        """Set the lowest energy that is counted."""
        self.beamline.sdd.window_low_ev.put(value)

    async def _set_high(self, instance: Any, value: float) -> None:
        """Set the highest energy that is counted."""
        self.beamline.sdd.window_high_ev.put(value)

    gold_mesh = pvproperty(name="Mesh", value=0.0, units="A", precision=15, read_only=True)
    tey = pvproperty(name="TEY", value=0.0, units="A", precision=15, read_only=True)
    reference = pvproperty(name="Reference", value=0.0, units="A", precision=15, read_only=True)
    pfy = pvproperty(name="PFY", value=0.0, units="counts", read_only=True)
    dead_time_factor = pvproperty(name="DeadTime", value=1.0, precision=4, read_only=True)
    window_low_ev = pvproperty(
        name="Window:Low",
        value=0.0,
        units="eV",
        precision=1,
        put=_set_low,
        startup=_show_window,
    )
    window_high_ev = pvproperty(
        name="Window:High", value=0.0, units="eV", precision=1, put=_set_high
    )
