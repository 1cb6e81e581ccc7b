"""A scan of the simulated beamline, and a run of a few points."""

from collections.abc import Iterator

import pytest
from simulated_runs import documents_of


@pytest.fixture(scope="session")
def scan() -> list[tuple[str, dict]]:
    return documents_of()


@pytest.fixture
def counted() -> Iterator[list[tuple[str, dict]]]:
    """Documents of a run of five points with nothing to analyse in them."""
    from event_model import compose_run

    def run(**metadata):
        beamline = {"xanes": {"energy_ev": "mono_energy", "mutrans": "mu"}}
        composed = compose_run(metadata={"beamline": beamline, **metadata})
        key = {"dtype": "number", "shape": [], "source": ""}
        stream = composed.compose_descriptor(
            name="primary", data_keys={"mono_energy": dict(key), "mu": dict(key)}
        )
        yield "start", composed.start_doc
        yield "descriptor", stream.descriptor_doc
        for at in range(5):
            data = {"mono_energy": 8300.0 + at, "mu": 0.1}
            yield "event", stream.compose_event(data=data, timestamps=dict.fromkeys(data, 0.0))
        yield "stop", composed.compose_stop()

    return run
