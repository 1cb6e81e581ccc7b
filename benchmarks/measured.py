"""Where the real measurements lie, and configurations that name them."""

import os
import tomllib
from pathlib import Path
from typing import Any

from benchmarks.missing import NoMeasuredData
from cgnmc_bluesky.beamline import Beamline

ROOT = Path(__file__).parents[1]


def folder() -> Path:
    """Give the folder of real measurements: `$CGNMC_SHARED_DATA`, else beside the repository.

    Raises
    ------
    NoMeasuredData
        If it is not there.
    """
    named = Path(os.environ.get("CGNMC_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not named.is_dir():
        raise NoMeasuredData(f"{named} is not there (set CGNMC_SHARED_DATA)")
    return named


def example(name: str, **sections: Any) -> Beamline:
    """Give one of the configurations in `examples/`, over the data wherever they lie.

    Parameters
    ----------
    name
        Which, "lno".
    sections
        Sections to put in the place of the example's.
    """
    text = (ROOT / "examples" / f"{name}.toml").read_text(encoding="utf-8")
    settings = tomllib.loads(text.replace("../../shared/data", folder().as_posix()))
    return Beamline.from_dict({**settings, **sections}, folder=ROOT / "examples")
