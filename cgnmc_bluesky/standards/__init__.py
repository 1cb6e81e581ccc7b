"""What beamline.toml names, as arrays: standards and foils of an edge on the calibrated axis."""

from cgnmc_bluesky.standards.edges import edge_in
from cgnmc_bluesky.standards.library import Library, Standards, standards_of
from cgnmc_bluesky.standards.runs import constants_of, with_runs

__all__ = ["Library", "Standards", "constants_of", "edge_in", "standards_of", "with_runs"]
