"""How long importing the package takes, and what it brings along."""

import json
import subprocess
import sys
from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks.figure import Figure

HEAVY = ("larch", "tiled", "matplotlib")
SESSION = (
    "from cgnmc_bluesky import Beamline, replay\n"
    "from cgnmc_bluesky.callbacks import EdgePosition, Ni2Fraction"
)

_TIMED = """
import json, sys, time
begin_s = time.perf_counter()
{statements}
spent_s = time.perf_counter() - begin_s
print(json.dumps([spent_s, [name for name in {heavy!r} if name in sys.modules]]))
"""


def figures(*, tiny: bool = False) -> Iterator[Figure]:
    """Measure it."""
    repeats = 1 if tiny else 5
    package_s, _ = _import("import cgnmc_bluesky", repeats)
    session_s, heavy = _import(SESSION, repeats)
    larch_s, _ = _import("import larch.xafs", 1) if not tiny else (float("nan"), [])
    yield Figure("import cgnmc_bluesky", package_s, "s", at_most=1.0, peers={"Larch": larch_s})
    yield Figure("import of callbacks, replay and Beamline", session_s, "s")
    yield Figure(
        f"of {', '.join(HEAVY)} imported along", len(heavy), at_most=0, remark=", ".join(heavy)
    )


def _import(statements: str, repeats: int) -> tuple[float, list[str]]:
    """Median of the seconds it takes in fresh processes, and heavy modules that came along."""
    told: list[list[Any]] = []
    for _ in range(repeats):
        script = _TIMED.format(statements=statements, heavy=HEAVY)
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, check=True, text=True
        )
        told.append(json.loads(done.stdout.splitlines()[-1]))
    return median(spent_s for spent_s, _ in told), told[-1][1]
