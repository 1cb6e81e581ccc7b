"""Runs made up for the reader, every document valid by event-model's own schemas."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from event_model import compose_run

from cgnmc_bluesky.analysis.rows import Block, Table
from cgnmc_bluesky.documents import Role, RunReader

Document = tuple[str, dict[str, Any]]


def number(units: str | None = None, **more: Any) -> dict[str, Any]:
    key = {"source": "made up", "dtype": "number", "shape": []} | more
    return key if units is None else key | {"units": units}


@dataclass
class MadeUpRun:
    """A run that is put together stream by stream."""

    documents: list[Document] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.run = compose_run()
        self.documents.append(("start", self.run.start_doc))

    def describe(self, stream: str, data_keys: Mapping[str, dict[str, Any]]) -> Any:
        bundle = self.run.compose_descriptor(name=stream, data_keys=dict(data_keys))
        self.documents.append(("descriptor", bundle.descriptor_doc))
        return bundle

    def event(self, bundle: Any, seq_num: int, time: float, **data: Any) -> dict[str, Any]:
        filled, stamps = data.pop("filled", {}), data.pop("timestamps", {})
        stamps = dict.fromkeys(data, time) | stamps
        is_whole = set(data) == set(bundle.descriptor_doc["data_keys"])
        event = bundle.compose_event(
            seq_num=seq_num,
            time=time,
            data=data,
            timestamps=stamps,
            filled=filled,
            validate=is_whole,
        )
        self.documents.append(("event", event))
        return event

    def stop(self) -> list[Document]:
        self.documents.append(("stop", self.run.compose_stop()))
        return self.documents


@dataclass
class Reading:
    """What a reader made of some documents."""

    reader: RunReader
    blocks: list[Block]

    def tables(self) -> dict[str, Table]:
        tables: dict[str, Table] = {}
        for block in self.blocks:
            tables.setdefault(block.stream, Table()).add(block)
        return tables

    def columns(self) -> dict[str, dict[str, list[Any]]]:
        """Every table's columns as lists of bytes-exact numbers, NaN alike."""
        return {
            stream: {
                "seq_num": table.merged().seq_num.tolist(),
                "time_s": table.time_s().tolist(),
                **{role: table.column(role).tolist() for role in sorted(table.roles())},
            }
            for stream, table in self.tables().items()
        }

    def bits(self) -> dict[str, dict[str, bytes]]:
        return {
            stream: {
                "seq_num": table.merged().seq_num.tobytes(),
                "time_s": table.time_s().tobytes(),
                **{role: table.column(role).tobytes() for role in sorted(table.roles())},
            }
            for stream, table in self.tables().items()
        }


def read(
    documents: Iterable[Document], roles: Mapping[str, Role], readable: Sequence[Any] = ()
) -> Reading:
    reader = RunReader(roles, readable)
    blocks = [block for name, doc in documents for block in reader(name, doc)]
    return Reading(reader, blocks)


@pytest.fixture
def run() -> MadeUpRun:
    return MadeUpRun()


@pytest.fixture(scope="session")
def made_up_run() -> Callable[[], MadeUpRun]:
    return MadeUpRun


@pytest.fixture(scope="session", name="read")
def reading() -> Callable[..., Reading]:
    return read


@pytest.fixture(scope="session", name="number")
def data_key() -> Callable[..., dict[str, Any]]:
    return number
