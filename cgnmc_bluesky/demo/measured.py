"""A measured series for the demo: LiNiO2 during its first charge, where the data are there."""

import csv
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.catalogs import open_source
from cgnmc_bluesky.catalogs.source import Document
from cgnmc_bluesky.replay import Replay
from cgnmc_bluesky.results import ResultCollector, Sink
from cgnmc_bluesky.views import TrendFigure
from cgnmc_bluesky.views.text import with_sigma

VARIABLE = "CGNMC_SHARED_DATA"
SERIES = "kedge_operando_LNO"
FRACTION = "ni4_fraction"
_STEM = "norm_op2_cell4_pos1_dq1_{}_av240_00001.txt.gz"
_PRISTINE, _CHARGED = "0001", "0055"
_COLUMNS = {
    "energy": "shifted energy",
    "mutrans": "normalized",
    "murefer": "reference",
    "i0": "I0",
}


def series_folder() -> Path | None:
    """Folder of the series, `None` where it is not there.

    It lies in the folder that the environment variable `CGNMC_SHARED_DATA` names, else in
    `../shared/data` as seen from here or from the repository.
    """
    named = os.environ.get(VARIABLE)
    beside = (Path.cwd().parent, Path(__file__).parents[3])
    roots = [Path(named)] if named else [folder / "shared" / "data" for folder in beside]
    return next((root / SERIES for root in roots if (root / SERIES).is_dir()), None)


def show_series(folder: Path, out: Path, console: Console) -> Path:
    """Analyse the series and set its fractions against the charge that was passed.

    Parameters
    ----------
    folder
        Folder of the series.
    out
        Where the figure goes.
    console
        Where the results are shown.

    Returns
    -------
    Path
        The figure: edge and fractions over the lithium that is left.
    """
    beamline = Beamline.from_dict(_configuration(folder))
    lithium = _lithium_left(folder)
    places: dict[str, float] = {}
    trend = TrendFigure(places, "x in Li$_x$NiO$_2$, from the charge passed")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("x(Li)", "edge (eV)", "Ni⁴⁺ fraction", "share of the charge"):
        table.add_column(heading, justify="right")
    misfits: list[float] = []
    with open_source(folder) as source:
        replay = Replay(source, beamline)
        for run in source.runs():
            x = lithium.get(run.start.get("file", ""))
            if x is None:
                continue
            places[run.uid] = x
            found = _values(replay.documents(run), trend)
            share = _share_of_charge(x, lithium)
            table.add_row(f"{x:.3f}", found["edge_ev"], found[FRACTION], f"{share:.3f}")
            misfits.append(float(found[FRACTION].partition(" ")[0]) - share)
    console.print(table)
    rms = math.sqrt(sum(misfit**2 for misfit in misfits) / len(misfits))
    console.print(f"fraction against charge: {rms:.3f} rms (it is not exactly linear)")
    return trend.save(out / "measured.png")


def _configuration(folder: Path) -> dict[str, Any]:
    """Configuration of the series: the columns of its files, and its two ends as the references.

    Parameters
    ----------
    folder
        Folder of the series.
    """
    ends = (("pristine", 3, _PRISTINE), ("charged", 4, _CHARGED))
    return {
        "beamline": {"name": "ROCK", "facility": "SOLEIL"},
        "xanes": {
            "energy_ev": "shifted energy",
            "mutrans": "normalized",
            "murefer": "reference",
            "i0": "I0",
        },
        "reference": [
            {
                "name": name,
                "edge": "Ni K",
                "valence": valence,
                "file": str(folder / _STEM.format(number)),
                "columns": _COLUMNS,
                "template": number == _PRISTINE,
            }
            for name, valence, number in ends
        ],
    }


def _lithium_left(folder: Path) -> dict[str, float]:
    """Lithium left at each spectrum, from the charge passed, by the file's name."""
    with (folder / "index_time_charge.csv").open(newline="", encoding="utf-8") as lines:
        return {row["file"]: float(row["x_Li_if_7.000mg"]) for row in csv.DictReader(lines)}


def _share_of_charge(x: float, lithium: Mapping[str, float]) -> float:
    """Share of the charge between the two references that has been passed at an x."""
    first, last = (lithium[_STEM.format(number)] for number in (_PRISTINE, _CHARGED))
    return (first - x) / (first - last)


def _values(documents: Iterable[Document], sink: Sink) -> dict[str, str]:
    collector = ResultCollector()
    for name, doc in documents:
        collector(name, doc)
        sink(name, doc)
    return {
        name: with_sigma(value, result.sigmas[name])
        for result in collector.results
        for name, value in result.values.items()
        if value is not None
    }
