"""The section of image stacks over energy: their data keys, and what an image is corrected with."""

from pathlib import Path
from typing import Annotated

from annotated_types import Ge
from pydantic import Strict

from cgnmc_bluesky.beamline.references import existing
from cgnmc_bluesky.beamline.roles import Role
from cgnmc_bluesky.beamline.section import (
    EnergyUnit,
    Key,
    Located,
    Number,
    Positive,
    Section,
)


class XpeemRoles(Section):
    """Data keys of a stack of photoemission images over energy, and how its images are read.

    Parameters
    ----------
    image
        The image, one an event.
    energy_ev, energy_unit
        The energy's readback, and its unit where the descriptor gives none or a wrong one.
    i0
        Current of the gold mesh; without it images are taken as divided by it already.
    dark
        What to subtract of each image: a number, or the file of an image.
    flat
        Image of the camera and its lenses alone, which an image is divided by: its file.
    pixel_um
        Size of a pixel on the sample, in µm; without it maps are over pixels.
    binning
        Pixels that are taken together when images are laid on one another; without it as many as
        leave about 256 a side.
    """

    image: Key
    energy_ev: Key
    energy_unit: EnergyUnit | None = None
    i0: Key | None = None
    dark: Number | Located = 0.0
    flat: Located | None = None
    pixel_um: Positive | None = None
    binning: Annotated[int, Strict(), Ge(1)] | None = None

    @property
    def dark_path(self) -> Path | None:
        """Where the dark image's file really is, `None` without one; an error where it is not
        there.
        """
        return existing(self.dark, "[xpeem] dark") if isinstance(self.dark, Path) else None

    @property
    def flat_path(self) -> Path | None:
        """Where the flat image's file really is, `None` without one; an error where it is not
        there.
        """
        return existing(self.flat, "[xpeem] flat")

    def roles(self) -> dict[str, Role]:
        """Roles of a stack."""
        roles = {
            "image": Role(self.image, "", is_image=True),
            "energy_ev": Role(self.energy_ev, "eV", self.energy_unit),
        }
        return roles | ({"i0": Role(self.i0, "")} if self.i0 else {})
