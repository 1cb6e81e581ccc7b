"""A session: RunEngine, devices, plans, live results and a catalog, at hand by their names."""

import atexit
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.plans as bp
from bluesky import RunEngine
from rich.console import Console

from cgnmc_bluesky import __version__, plans
from cgnmc_bluesky.beamline import Beamline, ConfigurationMissing
from cgnmc_bluesky.callbacks import EVERY
from cgnmc_bluesky.catalogs import EmbeddedCatalog, Source, done_samples, open_source
from cgnmc_bluesky.results import Sink
from cgnmc_bluesky.standards import names_runs, with_runs
from cgnmc_bluesky.startup.catalog import SessionCatalog, session_folder
from cgnmc_bluesky.startup.devices import connect, make_device, simulated_devices
from cgnmc_bluesky.startup.engine import carry, make_run_engine
from cgnmc_bluesky.startup.results import Results
from cgnmc_bluesky.startup.screen import Screen, default_console, open_windows

STACK = 'xpeem_stack([peem, peem_mesh], peem_pgm, edge="Ni L3")'
MAP = "xrf_fly_map(xspress3, stage.x, -5, 5, 101, stage.y, -5, 5, 101, dwell_s=0.01)"
SOFT = 'sxas_scan([gold_mesh, tey, sdd, reference], pgm, edge="Ni L3")'
RAMP = "heating_ramp(furnace, [diffractometer], [rga], target_c=500, rate_c_per_min=4)"

_log = logging.getLogger(__name__)


@dataclass
class Session:
    """What a session has at hand.

    Parameters
    ----------
    RE
        The RunEngine.
    results
        Results of its runs.
    catalog
        Where runs and results are stored; `None` where they are not.
    devices
        Devices by name.
    problems
        What could not be had, and why.
    """

    RE: RunEngine
    results: Results
    catalog: EmbeddedCatalog | Source | None = None
    devices: Mapping[str, Any] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)

    def namespace(self) -> dict[str, Any]:
        """Give everything by the name that it has at the prompt."""
        return {
            **{name: getattr(plans, name) for name in plans.__all__},
            **self.devices,
            "RE": self.RE,
            "bp": bp,
            "bps": bps,
            "mv": bps.mv,
            "results": self.results,
            "catalog": self.catalog,
            "done_samples": done_samples,
            "session": self,
        }

    def close(self) -> None:
        """Wait for what is still to be written, and end what the session started."""
        self.results.close()
        if self.catalog is not None:
            self.catalog.close()

    def banner(self) -> str:
        """Give a few lines that say what is at hand."""
        lines = [
            f"cgnmc_bluesky {__version__}",
            f"devices  {', '.join(self.devices) or 'none'}",
            f"plans    {', '.join(plans.__all__)}, mv; all of bluesky's in bp and bps",
            "results  results[-1], catalog[-1]",
            'try      RE(xanes_scan([i0, it, ir], mono, edge="Ni K"))',
            f"         RE({SOFT})",
            f"         RE({STACK})",
            f"         RE({MAP})",
            f"         RE({RAMP})",
        ]
        return "\n".join([*lines, *(f"no {part}: {why}" for part, why in self.problems.items())])


def live(
    RE: RunEngine,
    beamline: Beamline | None = None,
    catalog: EmbeddedCatalog | Source | None = None,
    *,
    sinks: Iterable[Sink] = (),
    console: Console | None = None,
) -> Session:
    """Let a RunEngine, anybody's, show the results of its scans while they go on.

    Parameters
    ----------
    RE
        The RunEngine.
    beamline
        Which data key plays which role; without it what each run carries, as those of the simulated
        beamline do, else beamline.toml.
    catalog
        Where runs and their results are stored, and where references are found that the
        configuration names by their run.
    sinks
        What takes result documents beside the screen and the catalog, such as figures.
    console
        Where results are shown; standard output without one.

    Returns
    -------
    Session
        The session; its `results[-1]` is the last result.

    Raises
    ------
    ConfigurationError
        If a reference cannot be used.
    SourceError
        If the catalog does not hold a run that the configuration names.
    """
    console = console or default_console()
    if beamline is not None and catalog is not None:
        beamline = _with_runs(beamline, catalog)
    callbacks = tuple(analysis(beamline) for analysis in EVERY)
    results = Results(callbacks, console)
    screen = Screen(console, results.wait)
    all_sinks: list[Sink] = [screen, *sinks]
    store = catalog.writer() if catalog is not None else None
    if store is not None:
        RE.subscribe(store)
        all_sinks.append(store)
    for callback in callbacks:
        for sink in all_sinks:
            callback.subscribe(sink)
        RE.subscribe(callback)
    RE.context_managers.append(screen.during)
    return Session(RE, results, catalog)


def open_session(console: Console | None = None) -> Session:
    """Open a session with the devices that beamline.toml names, or else with simulated ones.

    What cannot be had is named in the banner; the rest is there nevertheless.

    Parameters
    ----------
    console
        Where to write; standard output without one.

    Returns
    -------
    Session
        The session; its `namespace()` is for the prompt.
    """
    console = console or default_console()
    problems: dict[str, str] = {}
    folder = session_folder()
    with _part("folder for sessions", problems):
        folder.mkdir(parents=True, exist_ok=True)
        _log_to(folder / "session.log")
    RE = make_run_engine(None if problems else folder / "scan_id")
    beamline: Beamline | None = None
    with _part("beamline.toml", problems):
        beamline = _configured()
    catalog = None
    with _part("catalog", problems):
        readable = beamline.data.readable if beamline else ()
        catalog = SessionCatalog(folder / "catalog", readable).open_in_background()
    figures = []
    with _part("windows", problems):
        figures = open_windows()
    devices = _devices(RE, beamline, problems, catalog.measured if catalog else None)
    is_simulated = beamline is None or not beamline.devices
    session = live(RE, None if is_simulated else beamline, catalog, sinks=figures, console=console)
    session.devices, session.problems = devices, problems
    atexit.register(session.close)
    console.print(session.banner(), markup=False, highlight=False, soft_wrap=True)
    return session


def _with_runs(beamline: Beamline, catalog: EmbeddedCatalog | Source) -> Beamline:
    """Put measured standards, darks and calibrations in the place of the uids that name them."""
    return with_runs(beamline, open_source(catalog).find) if names_runs(beamline) else beamline


def _configured() -> Beamline | None:
    try:
        return Beamline.load()
    except ConfigurationMissing:
        return None


def _devices(
    RE: RunEngine, beamline: Beamline | None, problems: dict[str, str], measured: Path | None
) -> dict[str, Any]:
    if beamline is None or not beamline.devices:
        simulated = simulated_devices(folder=measured)
        carry(RE, simulated.metadata)
        return simulated.devices()
    carry(RE, lambda _: {"XDI": _place(beamline)})
    devices: dict[str, Any] = {}
    for name, settings in beamline.devices.items():
        with _part(name, problems):
            device = make_device(name, settings)
            connect(device)
            devices[name] = device
    return devices


def _place(beamline: Beamline) -> dict[str, Any]:
    names = {"Facility": beamline.beamline.facility, "Beamline": beamline.beamline.name}
    return {family: {"name": name} for family, name in names.items() if name}


def _log_to(path: Path) -> None:
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger("cgnmc_bluesky").addHandler(handler)


@contextmanager
def _part(name: str, problems: dict[str, str]) -> Iterator[None]:
    """Keep what one part lacks from costing the session the others."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  (whatever it is, the session must open)
        _log.exception("there is no %s", name)
        problems[name] = f"{type(error).__name__}: {error}".partition("\n")[0]
