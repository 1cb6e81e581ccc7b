"""Which data key plays which role in a run, for each technique."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, model_validator

from cgnmc_bluesky.beamline.errors import ConfigurationError
from cgnmc_bluesky.beamline.section import Columns, EnergyUnit, Key, Number, Section


@dataclass(frozen=True)
class Role:
    """What to look for in a run.

    Parameters
    ----------
    key
        Data key that plays the role.
    unit
        Unit the role is wanted in; empty where any will do (intensities).
    recorded_unit
        Unit of the recorded numbers where it is not to be taken from the descriptor.
    channels
        Of a spectrum, what is read of its last axis: the first channel, and the one behind the
        last; `None` for all of it.
    factor
        What a recorded number of one is worth in the role's unit, where it has no unit (counts of
        an encoder); then the descriptor's unit is not looked at.
    also
        Units of other dimensions that will do as well; what is recorded in one of those dimensions
        comes in that unit.
    once
        Whether a reading counts once: where the same comes again with its old timestamp, the device
        had nothing new.
    is_image
        Whether a reading is an image: large, and precise enough in single precision.
    """

    key: str
    unit: str
    recorded_unit: str | None = None
    channels: tuple[int, int] | None = None
    factor: float | None = None
    also: tuple[str, ...] = ()
    once: bool = False
    is_image: bool = False


class XanesRoles(Section):
    """Data keys of a hard X-ray energy scan.

    Parameters
    ----------
    energy_ev, energy_unit
        The energy's readback, and its unit where the descriptor gives none or a wrong one.
    i0, itrans, ifluor, irefer
        Intensities before and behind the sample, of its fluorescence, and behind the foil.
    mutrans, murefer
        The absorption of the sample and of the foil, where these were recorded.
    dark
        What to subtract of each intensity, as a number or the data key that holds it; or the
        uid of a dark run.
    columns
        Columns of measured files without a usable header.
    """

    energy_ev: Key
    energy_unit: EnergyUnit | None = None
    i0: Key | None = None
    itrans: Key | None = None
    mutrans: Key | None = None
    irefer: Key | None = None
    murefer: Key | None = None
    ifluor: Key | None = None
    dark: dict[Literal["i0", "itrans", "irefer", "ifluor"], Number | Key] | Key | None = None
    columns: Columns = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_an_absorption(self) -> Self:
        if self.itrans is None and self.mutrans is None and self.ifluor is None:
            raise ConfigurationError(
                "names no absorption; give itrans (with i0), ifluor (with i0) or mutrans"
            )
        if self.i0 is None and self.mutrans is None:
            raise ConfigurationError("names no 'i0' for its intensities; give its data key")
        return self

    def roles(self) -> dict[str, Role]:
        """Roles of an energy scan; `dark_i0` and the like are darks that are recorded."""
        names = ("i0", "itrans", "mutrans", "irefer", "murefer", "ifluor")
        keys = {name: getattr(self, name) for name in names}
        if isinstance(self.dark, dict):
            keys |= {f"dark_{name}": key for name, key in self.dark.items() if isinstance(key, str)}
        energy = Role(self.energy_ev, "eV", self.energy_unit)
        return {"energy_ev": energy} | {name: Role(key, "") for name, key in keys.items() if key}


def roles_by_unit(section: Section, units: Mapping[str, str]) -> dict[str, Role]:
    """Roles of a section whose keys are named, with the units they are wanted in."""
    keys = {name: getattr(section, name) for name in units}
    return {name: Role(key, units[name]) for name, key in keys.items() if isinstance(key, str)}
