"""Plans: what the beamline does, written for any devices that follow Bluesky's protocols."""

from cgnmc_bluesky.plans.dark import measure_dark
from cgnmc_bluesky.plans.xanes import measure_standard, xanes_scan

__all__ = ["measure_dark", "measure_standard", "xanes_scan"]
