"""All simulated instruments, as a session has them side by side."""

from collections.abc import Mapping
from typing import Any

from cgnmc_bluesky.sim.beamline import SimulatedBeamline
from cgnmc_bluesky.sim.hotstage import SimulatedHotStage
from cgnmc_bluesky.sim.metadata import NOTHING, Informed
from cgnmc_bluesky.sim.nanoprobe import SimulatedNanoprobe


class SimulatedFacility(Informed):
    """A beamline for energy scans, a nanoprobe for maps, and a hot stage for heating ramps.

    Parameters
    ----------
    beamline
        The first.
    nanoprobe
        The second.
    hot_stage
        The third.

    Examples
    --------
    >>> facility = SimulatedFacility(SimulatedBeamline(), SimulatedNanoprobe(), SimulatedHotStage())
    >>> [name in facility.devices() for name in ("mono", "xspress3", "furnace")]
    [True, True, True]
    """

    def __init__(
        self,
        beamline: SimulatedBeamline,
        nanoprobe: SimulatedNanoprobe,
        hot_stage: SimulatedHotStage,
    ) -> None:
        self.beamline = beamline
        self.nanoprobe = nanoprobe
        self.hot_stage = hot_stage

    def devices(self) -> dict[str, Any]:
        """All devices by the names that a session gives them."""
        return {
            **self.beamline.devices(),
            **self.nanoprobe.devices(),
            **self.hot_stage.devices(),
        }

    def roles(self) -> dict[str, Any]:
        """Which data key plays which role, as beamline.toml would say it."""
        instruments = (self.hot_stage, self.nanoprobe, self.beamline)
        all_roles = [instrument.roles() for instrument in instruments]
        readable = [
            folder for roles in all_roles for folder in roles.get("data", {}).get("readable", ())
        ]
        merged = {section: keys for roles in all_roles for section, keys in roles.items()}
        return {**merged, "data": {"readable": readable}}

    def metadata(self, run: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
        """What a run should carry: the roles of all, sample and truth of the one that it is of.

        A run is of the nanoprobe or of the hot stage while one of its devices is staged.

        Parameters
        ----------
        run
            What its plan says of the run.
        """
        others = (self.nanoprobe, self.hot_stage)
        used = next((instrument for instrument in others if instrument.is_used), self.beamline)
        return {**used.metadata(run), "beamline": self.roles()}
