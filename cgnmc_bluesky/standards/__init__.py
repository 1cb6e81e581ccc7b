"""What beamline.toml names, ready for an analysis: standards and foils of an edge on the
calibrated axis, what elements emit.
"""

from cgnmc_bluesky.standards.cells import Cell, cell_of, zone_shift_s
from cgnmc_bluesky.standards.edges import edge_in
from cgnmc_bluesky.standards.fluorescence import attenuation_of, emitters_of
from cgnmc_bluesky.standards.library import Library, Standards, standards_of
from cgnmc_bluesky.standards.maps import map_model
from cgnmc_bluesky.standards.runs import constants_of, names_runs, with_runs
from cgnmc_bluesky.standards.sensitivity import Fluorescence, fluorescence_of

__all__ = [
    "Cell",
    "Fluorescence",
    "Library",
    "Standards",
    "attenuation_of",
    "cell_of",
    "constants_of",
    "edge_in",
    "emitters_of",
    "fluorescence_of",
    "map_model",
    "names_runs",
    "standards_of",
    "with_runs",
    "zone_shift_s",
]
