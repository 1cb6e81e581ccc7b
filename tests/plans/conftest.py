"""Soft devices for plans, and a RunEngine that records its documents."""

from collections.abc import Iterator
from typing import Any

import pytest
from bluesky import RunEngine
from event_model import DocumentNames, schema_validators
from ophyd.sim import SynAxis, SynSignal


class Axis(SynAxis):
    """An energy axis that remembers where it was sent, with limits."""

    def __init__(self, *, limits: tuple[float, float] = (5000.0, 20000.0), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.limits = limits
        self.sent: list[float] = []

    def set(self, value: float) -> Any:
        self.sent.append(value)
        return super().set(value)


class Chamber(SynSignal):
    """An ion chamber that reads one, and is staged."""

    def __init__(self, name: str) -> None:
        super().__init__(func=lambda: 1.0, name=name)
        self.staged = False

    def stage(self) -> list[Any]:
        self.staged = True
        return [self]

    def unstage(self) -> list[Any]:
        self.staged = False
        return [self]


class Recorder:
    """Documents as they come, each validated against its schema."""

    def __init__(self) -> None:
        self.documents: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, name: str, doc: dict[str, Any]) -> None:
        schema_validators[DocumentNames[name]].validate(doc)
        self.documents.append((name, doc))

    def of(self, name: str) -> list[dict[str, Any]]:
        return [doc for given, doc in self.documents if given == name]


@pytest.fixture
def mono() -> Axis:
    return Axis(name="mono", value=8500.0)


@pytest.fixture
def chambers() -> list[Chamber]:
    return [Chamber(name) for name in ("i0", "it", "ir")]


@pytest.fixture
def shutter() -> SynAxis:
    return SynAxis(name="shutter", value=1.0)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def RE(recorder: Recorder) -> Iterator[RunEngine]:
    engine = RunEngine({}, context_managers=[])
    engine.subscribe(recorder)
    yield engine
    if engine.state == "paused":
        engine.halt()
    engine.loop.call_soon_threadsafe(engine.loop.stop)
    engine._th.join()
    engine.loop.close()
