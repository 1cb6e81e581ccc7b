"""Dark currents: what detectors read without beam."""

from collections.abc import Sequence
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.protocols import Movable, Readable
from bluesky.utils import MsgGenerator

from cgnmc_bluesky.plans.checks import check_detectors, check_mover, position_of, put_back
from cgnmc_bluesky.plans.messages import tell


def measure_dark(
    detectors: Sequence[Readable[Any]],
    shutter: Movable[Any],
    *,
    closed: str | float = "closed",
    num: int = 10,
    md: dict[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Measure what detectors read with the shutter closed, and put the shutter back.

    The shutter returns to where it was on every way out but `RE.halt()`. At the end the line of
    beamline.toml that names this run is shown.

    Parameters
    ----------
    detectors
        Detectors to read.
    shutter
        Shutter between source and detectors.
    closed
        What the shutter is set to in order to close it.
    num
        Number of readings of each detector.
    md
        Further metadata of the run.

    Returns
    -------
    str
        The run's uid.

    Raises
    ------
    ValueError
        If an argument cannot be used; nothing has moved then.
    """
    detectors = check_detectors(detectors)
    check_mover(shutter, "shutter")
    if isinstance(num, bool) or not isinstance(num, int) or num < 1:
        raise ValueError(f"num is {num!r}: take at least one reading")
    before = yield from position_of(shutter)
    metadata = {
        "plan_name": "measure_dark",
        "plan_args": {
            "detectors": [repr(detector) for detector in detectors],
            "shutter": repr(shutter),
            "closed": closed,
            "num": num,
        },
        "detectors": [detector.name for detector in detectors],
        "num_points": num,
        "hints": {"dimensions": [(("time",), "primary")]},
        **(md or {}),
    }

    @bpp.stage_decorator(detectors)
    @bpp.run_decorator(md=metadata)
    def readings() -> MsgGenerator[None]:
        yield from bps.mv(shutter, closed)
        for _ in range(num):
            yield from bps.checkpoint()
            yield from bps.trigger_and_read(detectors)

    uid: str = yield from bpp.finalize_wrapper(readings(), put_back(shutter, before))
    yield from tell(f'dark = "{uid}"')
    return uid
