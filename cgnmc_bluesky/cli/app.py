"""The commands, with their arguments; what they do stands in the modules they call."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cgnmc_bluesky import __version__
from cgnmc_bluesky.cli.boundary import INTERRUPTED, Session, guarded, output
from cgnmc_bluesky.cli.options import Config, Debug, Log, Plan, Runs, Since, SourceName, Workers

app = typer.Typer(
    name="cgnmc",
    help="From documents of battery-cathode experiments to numbers with uncertainties.",
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


class Along(StrEnum):
    """What a series may go along."""

    CYCLES = "cycles"
    CUTOFF_V = "cutoff_v"


def _show_version(wanted: bool) -> None:
    if wanted:
        output().print(f"cgnmc {__version__}", highlight=False)
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    debug: Debug = False,
    log: Log = None,
) -> None:
    if context.invoked_subcommand is None:
        output().print(context.get_help(), markup=False, highlight=False)


@app.command()
def demo(
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Where the results go: ./cgnmc-demo, or ./cgnmc-paper."
        ),
    ] = None,
    paper: Annotated[
        bool,
        typer.Option("--paper", help="Measure what each figure of the paper shows, and judge it."),
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the simulated noise.")] = 0,
    debug: Debug = False,
    log: Log = None,
) -> int:
    """Run a simulated beamtime: scans, live results, replay, report.

    Four Ni K scans (the conventional and the gradient material, pristine and after 100 cycles), a
    fluorescence map of a particle of each and a heating ramp of each run with live analysis into a
    catalog in DIR/catalog; then everything is replayed from there and compared, and set against
    the truth.

    With --paper what each figure of the paper shows is measured for both materials, and each of
    its statements printed with the measured value, its error, and whether it holds; DIR/index.html
    has the figures.

    Examples:

    - `cgnmc demo`
    - `cgnmc demo --paper`
    - `cgnmc demo --out beamtime --seed 3`
    """
    if paper:
        from cgnmc_bluesky.demo.paper import run_paper

        return run_paper(out or Path("cgnmc-paper"), seed=seed, console=output())
    from cgnmc_bluesky.demo import run_demo

    return run_demo(out or Path("cgnmc-demo"), seed=seed, console=output())


@app.command()
def replay(
    source: SourceName,
    run: Runs = None,
    plan: Plan = None,
    since: Since = None,
    config: Config = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line for each run and analysis.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write figures, tables and arrays there."),
    ] = None,
    x: Annotated[
        str | None,
        typer.Option(
            "--x",
            metavar="time|x_li|voltage_v|FILE.csv:COLUMN",
            help="Axis of the trend figure: the time, the cell's state of charge, or a column of a "
            "CSV file that names each measured file in another column; without it, the cycles of a "
            "series, else the scan number.",
        ),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Store the results in the catalog, beside the runs.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare with the stored results, bit for bit.")
    ] = False,
    workers: Workers = None,
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", metavar="ADDRESS", help="Work on a dask cluster."),
    ] = None,
    debug: Debug = False,
    log: Log = None,
) -> int:
    """Analyse stored runs as if they were running.

    Exit status: 0; 1 where an analysis failed or a comparison differs; 2 for unusable arguments,
    source or configuration.

    Examples:

    - `cgnmc replay cgnmc-demo/catalog --run -1`
    - `cgnmc replay http://localhost:8000 --plan xanes_scan --since 2026-03-01 --json`
    - `cgnmc replay kedge_operando_LNO --config examples/lno.toml --out lno`
    - `cgnmc replay cgnmc-demo/catalog --verify`
    """
    from cgnmc_bluesky.cli.replaying import Request, replay_source
    from cgnmc_bluesky.cli.selection import Selection

    return replay_source(
        Request(
            source,
            Selection.of(run or (), plan, since),
            config=config,
            as_json=json,
            out=out,
            x=x,
            write=write,
            verify=verify,
            workers=workers,
            scheduler=scheduler,
        )
    )


@app.command()
def trend(
    source: SourceName,
    run: Runs = None,
    plan: Plan = None,
    since: Since = None,
    against: Annotated[
        Along, typer.Option("--against", help="What the samples of a series differ in.")
    ] = Along.CYCLES,
    value: Annotated[
        list[str] | None,
        typer.Option(
            "--value",
            metavar="NAME",
            help="A value of the results that is followed, such as mean_valence. May be given "
            "again; without it, what sums up each analysis.",
        ),
    ] = None,
    config: Config = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line for each trend.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write a figure and tables there."),
    ] = None,
    stored: Annotated[
        bool,
        typer.Option("--stored", help="Take the results in the catalog instead of replaying."),
    ] = False,
    workers: Workers = None,
    debug: Debug = False,
    log: Log = None,
) -> int:
    """Test for each material and yield whether it changes over the samples of a series.

    Samples are known by the `cycles` and the `material` (and the `cutoff_v`) that their runs name.
    Where there are maps, it is also said whether their gradient is kept, and where there are Ni and
    Mn L edges, what electrons the surface takes and gives.

    Exit status: 0; 1 where an analysis failed; 2 for unusable arguments, source or configuration.

    Examples:

    - `cgnmc trend cgnmc-demo/catalog`
    - `cgnmc trend http://localhost:8000 --plan sxas_scan --since 2026-03-01 --out fig4d`
    - `cgnmc trend catalog --against cutoff_v --value gradient_width_um --json`
    """
    from cgnmc_bluesky.cli.selection import Selection
    from cgnmc_bluesky.cli.trending import Wanted, trend_source

    return trend_source(
        Wanted(
            source,
            Selection.of(run or (), plan, since),
            against.value,
            tuple(value or ()),
            config=config,
            as_json=json,
            out=out,
            stored=stored,
            workers=workers,
        )
    )


@app.command(context_settings={"ignore_unknown_options": True})
def compare(
    source: SourceName,
    first: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            show_default=False,
            help="A run: uid or its beginning, -1 for the last, or scan id.",
        ),
    ],
    second: Annotated[
        str, typer.Argument(metavar="RUN", show_default=False, help="The one to set against it.")
    ],
    config: Config = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object, no table.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write a figure of both and a table there."),
    ] = None,
    debug: Debug = False,
    log: Log = None,
) -> int:
    """Compare the O2 release of two heating ramps: how far apart, how much wider, with errors.

    Temperatures are the second's less the first's, the width is a ratio. What one of them does not
    have is "not comparable", and why.

    Exit status: 0; 1 where an analysis failed; 2 for unusable arguments, source or configuration.

    Examples:

    - `cgnmc compare cgnmc-demo/catalog 7 8`
    - `cgnmc compare cgnmc-demo/catalog -2 -1 --json`
    - `cgnmc compare http://localhost:8000 4f1c -1 --out comparison`
    """
    from cgnmc_bluesky.cli.comparing import Pair, compare_source

    return compare_source(Pair(source, (first, second), config, as_json=json, out=out))


@app.command()
def watch(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE|tcp://HOST:PORT",
            show_default=False,
            help="A catalog to follow, or the address of a bluesky 0MQ proxy.",
        ),
    ],
    config: Config = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line for each run and analysis.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="End after the first run.")] = False,
    timeout_s: Annotated[
        float | None,
        typer.Option("--timeout", metavar="SECONDS", min=0.0, help="End after so long."),
    ] = None,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust",
            help="Take a stream from another machine: whoever sends there can run programs here.",
        ),
    ] = False,
    debug: Debug = False,
    log: Log = None,
) -> int:
    """Show results in another process while the run goes on; Ctrl-C ends it.

    With a display windows open beside the table.

    Examples:

    - `cgnmc watch cgnmc-demo/catalog`
    - `cgnmc watch tcp://127.0.0.1:5578`
    - `cgnmc watch http://localhost:8000 --once --timeout 600 --json`
    """
    from cgnmc_bluesky.cli.watching import Watch, watch_source

    return watch_source(
        Watch(source, config, as_json=json, once=once, timeout_s=timeout_s, trust=trust)
    )


@app.command()
def ioc(
    prefix: Annotated[
        str, typer.Option("--prefix", help="What the names of the process variables begin with.")
    ] = "SIM:",
    debug: Debug = False,
    log: Log = None,
) -> None:
    """Serve the simulated instruments over EPICS Channel Access, on this machine alone.

    Examples:

    - `cgnmc ioc`
    - `cgnmc ioc --prefix XF07BM:`
    """
    from cgnmc_bluesky.sim.ioc import run_ioc

    def tell(names: Sequence[str]) -> None:
        output().print(*names, sep="\n", markup=False, highlight=False)
        output().print("Ctrl-C ends it", style="dim")

    with suppress(KeyboardInterrupt):
        run_ioc(prefix, on_start=tell)


@app.command()
def check(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[SOURCE]", show_default=False, help="Runs to check it against; a sample table."
        ),
    ] = None,
    config: Config = None,
    debug: Debug = False,
    log: Log = None,
) -> int:
    """Say what is wrong with beamline.toml: keys, units, references, catalog.

    Without a configuration one is drafted from the data keys of SOURCE, on standard output. Of a
    sample table (CSV or TOML) every row is looked at.

    Examples:

    - `cgnmc check --config beamline.toml`
    - `cgnmc check runs.jsonl > beamline.toml`
    - `cgnmc check samples.csv`
    """
    from cgnmc_bluesky.cli.checking import check_source

    return check_source(source, config)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments
        Arguments after the program's name; without them those of this process.

    Returns
    -------
    int
        The exit status, as in the contract.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)

    def command(session: Session) -> int | None:
        status = app(given, prog_name="cgnmc", standalone_mode=False, obj=session)
        if status == INTERRUPTED:
            raise KeyboardInterrupt
        return status if isinstance(status, int) else 0

    return guarded(command)
