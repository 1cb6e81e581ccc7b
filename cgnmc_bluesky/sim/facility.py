"""All simulated instruments, as a session has them side by side."""

from collections.abc import Iterable, Mapping
from typing import Any

from cgnmc_bluesky.sim.beamline import SimulatedBeamline
from cgnmc_bluesky.sim.hotstage import SimulatedHotStage
from cgnmc_bluesky.sim.metadata import NOTHING, Informed
from cgnmc_bluesky.sim.nanoprobe import SimulatedNanoprobe
from cgnmc_bluesky.sim.soft.beamline import SimulatedSoftBeamline


class SimulatedFacility(Informed):
    """Several simulated instruments that make one session.

    Parameters
    ----------
    beamline
        For energy scans at K edges.
    nanoprobe
        For maps.
    hot_stage
        For heating ramps.
    soft
        For energy scans at L edges, where there is one.
    microscope
        For stacks of images, where there is one.

    Attributes
    ----------
    instruments
        All that there are, the first ones first.

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
        *,
        soft: SimulatedSoftBeamline | None = None,
        microscope: Informed | None = None,
    ) -> None:
        self.beamline = beamline
        self.nanoprobe = nanoprobe
        self.hot_stage = hot_stage
        self.soft = soft
        self.microscope = microscope
        there = (beamline, nanoprobe, hot_stage, soft, microscope)
        self.instruments = tuple(instrument for instrument in there if instrument is not None)

    def devices(self) -> dict[str, Any]:
        """All devices by the names that a session gives them."""
        return {
            name: device
            for instrument in self.instruments
            for name, device in instrument.devices().items()
        }

    def roles(self) -> dict[str, Any]:
        """Which data key plays which role, as beamline.toml would say it.

        Returns
        -------
        dict[str, Any]
            The sections of all instruments; of a section that several have, the first one's.
            References, foils and folders are those of all, each once.
        """
        all_roles = [instrument.roles() for instrument in self.instruments]
        merged = {key: section for roles in reversed(all_roles) for key, section in roles.items()}
        for name in ("reference", "foil"):
            merged[name] = _each_once(one for roles in all_roles for one in roles.get(name, ()))
        readable = (
            folder for roles in all_roles for folder in roles.get("data", {}).get("readable", ())
        )
        return {**merged, "data": {"readable": _each_once(readable)}}

    def metadata(self, run: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
        """What a run should carry: the roles of all, sample and truth of the one that it is of.

        A run is of the instrument one of whose devices is staged, else of the first one.

        Parameters
        ----------
        run
            What its plan says of the run.
        """
        first, *others = self.instruments
        used = next((instrument for instrument in others if instrument.is_used), first)
        return {**used.metadata(run), "beamline": self.roles()}


def _each_once(things: Iterable[Any]) -> list[Any]:
    once: list[Any] = []
    for thing in things:
        if thing not in once:
            once.append(thing)
    return once
