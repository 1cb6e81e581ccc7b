"""The section of heating ramps: their data keys, and what an onset is asked for."""

from dataclasses import replace
from typing import Annotated, Literal, Self

from annotated_types import Ge, Le
from pydantic import AfterValidator, Field, model_validator

from cgnmc_bluesky.beamline.errors import ConfigurationError
from cgnmc_bluesky.beamline.roles import Role, roles_by_unit
from cgnmc_bluesky.beamline.section import Key, Number, Positive, Section


def _is_mass(text: str) -> str:
    if not text.isdecimal():
        raise ConfigurationError(f"'{text}': expected a mass over charge, such as \"32\"")
    return text


ION_UNITS = ("A", "mbar", "1/s", "V", "count", "ppm")
"""What mass spectrometers record: currents, pressures, counts, analogue outputs, shares."""

Mass = Annotated[str, AfterValidator(_is_mass)]
Delay = Annotated[Number, Ge(0.0)]
Rate = Annotated[Number, Ge(0.01), Le(0.2)]
"""Of false alarms: what the detection is calibrated for."""


class HeatingRoles(Section):
    """Data keys of a heating ramp, and what its analyses are asked for.

    Parameters
    ----------
    temperature_c, temperature_unit
        The sample's temperature, and its unit where the descriptor gives none or a wrong one.
    ion_current
        Keys of the mass spectrometer's currents (or pressures, or counts), by mass over charge.
    transport_delay_s
        Time that the gas takes from the sample to the mass spectrometer.
    onset_mass
        Mass over charge of the gas whose onset is looked for.
    false_alarm_rate
        In which share of ramps without a release an onset may be found, 0.01 to 0.2.
    pattern, two_theta_deg, wavelength_a
        The diffraction pattern, its axis (a key), and the wavelength in ångström.
    exposure_s
        Exposure of a pattern, as a number or its key; the event's time is its end.
    clock
        Which times count: those of the events, or those of the readings in them.
    """

    temperature_c: Key
    temperature_unit: Literal["degC", "K"] | None = None
    ion_current: dict[Mass, Key] = Field(default_factory=dict)
    transport_delay_s: Delay = 0.0
    onset_mass: Mass = "32"
    false_alarm_rate: Rate = 0.05
    pattern: Key | None = None
    two_theta_deg: Key | None = None
    exposure_s: Positive | Key | None = None
    wavelength_a: Positive | None = None
    clock: Literal["event", "reading"] = "event"

    @model_validator(mode="after")
    def _has_something_to_analyse(self) -> Self:
        if not self.ion_current and self.pattern is None:
            raise ConfigurationError(
                "names neither an ion current nor a pattern; give ion_current, or pattern (with "
                "two_theta_deg)"
            )
        if self.pattern is not None and self.two_theta_deg is None:
            raise ConfigurationError("names no 'two_theta_deg' for its pattern; give its data key")
        asked_for = "onset_mass" in self.model_fields_set
        if asked_for and self.onset_mass not in self.ion_current:
            there = ", ".join(self.ion_current) or "none"
            raise ConfigurationError(
                f'onset_mass = "{self.onset_mass}" is not in ion_current, which has {there}; '
                "name its data key there"
            )
        return self

    def roles(self) -> dict[str, Role]:
        """Roles of a ramp; `ion_32` is the current at m/z 32."""
        units = {"temperature_c": "degC", "pattern": "", "two_theta_deg": "deg", "exposure_s": "s"}
        roles = roles_by_unit(self, units)
        roles["temperature_c"] = replace(
            roles["temperature_c"], recorded_unit=self.temperature_unit
        )
        unit, *also = ION_UNITS
        return roles | {
            f"ion_{mass}": Role(key, unit, also=tuple(also), once=True)
            for mass, key in self.ion_current.items()
        }
