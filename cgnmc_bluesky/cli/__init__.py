"""The command line: `cgnmc`."""

from cgnmc_bluesky.cli.app import app, main

__all__ = ["app", "main"]
