"""A RunEngine for a session: scans numbered on from the last session, metadata on every run."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import bluesky.preprocessors as bpp
from bluesky import Msg, RunEngine

from cgnmc_bluesky import __version__

Metadata = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def make_run_engine(numbers: Path | None = None) -> RunEngine:
    """Make a RunEngine.

    Parameters
    ----------
    numbers
        File that keeps the last scan's number, so that the next session counts on; without it each
        session counts from 1.

    Returns
    -------
    RunEngine
        The RunEngine; nothing is subscribed to it.
    """
    engine = RunEngine({"versions": {"cgnmc_bluesky": __version__}})
    if numbers is not None:
        engine.scan_id_source = _numbered_in(numbers)
    return engine


def carry(engine: RunEngine, metadata: Metadata) -> None:
    """Let every run bear what is true at its start; what a plan says itself goes before it.

    Parameters
    ----------
    engine
        The RunEngine.
    metadata
        Given what the plan says, gives the metadata; `XDI` in it is joined with the plan's own,
        family by family.
    """

    def add(msg: Msg) -> Msg:
        if msg.command != "open_run":
            return msg
        carried = metadata(msg.kwargs)
        xdi = {**carried.get("XDI", {}), **msg.kwargs.get("XDI", {})}
        return msg._replace(kwargs={**carried, **msg.kwargs, **({"XDI": xdi} if xdi else {})})

    engine.preprocessors.append(lambda plan: bpp.msg_mutator(plan, add))


def _numbered_in(path: Path) -> Callable[[dict[str, Any]], int]:
    def next_number(_: dict[str, Any]) -> int:
        text = path.read_text() if path.is_file() else ""
        number = int(text) + 1 if text.strip().isdecimal() else 1
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number}\n")
        return number

    return next_number
