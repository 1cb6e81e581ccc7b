"""beamline.toml: which data key plays which role, reference spectra, limits."""

from cgnmc_bluesky.beamline.cycling import UNITS as CYCLING_UNITS
from cgnmc_bluesky.beamline.cycling import CellSection, CyclingRoles
from cgnmc_bluesky.beamline.edges import Edge, edge_energy_ev, edge_of
from cgnmc_bluesky.beamline.errors import ConfigurationError, ConfigurationMissing, nearest
from cgnmc_bluesky.beamline.fluorescence import SelfAbsorption, Sensitivity, XrfRoles
from cgnmc_bluesky.beamline.heating import HeatingRoles
from cgnmc_bluesky.beamline.imaging import XpeemRoles
from cgnmc_bluesky.beamline.material import Material, Surface
from cgnmc_bluesky.beamline.references import (
    AnalysisSettings,
    Foil,
    FractionSettings,
    Reference,
)
from cgnmc_bluesky.beamline.roles import Role, XanesRoles
from cgnmc_bluesky.beamline.settings import Beamline, DataSection, Facility
from cgnmc_bluesky.beamline.soft import SoftXanesRoles

__all__ = [
    "CYCLING_UNITS",
    "AnalysisSettings",
    "Beamline",
    "CellSection",
    "ConfigurationError",
    "ConfigurationMissing",
    "CyclingRoles",
    "DataSection",
    "Edge",
    "Facility",
    "Foil",
    "FractionSettings",
    "HeatingRoles",
    "Material",
    "Reference",
    "Role",
    "SelfAbsorption",
    "Sensitivity",
    "SoftXanesRoles",
    "Surface",
    "XanesRoles",
    "XpeemRoles",
    "XrfRoles",
    "edge_energy_ev",
    "edge_of",
    "nearest",
]
