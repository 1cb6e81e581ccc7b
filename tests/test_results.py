import json

import event_model
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.results import (
    Result,
    ResultCollector,
    ResultWriter,
    Subject,
    conditions_of,
    sample_of,
)

SUBJECT = Subject("raw-uid", 7, "xanes_scan", "NMC622", "edge_position", "1", "transmission")
UNITS = {"edge_ev": "eV", "fraction_Li0.5NiO2/a": ""}


def written(*estimates, subject=SUBJECT, curves="none"):
    documents: list = []
    writer = ResultWriter(subject, lambda name, doc: documents.append((name, doc)))
    for at, estimate in enumerate(estimates):
        writer.update(estimate, float(at), curves=curves)
    writer.close()
    return documents


def estimate(value=8344.0, **settings):
    return Estimate(
        Status.FINAL, "because", UNITS, {"edge_ev": value}, {"edge_ev": 0.1}, 5, **settings
    )


number = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@given(values=st.tuples(number, number), sigmas=st.tuples(number, number), reason=st.text())
def test_a_result_comes_back_as_it_went(values, sigmas, reason):
    told = Estimate(
        Status.PROVISIONAL,
        reason,
        UNITS,
        dict(zip(UNITS, values, strict=True)),
        dict(zip(UNITS, sigmas, strict=True)),
        3,
    )
    result = Result.from_documents(written(told))
    assert result.values == told.values
    assert result.sigmas == told.sigmas
    assert (result.status, result.reason, result.n_points) == (told.status, reason, 3)
    assert result.units == UNITS
    assert (result.run_uid, result.scan_id, result.sample) == ("raw-uid", 7, "NMC622")


def test_the_documents_are_valid():
    curve = {"spectrum": {"energy_ev": np.arange(4.0)}}
    documents = written(estimate(curves=curve, curve_units={"energy_ev": "eV"}), curves="stored")
    for name, doc in documents:
        event_model.schema_validators[event_model.DocumentNames[name]].validate(
            event_model.sanitize_doc(doc)
        )
    keys = next(doc for name, doc in documents if doc.get("name") == "spectrum")["data_keys"]
    assert keys["energy_ev"]["shape"] == [4]
    assert keys["energy_ev"]["units"] == "eV"
    assert Result.from_documents(documents).curve_units == {"energy_ev": "eV"}


@pytest.mark.parametrize("curves", ["preview", "stored"])
def test_arrays_of_two_dimensions_come_back(curves):
    patterns = {"temperature_c": np.arange(3.0), "intensity": np.ones((3, 4), np.float32)}
    documents = written(estimate(curves={"patterns": patterns}), curves=curves)
    for name, doc in documents:
        event_model.schema_validators[event_model.DocumentNames[name]].validate(
            event_model.sanitize_doc(doc)
        )
    found = Result.from_documents(documents).curves["patterns"]
    np.testing.assert_array_equal(found["intensity"], patterns["intensity"])


def test_a_line_of_json_has_every_value_and_no_nan():
    line = Result.from_documents(written(estimate(value=None))).as_dict()
    text = json.dumps(line, allow_nan=False)
    assert json.loads(text)["values"] == {"edge_ev": None, "fraction_Li0.5NiO2/a": None}
    assert list(line) == [
        *("run_uid", "scan_id", "plan_name", "sample", "analysis", "mode"),
        *("status", "reason", "values", "sigmas", "units"),
    ]


CONDITIONS = {"material": "gradient", "cycles": 100, "cutoff_v": 4.4}


def test_conditions_come_back_and_stand_in_a_line():
    start = {"uid": "raw-uid", "scan_id": 7, "sample": "B7", **CONDITIONS}
    documents = written(estimate(), subject=Subject.of(start, "edge_position", "1"))
    for name, doc in documents:
        event_model.schema_validators[event_model.DocumentNames[name]].validate(
            event_model.sanitize_doc(doc)
        )
    result = Result.from_documents(documents)
    assert result.conditions == documents[0][1]["conditions"] == CONDITIONS
    line = result.as_dict()
    assert list(line)[3:8] == ["sample", "material", "cycles", "cutoff_v", "analysis"]
    assert {name: line[name] for name in CONDITIONS} == CONDITIONS


@pytest.mark.parametrize(
    ("start", "conditions"),
    [
        (
            {"sample": {"material": "gradient", "cycles": 50.0}},
            {"material": "gradient", "cycles": 50},
        ),
        ({"cycles": 1.5, "cutoff_v": float("nan"), "material": "", "series": 3}, {}),
        ({"cycles": True, "cutoff_v": 4}, {"cutoff_v": 4.0}),
        ({"cycles": -1, "series": "spring"}, {"series": "spring"}),
    ],
)
def test_conditions_that_are_none_are_left_out(start, conditions):
    assert conditions_of(start) == conditions


def test_the_last_update_counts():
    documents = written(estimate(1.0), estimate(2.0))
    assert Result.from_documents(documents).values["edge_ev"] == 2.0


def test_a_collector_tells_interleaved_results_apart_and_passes_raw_runs_over():
    one = written(estimate(1.0))
    two = written(estimate(2.0))
    raw = [("start", {"uid": "raw", "time": 0.0}), ("stop", {"run_start": "raw", "uid": "s"})]
    closed: list = []
    collector = ResultCollector(closed.append)
    for pairs in zip(one, two, strict=True):
        for name, doc in pairs:
            collector(name, doc)
    for name, doc in raw:
        collector(name, doc)
    assert [result.values["edge_ev"] for result in collector.results] == [1.0, 2.0]
    assert closed == collector.results
    assert collector.open == []


def test_documents_of_no_result_are_refused():
    with pytest.raises(ValueError, match="hold 0 results"):
        Result.from_documents([("start", {"uid": "raw", "time": 0.0})])


def test_a_value_without_a_unit_is_refused():
    with pytest.raises(ValueError, match="without a unit"):
        Estimate(Status.FINAL, "", {}, {"edge_ev": 1.0})


@pytest.mark.parametrize(
    ("start", "sample"),
    [
        ({"sample": "a"}, "a"),
        ({"sample": {"name": "b"}}, "b"),
        ({"sample_name": "c"}, "c"),
        ({"XDI": {"Sample": {"name": "d"}}}, "d"),
        ({"sample": {"formula": "NiO"}}, None),
        ({}, None),
    ],
)
def test_the_sample_is_found_wherever_beamlines_put_it(start, sample):
    assert sample_of(start) == sample
