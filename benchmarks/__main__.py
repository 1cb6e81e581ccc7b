"""Runs the benchmarks and prints their figures as one table."""

import argparse
import json
import os
import warnings
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.figure import Figure, with_unit
from benchmarks.missing import NoMeasuredData, NoPeer

NAMES = (
    "import_time",
    "point_cost",
    "amounts_rate",
    "map_rate",
    "scan_rate",
    "edge_precision",
    "fraction_precision",
    "ratio_precision",
    "published_values",
    "measured_spectra",
    "release_detection",
    "release_temperatures",
    "tga_onset",
    "heating_cost",
    "pattern_precision",
    "ramp_rate",
    "imaging",
    "yield_precision",
    "series_rate",
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is asked for.

    Parameters
    ----------
    arguments
        Of the command line; those of the process without any.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        choices=NAMES,
        metavar="NAME",
        help=f"one of {', '.join(NAMES)}; may be repeated",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument(
        "--tiny", action="store_true", help="only see that they run: far too little for a figure"
    )
    asked = parser.parse_args(arguments)
    # One thread each, as in the live analyses; before numpy is there.
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[variable] = "1"
    os.environ["MPLBACKEND"] = "Agg"
    warnings.simplefilter("ignore")
    table, console = _table(), Console()
    told: list[dict[str, object]] = []
    for name, figure in _measured(asked.only or NAMES, tiny=asked.tiny):
        told.append({"benchmark": name, **figure.as_dict()})
        table.add_row(*_cells(figure))
    console.print(table)
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _measured(names: Sequence[str], *, tiny: bool) -> Iterator[tuple[str, Figure]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("")
        for name in names:
            progress.update(task, description=name.replace("_", " "))
            try:
                for figure in import_module(f"benchmarks.{name}").figures(tiny=tiny):
                    progress.update(task, description=f"{name.replace('_', ' ')}: {figure.what}")
                    yield name, figure
            except (NoMeasuredData, NoPeer) as missing:
                progress.console.print(f"{name} left out: {missing}")


def _table() -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("figure", "measured", "bound", "beside it", "reached", "remark"):
        is_number = heading in ("measured", "bound")
        table.add_column(heading, justify="right" if is_number else "left", no_wrap=is_number)
    return table


def _cells(figure: Figure) -> tuple[str, ...]:
    reached = {True: "[green]yes", False: "[bold red]no", None: ""}[figure.reached]
    peers = [
        f"{who} {with_unit(f'{value:.3g}', figure.unit)}" for who, value in figure.peers.items()
    ]
    measured = with_unit(f"{figure.value:.3g}", figure.unit)
    return figure.what, measured, figure.bound(), "\n".join(peers), reached, figure.remark


if __name__ == "__main__":
    main()
