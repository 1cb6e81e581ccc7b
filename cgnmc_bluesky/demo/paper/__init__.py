"""The paper in one command: what each of its figures shows, measured, and whether it holds."""

from cgnmc_bluesky.demo.paper.paper import run_paper

__all__ = ["run_paper"]
