"""Both simulated instruments, as a session has them side by side."""

from typing import Any

from cgnmc_bluesky.sim.beamline import SimulatedBeamline
from cgnmc_bluesky.sim.metadata import Informed
from cgnmc_bluesky.sim.nanoprobe import SimulatedNanoprobe


class SimulatedFacility(Informed):
    """A beamline for energy scans and a nanoprobe for maps.

    Parameters
    ----------
    beamline
        The one.
    nanoprobe
        The other.

    Examples
    --------
    >>> facility = SimulatedFacility(SimulatedBeamline(), SimulatedNanoprobe())
    >>> [name in facility.devices() for name in ("mono", "xspress3")]
    [True, True]
    """

    def __init__(self, beamline: SimulatedBeamline, nanoprobe: SimulatedNanoprobe) -> None:
        self.beamline = beamline
        self.nanoprobe = nanoprobe

    def devices(self) -> dict[str, Any]:
        """All devices by the names that a session gives them."""
        return {**self.beamline.devices(), **self.nanoprobe.devices()}

    def roles(self) -> dict[str, Any]:
        """Which data key plays which role, as beamline.toml would say it."""
        return {**self.nanoprobe.roles(), **self.beamline.roles()}

    def metadata(self) -> dict[str, Any]:
        """What a run should carry: the roles of both, sample and truth of the one that it is of.

        A run is of the nanoprobe while that one's detector is staged.
        """
        used = self.nanoprobe if self.nanoprobe.xspress3.is_staged else self.beamline
        return {**used.metadata(), "beamline": self.roles()}
