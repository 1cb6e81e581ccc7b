"""A run that was suspended comes back from a real server as it was: every reading of its monitors,
every pattern in its row.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import numpy as np
import pytest
from bluesky import Msg, RunEngine
from bluesky.suspenders import SuspendBoolHigh
from ophyd import Signal

from cgnmc_bluesky.analysis.rows import Block, Table
from cgnmc_bluesky.beamline import Role
from cgnmc_bluesky.catalogs import EmbeddedCatalog, open_source
from cgnmc_bluesky.catalogs.source import Document
from cgnmc_bluesky.documents import RunReader

N_POINTS, SUSPENDED_AT = 6, 3
ROLES = {
    "temperature_c": Role("furnace", "degC"),
    "ion_32": Role("mz32", ""),
    "pattern": Role("pattern", ""),
}


@pytest.fixture(scope="module")
def engine() -> Iterator[RunEngine]:
    engine = RunEngine({}, context_managers=[])
    yield engine
    engine.loop.call_soon_threadsafe(engine.loop.stop)
    engine._th.join()
    asyncio.set_event_loop(None)
    engine.loop.close()


def suspended_ramp(engine: RunEngine) -> Any:
    """A ramp with two monitors that is suspended once, in the middle of a point's readings."""
    furnace, mz32 = Signal(name="furnace", value=25.0), Signal(name="mz32", value=1e-9)
    pattern = Signal(name="pattern", value=np.zeros(40))
    beam = Signal(name="beam_lost", value=False)

    def while_suspended() -> Any:
        yield from bps.mv(mz32, 5e-9)
        yield from bps.mv(beam, False)

    def trip(msg: Msg) -> None:
        nonlocal n_saved
        n_saved += msg.command == "save"
        if msg.command == "wait_for" and n_saved == SUSPENDED_AT:
            n_saved += 1
            beam.put(True)

    n_saved = 0
    engine.msg_hook = trip
    engine.install_suspender(SuspendBoolHigh(beam, sleep=0, pre_plan=while_suspended))

    @bpp.monitor_during_decorator([furnace, mz32])
    @bpp.run_decorator()
    def ramp() -> Any:
        for point in range(N_POINTS):
            yield from bps.checkpoint()
            for reading in range(3):
                yield from bps.mv(furnace, 25.0 + point + reading / 4)
                yield from bps.mv(mz32, 1e-9 * (1 + point + reading / 4))
            yield from bps.mv(pattern, np.full(40, float(point)))
            yield from bps.trigger_and_read([pattern])
            yield from bps.wait_for([lambda: asyncio.sleep(0)])

    return ramp()


@pytest.fixture(scope="module")
def documents(engine, tmp_path_factory) -> Iterator[tuple[list[Document], list[Document]]]:
    """As the run gave them, and as the server gives them back."""
    live: list[Document] = []
    with EmbeddedCatalog(tmp_path_factory.mktemp("catalog")).open_in_background() as catalog:
        writer = catalog.writer()
        engine.subscribe(
            lambda name, doc: live.append((name, json.loads(json.dumps(doc, default=list))))
        )
        engine.subscribe(writer)
        engine(suspended_ramp(engine))
        assert writer.flush()
        assert writer.failures == {}
        yield live, list(open_source(catalog).find(-1).documents())


def rows_of(documents: list[Document]) -> dict[str, dict[str, Any]]:
    reader = RunReader(ROLES)
    tables: defaultdict[str, Table] = defaultdict(Table)
    blocks: list[Block] = [block for name, doc in documents for block in reader(name, doc)]
    for block in blocks:
        tables[block.stream].add(block)
    assert reader.notes == []
    return {
        stream: {
            "time_s": table.time_s().tolist(),
            "seq_num": table.merged().seq_num.tolist(),
            **{role: table.column(role).tolist() for role in table.roles()},
        }
        for stream, table in tables.items()
    }


def numbers_of(documents: list[Document], stream: str) -> list[int]:
    uids = {doc["uid"] for name, doc in documents if name == "descriptor" and doc["name"] == stream}
    return [doc["seq_num"] for name, doc in documents if doc.get("descriptor") in uids]


def test_the_suspension_set_numbers_back_and_repeated_readings(documents) -> None:
    live, _ = documents
    numbers = numbers_of(live, "mz32_monitor")
    assert len(numbers) > len(set(numbers)) > 3 * N_POINTS - 3
    assert len(numbers_of(live, "primary")) == N_POINTS + 1


def test_a_monitors_readings_all_come_back(documents) -> None:
    live, stored = documents
    assert numbers_of(stored, "mz32_monitor") == list(
        range(1, len(numbers_of(live, "mz32_monitor")) + 1)
    )
    before, after = rows_of(live), rows_of(stored)
    assert before.keys() == after.keys()
    for stream in before:
        assert after[stream] == before[stream], stream
