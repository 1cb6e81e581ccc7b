"""A simulated beamtime, from the first scan to the report: `cgnmc demo`."""

from cgnmc_bluesky.demo.demo import run_demo

__all__ = ["run_demo"]
