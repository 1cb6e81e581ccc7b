"""The simulated instruments behind an EPICS Channel Access server."""

import ipaddress
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from caproto.server import pvproperty

from cgnmc_bluesky.sim.beamline import SimulatedBeamline
from cgnmc_bluesky.sim.hotstage import SimulatedHotStage
from cgnmc_bluesky.sim.hotstage_ioc import HotStageIOC
from cgnmc_bluesky.sim.scan_ioc import Reading, ScanIOC
from cgnmc_bluesky.sim.soft.beamline import SimulatedSoftBeamline
from cgnmc_bluesky.sim.soft.ioc import SoftBeamlineIOC

LOOPBACK = ("127.0.0.1",)
SOFT_PREFIX = "Soft:"
"""What follows the prefix in the names of the soft X-ray beamline's records."""


class BeamlineIOC(ScanIOC):
    """Records of the simulated beamline for K edges.

    Parameters
    ----------
    beamline
        The beamline behind the records.
    prefix
        Begin of all their names.
    """

    def __init__(self, beamline: SimulatedBeamline, *, prefix: str) -> None:
        super().__init__(beamline.mono, beamline.sample, beamline.shutter, prefix=prefix)
        self.beamline = beamline

    def readings(self) -> Iterable[Reading]:
        """Each record of a count, the device that it is of, and the device's signal."""
        for name in ("i0", "it", "ir", "if_"):
            device = getattr(self.beamline, name)
            yield getattr(self, name), device, device.reading
        yield self.ring, self.beamline.ring, self.beamline.ring.current

    i0 = pvproperty(name="I0", value=0.0, units="A", precision=13, read_only=True)
    it = pvproperty(name="IT", value=0.0, units="A", precision=13, read_only=True)
    ir = pvproperty(name="IR", value=0.0, units="A", precision=13, read_only=True)
    if_ = pvproperty(name="IF", value=0.0, units="counts", read_only=True)
    ring = pvproperty(name="Ring", value=0.0, units="mA", precision=3, read_only=True)


def run_ioc(
    prefix: str = "SIM:",
    beamline: SimulatedBeamline | None = None,
    hot_stage: SimulatedHotStage | None = None,
    soft: SimulatedSoftBeamline | None = None,
    *,
    interfaces: Sequence[str] = LOOPBACK,
    on_start: Callable[[Sequence[str]], None] | None = None,
) -> None:
    """Serve simulated instruments over EPICS Channel Access until interrupted.

    Parameters
    ----------
    prefix
        Begin of all records' names.
    beamline, hot_stage, soft
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
        **SoftBeamlineIOC(
            soft or SimulatedSoftBeamline(speed=1.0), prefix=f"{prefix}{SOFT_PREFIX}"
        ).pvdb,
    }

    async def started(async_lib: Any) -> None:
        if on_start is not None:
            on_start(list(records))

    run(records, interfaces=list(interfaces), startup_hook=started)
