"""Arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer


def _debug(context: typer.Context, wanted: bool) -> None:
    context.obj.debug |= wanted


def _log(context: typer.Context, path: Path | None) -> None:
    if path is not None:
        context.obj.log_to(path)


Debug = Annotated[
    bool, typer.Option("--debug", callback=_debug, help="Show tracebacks on the screen too.")
]
Log = Annotated[
    Path | None,
    typer.Option(
        "--log",
        callback=_log,
        metavar="FILE",
        help="Where the log goes, tracebacks included, instead of your folder of logs.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="beamline.toml to use; else $CGNMC_BEAMLINE, else the one in this folder.",
    ),
]
SourceName = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        show_default=False,
        help="A Tiled server (http://…), a Tiled profile (profile:NAME), a folder (an embedded "
        "catalog or measured spectra), or a file of documents or spectra.",
    ),
]
Runs = Annotated[
    list[str] | None,
    typer.Option(
        "--run",
        metavar="UID|-1|SCAN_ID",
        help="A run: uid or its beginning, -1 for the last, or scan id. May be given again.",
    ),
]
Plan = Annotated[str | None, typer.Option("--plan", metavar="NAME", help="Only runs of this plan.")]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="DATE", help="Only runs from then on (local time)."),
]
Workers = Annotated[
    int | None, typer.Option("--workers", metavar="N", min=1, help="Work in N processes.")
]
