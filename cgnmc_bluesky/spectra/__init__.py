"""Files of measured spectra (XDI, column text of any beamline, Athena projects), of columns against
time (exports of mass spectrometers and furnaces), and of cells (exports of cyclers).
"""

from cgnmc_bluesky.spectra.names import COMMON_NAMES, ROLES, standard_names
from cgnmc_bluesky.spectra.reading import read_record, read_spectra, read_trace
from cgnmc_bluesky.spectra.record import MeasuredRecord
from cgnmc_bluesky.spectra.spectrum import Columns, Keys, MeasuredSpectrum, SpectrumError
from cgnmc_bluesky.spectra.traces import MeasuredTrace

__all__ = [
    "COMMON_NAMES",
    "ROLES",
    "Columns",
    "Keys",
    "MeasuredRecord",
    "MeasuredSpectrum",
    "MeasuredTrace",
    "SpectrumError",
    "read_record",
    "read_spectra",
    "read_trace",
    "standard_names",
]
