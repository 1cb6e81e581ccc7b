"""The section of soft X-ray energy scans: their data keys, and how a yield is read."""

from typing import Annotated, Literal, Self

from annotated_types import Ge
from pydantic import Field, model_validator

from cgnmc_bluesky.beamline.errors import ConfigurationError
from cgnmc_bluesky.beamline.fluorescence import ChannelEnergy
from cgnmc_bluesky.beamline.roles import Role
from cgnmc_bluesky.beamline.section import EnergyUnit, Key, Number, Section


class SoftXanesRoles(Section):
    """Data keys of a soft X-ray energy scan: the yields, over the current of a gold mesh.

    Parameters
    ----------
    energy_ev, energy_unit
        The energy's readback, and its unit where the descriptor gives none or a wrong one.
    i0
        Current of the gold mesh before the sample.
    yields
        Total electron yield (the sample's current) and partial fluorescence yield (counts of the
        element's emission, or spectra of all).
    reference
        Current of a reference sample before the sample, whose own edge gives the energies; the
        mesh's own key where that shows the edge.
    dead_time_factor
        True over recorded counts of the detector of the partial fluorescence yield.
    channel_ev, emission_window_ev
        Where `pfy` is a spectrum: the energies of its channels, and which of them are summed;
        without the latter, those about the element's emission.
    over_absorption
        What is done about the fluorescence's own absorption: its strength is fitted along ("fit"),
        given as a number (edge step of the absorption over all else that absorbs), or not looked
        at ("none").
    dark
        What to subtract of each current.
    """

    energy_ev: Key
    energy_unit: EnergyUnit | None = None
    i0: Key
    yields: dict[Literal["tey", "pfy"], Key]
    reference: Key | None = None
    dead_time_factor: Key | None = None
    channel_ev: ChannelEnergy | None = None
    emission_window_ev: tuple[Number, Number] | None = None
    over_absorption: Literal["fit", "none"] | Annotated[Number, Ge(0.0)] = "fit"
    dark: dict[Literal["i0", "tey", "pfy", "reference"], Number | Key] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.yields:
            raise ConfigurationError(
                'names no yield; give yields = { tey = "sample_current" } or pfy = the counts'
            )
        window = self.emission_window_ev
        if window is not None and not window[0] < window[1]:
            raise ConfigurationError(
                f"emission_window_ev = [{window[0]:g}, {window[1]:g}]: expected the lower energy "
                "first"
            )
        if window is not None and self.channel_ev is None:
            raise ConfigurationError(
                "emission_window_ev needs the energies of the channels; give channel_ev = "
                "{ offset = 0.0, gain = 5.0 }"
            )
        return self

    def roles(self) -> dict[str, Role]:
        """Roles of an energy scan, each yield by its name; `irefer` is the reference sample, and
        `dark_i0` and the like are darks that are recorded.
        """
        keys: dict[str, str | None] = {"i0": self.i0, "irefer": self.reference}
        keys |= {str(name): key for name, key in self.yields.items()}
        keys |= {"dead_time_factor": self.dead_time_factor}
        for name, dark in self.dark.items():
            if isinstance(dark, str):
                keys["dark_irefer" if name == "reference" else f"dark_{name}"] = dark
        energy = Role(self.energy_ev, "eV", self.energy_unit)
        return {"energy_ev": energy} | {name: Role(key, "") for name, key in keys.items() if key}

    def constants(self) -> dict[str, float]:
        """Roles that are one number for a whole scan: the darks that are given as such."""
        return {
            "dark_irefer" if name == "reference" else f"dark_{name}": float(dark)
            for name, dark in self.dark.items()
            if not isinstance(dark, str)
        }
