"""A RunEngine, and runs of it as lists of documents."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bluesky import RunEngine


@pytest.fixture
def RE() -> Iterator[RunEngine]:
    engine = RunEngine({}, context_managers=[])
    yield engine
    engine.loop.call_soon_threadsafe(engine.loop.stop)
    engine._th.join()
    engine.loop.close()


@pytest.fixture
def documents(RE: RunEngine) -> Callable[[Any], list[tuple[str, dict[str, Any]]]]:
    def run(plan: Any) -> list[tuple[str, dict[str, Any]]]:
        collected: list[tuple[str, dict[str, Any]]] = []
        RE(plan, lambda name, doc: collected.append((name, doc)))
        return collected

    return run
