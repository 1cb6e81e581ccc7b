"""How long a long measured series takes to replay: the first charge of LiNiO2, 458 spectra."""

import gzip
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from benchmarks import measured
from benchmarks.figure import Figure

Floats = NDArray[np.float64]

SPECTRA = 458
NOISE = 1e-4
"""Share of each number by which the repeats of a spectrum differ."""
PROCESSES = 2
TIME = "#Time at start="


def figures(*, tiny: bool = False) -> Iterator[Figure]:
    """Measure it."""
    n = 4 if tiny else SPECTRA
    folder = measured.folder()
    series = sorted((folder / "kedge_operando_LNO").glob("*.txt.gz"))
    with TemporaryDirectory() as temporary:
        repeats = write_series(series, Path(temporary) / "series", n)
        read_s = _elapsed_s(lambda: [np.loadtxt(path) for path in repeats])
        lines: list[str] = []
        replay_s = _elapsed_s(lambda: lines.extend(_replayed(repeats[0].parent, folder)))
    yield Figure(
        f"replay of {n} spectra in {PROCESSES} processes",
        replay_s,
        "s",
        at_most=60.0,
        peers={"numpy.loadtxt, only reading them, in one": read_s},
        remark=f"{len(lines)} results; {1e3 * replay_s / n:.0f} ms a spectrum, the start included",
    )


def write_series(series: Sequence[Path], folder: Path, n: int) -> list[Path]:
    """Write a long series of which every spectrum is a measured one, a little changed.

    Parameters
    ----------
    series
        The measured spectra, in the order of their times.
    folder
        Where to write it.
    n
        How many; their times are evenly spread over those of the measured ones.
    """
    folder.mkdir()
    random = np.random.default_rng(8)
    heads, tables = zip(*(_read(path) for path in series), strict=True)
    times = [datetime.fromisoformat(_time_line(head).removeprefix(TIME)) for head in heads]
    written = []
    for number, at in enumerate(np.linspace(0, len(series) - 1, n)):
        nearest = round(float(at))
        when = times[0] + (times[-1] - times[0]) * float(at / (len(series) - 1))
        table = tables[nearest].copy()
        table[:, 1:] *= 1 + NOISE * random.normal(size=table[:, 1:].shape)
        head = heads[nearest].replace(_time_line(heads[nearest]), f"{TIME}{when}")
        path = folder / f"spectrum_{number:04d}.txt.gz"
        with gzip.open(path, "wt", compresslevel=1, encoding="utf-8") as file:
            file.write(head)
            np.savetxt(file, table, fmt="%.8g")
        written.append(path)
    return written


def _read(path: Path) -> tuple[str, Floats]:
    """The header of a file, and its numbers."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = file.readlines()
    return "".join(line for line in lines if line.startswith("#")), np.loadtxt(lines)


def _time_line(head: str) -> str:
    return next(line for line in head.splitlines() if line.startswith(TIME))


def _replayed(series: Path, folder: Path) -> list[str]:
    """Lines of JSON that the command line gives."""
    config = measured.ROOT / "examples" / "lno.toml"
    text = config.read_text(encoding="utf-8").replace("../../shared/data", folder.as_posix())
    own = series.parent / "lno.toml"
    own.write_text(text, encoding="utf-8")
    arguments = ("replay", series, "--config", own, "--json", "--workers", PROCESSES)
    done = subprocess.run(
        [sys.executable, "-m", "cgnmc_bluesky", *map(str, arguments)],
        env={**os.environ, "XDG_STATE_HOME": str(series.parent)},
        stdout=subprocess.PIPE,
        check=False,
        text=True,
    )
    return done.stdout.splitlines()


def _elapsed_s(work: Callable[[], object]) -> float:
    start_s = time.perf_counter()
    work()
    return time.perf_counter() - start_s
