"""Which data key plays which role in a run, for each technique."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from annotated_types import Ge, Le
from pydantic import AfterValidator, BeforeValidator, Field, Strict, ValidationInfo, model_validator

from cgnmc_bluesky.beamline.edges import SYMBOLS
from cgnmc_bluesky.beamline.errors import ConfigurationError, suggestion
from cgnmc_bluesky.beamline.section import (
    Columns,
    EnergyUnit,
    Key,
    Number,
    Positive,
    Section,
    located,
)


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
    """

    key: str
    unit: str
    recorded_unit: str | None = None
    channels: tuple[int, int] | None = None


def _is_symbol(text: str) -> str:
    if text not in SYMBOLS:
        raise ConfigurationError(f"{text!r}: there is no such element; {suggestion(text, SYMBOLS)}")
    return text


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _file_or_uid(text: str, info: ValidationInfo) -> str:
    return str(located(Path(text), info)) if Path(text).suffix else text


def _is_mass(text: str) -> str:
    if not text.isdecimal():
        raise ConfigurationError(f"'{text}': expected a mass over charge, such as \"32\"")
    return text


Element = Annotated[str, AfterValidator(_is_symbol)]
Keys = Annotated[tuple[Key, ...], BeforeValidator(_as_tuple)]
Mass = Annotated[str, AfterValidator(_is_mass)]
FileOrUid = Annotated[Key, AfterValidator(_file_or_uid)]
Angle = Annotated[Positive, Le(90.0)]

_BELOW_LINES_EV = 500.0
_ABOVE_LINES_EV = 400.0
_ABOVE_ELASTIC_EV = 250.0


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


class SoftXanesRoles(Section):
    """Data keys of a soft X-ray energy scan: the yields, over the current of a gold mesh."""

    energy_ev: Key
    energy_unit: EnergyUnit | None = None
    i0: Key
    yields: dict[Literal["tey", "pfy"], Key]

    def roles(self) -> dict[str, Role]:
        """Roles of an energy scan, each yield by its name."""
        intensities = {"i0": self.i0} | {str(name): key for name, key in self.yields.items()}
        energy = Role(self.energy_ev, "eV", self.energy_unit)
        return {"energy_ev": energy} | {name: Role(key, "") for name, key in intensities.items()}


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
    incident_energy_ev
        A number, or its key.
    elements
        What the sample holds.
    sensitivity
        A measured calibration, by its file or run uid.
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
    incident_energy_ev: Positive | Key | None = None
    elements: tuple[Element, ...] = ("Mn", "Co", "Ni")
    sensitivity: FileOrUid | None = None
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
        return roles | _roles_by_unit(self, units)

    def channels(self) -> tuple[int, int] | None:
        """Channels that are fitted: the first, and the one behind the last.

        They begin below the lowest Kα, so far that there is a background to see and nickel's
        escape peak to tell from Mn Kα, and end behind the elastic peak, or behind the highest K
        line where the incident energy is not a number.

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
        if isinstance(self.incident_energy_ev, float):
            highest_ev = self.incident_energy_ev + _ABOVE_ELASTIC_EV
        first, last = (
            max(0, round((energy_ev - self.channel_ev.offset) / self.channel_ev.gain))
            for energy_ev in (min(lines_ev) - _BELOW_LINES_EV, highest_ev)
        )
        return first, last + 1


class HeatingRoles(Section):
    """Data keys of a heating ramp.

    Parameters
    ----------
    temperature_c
        The sample's temperature.
    ion_current
        Keys of the mass spectrometer's currents, by mass over charge.
    transport_delay_s
        Time that the gas takes from the sample to the mass spectrometer.
    pattern, two_theta_deg, wavelength_a
        The diffraction pattern, its axis (a key), and the wavelength in ångström.
    exposure_s
        Exposure of a pattern, as a number or its key; the event's time is its end.
    """

    temperature_c: Key
    ion_current: dict[Mass, Key] = Field(default_factory=dict)
    transport_delay_s: Number = 0.0
    pattern: Key | None = None
    two_theta_deg: Key | None = None
    exposure_s: Positive | Key | None = None
    wavelength_a: Positive | None = None

    def roles(self) -> dict[str, Role]:
        """Roles of a ramp; `ion_32` is the current at m/z 32."""
        units = {"temperature_c": "degC", "pattern": "", "two_theta_deg": "deg", "exposure_s": "s"}
        ions = {f"ion_{mass}": Role(key, "") for mass, key in self.ion_current.items()}
        return _roles_by_unit(self, units) | ions


def _roles_by_unit(section: Section, units: Mapping[str, str]) -> dict[str, Role]:
    keys = {name: getattr(section, name) for name in units}
    return {name: Role(key, units[name]) for name, key in keys.items() if isinstance(key, str)}
