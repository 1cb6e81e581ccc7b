"""Fixtures that every room's tests share."""

import os
from pathlib import Path

import hypothesis
import pytest

# The same examples on every run, however slow the machine.
hypothesis.settings.register_profile("same", deadline=None, derandomize=True)
hypothesis.settings.load_profile("same")

# Neither the screen nor the configuration of whoever runs the tests may change them.
os.environ["MPLBACKEND"] = "Agg"
os.environ.pop("CGNMC_BEAMLINE", None)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real measurements, which lies beside the repository."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("CGNMC_SHARED_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no measured data: {folder} is not there (set CGNMC_SHARED_DATA)")
    return folder
