"""Files of measured spectra: XDI, column text of any beamline, Athena projects."""

from cgnmc_bluesky.spectra.names import COMMON_NAMES, ROLES, standard_names
from cgnmc_bluesky.spectra.reading import read_spectra
from cgnmc_bluesky.spectra.spectrum import Columns, Keys, MeasuredSpectrum, SpectrumError

__all__ = [
    "COMMON_NAMES",
    "ROLES",
    "Columns",
    "Keys",
    "MeasuredSpectrum",
    "SpectrumError",
    "read_spectra",
    "standard_names",
]
