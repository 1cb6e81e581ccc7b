"""Fixtures that every room's tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real measurements, which lies beside the repository."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("CGNMC_SHARED_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no measured data: {folder} is not there (set CGNMC_SHARED_DATA)")
    return folder
