"""The section of fluorescence maps: their data keys, and what their spectra are fitted with."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

from annotated_types import Ge, Le
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Strict,
    Tag,
    ValidationInfo,
    model_validator,
)

from cgnmc_bluesky.beamline.edges import SYMBOLS
from cgnmc_bluesky.beamline.errors import ConfigurationError, suggestion
from cgnmc_bluesky.beamline.references import existing
from cgnmc_bluesky.beamline.roles import Role, roles_by_unit
from cgnmc_bluesky.beamline.section import Key, Number, Positive, Section, located

_BELOW_LINES_EV = 500.0
_ABOVE_LINES_EV = 400.0
_ABOVE_ELASTIC_EV = 250.0
_NEAR_SCATTER_EV = 3500.0


def _is_symbol(text: str) -> str:
    if text not in SYMBOLS:
        raise ConfigurationError(f"{text!r}: there is no such element; {suggestion(text, SYMBOLS)}")
    return text


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _file_or_uid(text: str, info: ValidationInfo) -> str:
    return str(located(Path(text), info)) if Path(text).suffix else text


def _not_zero(value: float) -> float:
    if value == 0:
        raise ConfigurationError("= 0: expected a number other than 0")
    return value


Element = Annotated[str, AfterValidator(_is_symbol)]
Keys = Annotated[tuple[Key, ...], BeforeValidator(_as_tuple)]
FileOrUid = Annotated[Key, AfterValidator(_file_or_uid)]
Angle = Annotated[Positive, Le(90.0)]
NotZero = Annotated[Number, AfterValidator(_not_zero)]
Sigma = Annotated[Number, Ge(0.0)]


class ChannelEnergy(Section):
    """Energy of a detector channel, in eV: offset + gain · channel."""

    offset: Number = 0.0
    gain: Positive


class SelfAbsorption(Section):
    """What the sample does to the beam and to its own fluorescence.

    Parameters
    ----------
    incidence_deg, takeoff_deg
        Angles of the beam and of the detector to the sample's surface.
    density_g_cm3
        Density of the sample.
    correct
        Whether the values themselves are corrected; otherwise the corrected ones stand beside.
    """

    incidence_deg: Angle = 45.0
    takeoff_deg: Angle = 45.0
    density_g_cm3: Positive = 4.7
    correct: Annotated[bool, Strict()] = False


class Sensitivity(Section):
    """How many K counts an atom gives, as it was measured on a standard of known composition.

    Parameters
    ----------
    factor
        K counts an atom, relative to those of another element.
    sigma
        One standard deviation of each factor.
    relative_to
        That other element.
    standard
        What it was measured on.
    incident_energy_ev
        Energy of the beam it was measured with.
    """

    factor: dict[Element, Positive]
    sigma: dict[Element, Sigma] = Field(default_factory=dict)
    relative_to: Element = "Ni"
    standard: str = ""
    incident_energy_ev: Positive

    @model_validator(mode="after")
    def _has_a_factor_for_each_sigma(self) -> Self:
        nameless = [element for element in self.sigma if element not in self.factor]
        if nameless:
            raise ConfigurationError(
                f"has a sigma but no factor for {', '.join(nameless)}; give both"
            )
        return self


class XrfRoles(Section):
    """Data keys of a fluorescence map, and what its spectra are fitted with.

    Parameters
    ----------
    spectra
        Spectra in counts: a key for each detector element, or one key with a detector axis.
    channel_ev
        The energy of a channel.
    dead_time_factor
        True over recorded counts, a key for each of the spectra's.
    i0, x_um, y_um
        Intensity before the sample, and positions.
    oversampling
        Encoder readings a pixel.
    um_per_count
        What a count of an encoder is worth in µm, with its sign, where a position is recorded in
        counts.
    incident_energy_ev
        A number, or its key.
    elements
        What the sample holds.
    sensitivity
        A measured calibration: its file, the uid of its run, or the calibration itself.
    beam_fwhm_um
        Size of the beam, which the fitted sphere is blurred with; without it, a point.
    precision
        Relative sigma of the Mn/Ni of core and shell that is wished for.
    absorption
        The sample's self-absorption.
    """

    spectra: Keys
    channel_ev: ChannelEnergy
    dead_time_factor: Keys = ()
    i0: Key | None = None
    x_um: Key | None = None
    y_um: Key | None = None
    oversampling: Annotated[int, Strict(), Ge(1)] = 1
    um_per_count: dict[Literal["x_um", "y_um"], NotZero] = Field(default_factory=dict)
    incident_energy_ev: Positive | Key | None = None
    elements: tuple[Element, ...] = ("Mn", "Co", "Ni")
    sensitivity: (
        Annotated[
            Annotated[Sensitivity, Tag("itself")] | Annotated[FileOrUid, Tag("named")],
            Discriminator(lambda given: "named" if isinstance(given, str) else "itself"),
        ]
        | None
    ) = None
    beam_fwhm_um: Positive | None = None
    precision: Positive = 0.05
    absorption: SelfAbsorption = SelfAbsorption()

    @model_validator(mode="after")
    def _has_a_factor_for_each_element(self) -> Self:
        if self.dead_time_factor and len(self.dead_time_factor) != len(self.spectra):
            raise ConfigurationError(
                f"names {len(self.dead_time_factor)} dead_time_factor for {len(self.spectra)} "
                "spectra; give one for each, in their order"
            )
        return self

    @property
    def sensitivity_run(self) -> str | None:
        """Uid of the calibration's run, `None` without one."""
        named = self.sensitivity
        return named if isinstance(named, str) and not Path(named).suffix else None

    @property
    def sensitivity_path(self) -> Path | None:
        """Where the calibration's file really is, `None` without one; an error where it is not
        there.
        """
        if not isinstance(self.sensitivity, str) or self.sensitivity_run is not None:
            return None
        return existing(Path(self.sensitivity), "[xrf] sensitivity")

    def roles(self) -> dict[str, Role]:
        """Roles of a map; `spectra_1`, `dead_time_factor_1` and so on by detector element."""
        channels = self.channels()
        roles = {
            f"spectra_{n}": Role(key, "", channels=channels)
            for n, key in enumerate(self.spectra, 1)
        }
        roles |= {
            f"dead_time_factor_{n}": Role(key, "") for n, key in enumerate(self.dead_time_factor, 1)
        }
        units = {"i0": "", "x_um": "um", "y_um": "um", "incident_energy_ev": "eV"}
        roles |= roles_by_unit(self, units)
        factors = {name: factor for name, factor in self.um_per_count.items() if name in roles}
        return roles | {name: replace(roles[name], factor=by) for name, by in factors.items()}

    def channels(self) -> tuple[int, int] | None:
        """Channels that are fitted: the first, and the one behind the last.

        They begin below the lowest Kα, so far that there is a background to see and nickel's
        escape peak to tell from Mn Kα, and end behind the elastic peak, as far up as that may be
        where the incident energy is read; or behind the highest K line, where no scatter is near.

        Returns
        -------
        tuple or None
            `None`, all there are, where no element has a K line.
        """
        import xraydb

        lines_ev = [
            line.energy
            for element in self.elements
            for line in xraydb.xray_lines(element, "K").values()
        ]
        if not lines_ev:
            return None
        highest_ev = max(lines_ev) + _ABOVE_LINES_EV
        farthest_ev = max(lines_ev) + _NEAR_SCATTER_EV
        if isinstance(self.incident_energy_ev, str):
            highest_ev = farthest_ev + _ABOVE_ELASTIC_EV
        elif self.incident_energy_ev is not None and self.incident_energy_ev <= farthest_ev:
            highest_ev = self.incident_energy_ev + _ABOVE_ELASTIC_EV
        first, last = (
            max(0, round((energy_ev - self.channel_ev.offset) / self.channel_ev.gain))
            for energy_ev in (min(lines_ev) - _BELOW_LINES_EV, highest_ev)
        )
        return first, last + 1
