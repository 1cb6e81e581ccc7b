"""Plans: what the beamline does, written for any devices that follow Bluesky's protocols."""

from cgnmc_bluesky.plans.dark import measure_dark
from cgnmc_bluesky.plans.heating import heating_ramp
from cgnmc_bluesky.plans.series import sample_series
from cgnmc_bluesky.plans.stack import xpeem_stack
from cgnmc_bluesky.plans.sxas import sxas_scan
from cgnmc_bluesky.plans.xanes import measure_standard, xanes_scan
from cgnmc_bluesky.plans.xrf import measure_sensitivity, xrf_fly_line, xrf_fly_map

__all__ = [
    "heating_ramp",
    "measure_dark",
    "measure_sensitivity",
    "measure_standard",
    "sample_series",
    "sxas_scan",
    "xanes_scan",
    "xpeem_stack",
    "xrf_fly_line",
    "xrf_fly_map",
]
