from collections.abc import Sequence

import event_model
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulated_runs import documents_of

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.beamline import Beamline, ConfigurationMissing
from cgnmc_bluesky.callbacks.pipeline import Pipeline
from cgnmc_bluesky.callbacks.xanes import EdgePositionAnalysis, FractionAnalysis
from cgnmc_bluesky.results import Result, ResultCollector
from cgnmc_bluesky.standards import Library

KINDS = (EdgePositionAnalysis, FractionAnalysis)
LIBRARY = Library()


def results_of(documents, *, updates: bool = False, kinds=KINDS, **options) -> dict[str, Result]:
    collector = ResultCollector()
    pipeline = Pipeline(kinds, collector, library=LIBRARY, **options)
    for name, doc in documents:
        pipeline(name, doc)
        if updates:
            pipeline.update(curves=True)
    pipeline.close()
    return {result.analysis: result for result in collector.results}


def assert_identical(one: dict[str, Result], other: dict[str, Result]) -> None:
    assert one.keys() == other.keys()
    for name, result in one.items():
        assert result.as_dict() == other[name].as_dict()
        assert result.curves.keys() == other[name].curves.keys()
        for group, curves in result.curves.items():
            for curve, values in curves.items():
                np.testing.assert_array_equal(values, other[name].curves[group][curve])


def test_a_scan_comes_to_its_truth(scan):
    found = results_of(scan)
    truth = scan[0][1]["truth"]
    ni2 = found["ni2_fraction"]
    assert ni2.status is Status.FINAL
    assert ni2.values["ni2_fraction"] == pytest.approx(truth["valences"]["Ni"]["2"], abs=0.005)
    assert found["edge_position"].values["calibration_shift_ev"] == pytest.approx(
        truth["calibration_shift_ev"], abs=0.1
    )


def test_the_documents_of_results_are_valid_and_linked(scan):
    documents: list = []
    pipeline = Pipeline(KINDS, lambda name, doc: documents.append((name, doc)), library=LIBRARY)
    for name, doc in scan:
        pipeline(name, doc)
        if name == "event":
            pipeline.update(curves=True)
    for name, doc in documents:
        event_model.schema_validators[event_model.DocumentNames[name]].validate(
            event_model.sanitize_doc(doc)
        )
    starts = [doc for name, doc in documents if name == "start"]
    assert len(starts) == 2
    for start in starts:
        assert start["purpose"] == "analysis"
        assert start["parent_uid"] == scan[0][1]["uid"]
        assert "scan_id" not in start
        about = start["analysis"]
        assert about["parameters"]["edge"] == "Ni K"
        assert about["parameters"]["edge_energy_table"]
        assert all(len(reference["sha256"]) == 64 for reference in about["references"])
    streams = {doc["name"] for name, doc in documents if name == "descriptor"}
    assert streams == {"primary", "spectrum", "spectrum_preview"}
    keys = next(
        doc["data_keys"]
        for name, doc in documents
        if name == "descriptor" and doc["name"] == "primary" and "edge_ev" in doc["data_keys"]
    )
    assert keys["edge_ev"]["units"] == keys["edge_ev_sigma"]["units"] == "eV"


def test_intermediate_results_do_not_change_the_last(scan):
    assert_identical(results_of(scan), results_of(scan, updates=True))


def test_numbers_come_only_when_they_can_be_known(scan):
    """Statuses of a growing scan: waiting, then provisional, and final once."""
    statuses: list[tuple[str, str]] = []

    def sink(name, doc):
        if name == "event" and "status" in doc["data"]:
            data = doc["data"]
            statuses.append((data["status"], data.get("ni2_fraction")))

    pipeline = Pipeline((FractionAnalysis,), sink, library=LIBRARY)
    for name, doc in scan:
        pipeline(name, doc)
        pipeline.update()
    kinds = [status for status, _ in statuses]
    assert kinds == sorted(kinds, key=["waiting", "provisional", "final"].index)
    assert kinds.count("final") == 1
    assert all(np.isnan(value) for status, value in statuses if status == "waiting")
    errors = [abs(value - 0.33) for status, value in statuses if status == "provisional"]
    assert len(errors) > 20
    assert max(errors) < 0.05


def as_pages(documents, sizes: Sequence[int]):
    """The same run with its events in pages of those sizes, in turn."""
    events = [doc for name, doc in documents if name == "event"]
    found = [pair for pair in documents if pair[0] in {"start", "descriptor"}]
    at = turn = 0
    while at < len(events):
        size = sizes[turn % len(sizes)]
        page = event_model.pack_event_page(*events[at : at + size])
        found.append(("event_page", page))
        at, turn = at + size, turn + 1
    return [*found, *(pair for pair in documents if pair[0] == "stop")]


@given(sizes=st.lists(st.integers(1, 60), min_size=1, max_size=8))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_of_any_size_give_the_same_bits(scan, sizes):
    assert_identical(results_of(scan), results_of(as_pages(scan, sizes), updates=True))


@given(data=st.data())
@settings(max_examples=10)
def test_events_in_any_order_and_twice_give_the_same_bits(scan, data):
    events = [pair for pair in scan if pair[0] == "event"]
    shuffled = data.draw(st.permutations(events))
    others = [pair for pair in scan if pair[0] != "event"]
    again = [*others[:-1], *shuffled, *shuffled[:7], others[-1]]
    assert_identical(results_of(scan), results_of(again))


def test_a_point_measured_again_counts_by_its_last_reading(scan):
    again = []
    for name, doc in scan:
        if name == "event" and doc["seq_num"] == 40:
            bad = {**doc, "uid": "first", "time": doc["time"] - 0.01}
            again.append((name, {**bad, "data": {**doc["data"], "it": doc["data"]["it"] / 2}}))
        again.append((name, doc))
    assert_identical(results_of(scan), results_of(again))


def test_documents_that_end_without_a_stop_are_provisional(scan):
    found = results_of(scan[:-1])
    for result in found.values():
        assert result.status is Status.PROVISIONAL
        assert "no stop document" in result.reason
    values = found["ni2_fraction"].values
    assert values == results_of(scan)["ni2_fraction"].values


def test_an_empty_stop_is_no_stop(scan):
    assert results_of([*scan[:-1], ("stop", {})])["ni2_fraction"].status is Status.PROVISIONAL


def test_an_aborted_scan_says_so(scan):
    stop = {**scan[-1][1], "exit_status": "abort", "reason": "lunch"}
    events = scan[:-1]
    whole = results_of([*events, ("stop", stop)])["ni2_fraction"]
    assert whole.status is Status.FINAL
    assert "abort: lunch" in whole.reason
    early = results_of([*events[:8], ("stop", stop)])["ni2_fraction"]
    assert early.status is Status.WAITING
    assert early.values["ni2_fraction"] is None


def test_a_run_of_something_else_gives_no_line(scan, counted):
    other = list(counted(beamline={"xanes": {"energy_ev": "e", "mutrans": "m"}}))
    assert results_of(other) == {}


def test_the_baseline_stream_is_left_alone(scan):
    descriptor = next(
        doc for name, doc in scan if name == "descriptor" and doc["name"] == "primary"
    )
    event = next(doc for name, doc in scan if name == "event")
    base = {**descriptor, "uid": "base", "name": "baseline"}
    reading = {**event, "uid": "based", "descriptor": "base", "data": {**event["data"], "it": 1e-3}}
    with_baseline = [scan[0], ("descriptor", base), ("event", reading), *scan[1:]]
    assert_identical(results_of(scan), results_of(with_baseline))


def test_without_any_configuration_there_is_an_error(scan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    start = {name: value for name, value in scan[0][1].items() if name != "beamline"}
    with pytest.raises(ConfigurationMissing, match=r"cgnmc check"):
        results_of([("start", start), *scan[1:]])


def test_a_wrong_reference_is_a_failed_result_with_its_name_and_all_keys(scan):
    wrong = {"name": "NiO", "edge": "Ni K", "valence": 2, "file": "/nowhere/nio.xdi"}
    roles = {**scan[0][1]["beamline"], "reference": [wrong, {**wrong, "name": "X", "valence": 3}]}
    found = results_of(scan, beamline=Beamline.from_dict(roles))
    for result in found.values():
        assert result.status is Status.FAILED
        assert "nio.xdi" in result.reason
        assert result.values
        assert set(result.values.values()) == {None}
    assert set(found) == {"edge_position", "ni2_fraction"}
    assert "fraction_X" in found["ni2_fraction"].values


def test_a_run_without_any_data_waits(scan):
    for documents in ([scan[0]], [scan[0], scan[-1]]):
        for result in results_of(documents).values():
            assert result.status is Status.WAITING
            assert "edge_ev" in result.values or "ni2_fraction" in result.values


def test_readings_in_arrays_of_one_are_readings(scan):
    in_arrays = []
    for name, doc in scan:
        if name == "descriptor" and "it" in doc["data_keys"]:
            keys = {k: {**v, "shape": [1], "dtype": "array"} for k, v in doc["data_keys"].items()}
            in_arrays.append((name, {**doc, "data_keys": keys}))
        elif name == "event" and "it" in doc["data"]:
            data = {key: [value] for key, value in doc["data"].items()}
            in_arrays.append((name, {**doc, "data": data}))
        else:
            in_arrays.append((name, doc))
    assert_identical(results_of(in_arrays), results_of(scan))


def test_a_foil_in_a_stream_of_its_own_is_found(scan):
    descriptor = next(
        doc for name, doc in scan if name == "descriptor" and "ir" in doc["data_keys"]
    )
    apart = []
    for name, doc in scan:
        if name == "descriptor" and doc is descriptor:
            keys = dict(doc["data_keys"])
            foil = {**doc, "uid": "foil", "name": "foil", "data_keys": {"ir": keys.pop("ir")}}
            apart += [(name, {**doc, "data_keys": keys}), (name, foil)]
        elif name == "event" and "ir" in doc["data"]:
            rest = {key: value for key, value in doc["data"].items() if key != "ir"}
            stamps = {"ir": doc["timestamps"]["ir"]}
            foil = {"descriptor": "foil", "uid": f"{doc['uid']}-ir", "timestamps": stamps}
            apart += [
                (name, {**doc, "data": rest}),
                (name, {**doc, **foil, "data": {"ir": doc["data"]["ir"]}}),
            ]
        else:
            apart.append((name, doc))
    found, whole = results_of(apart), results_of(scan)
    for analysis, result in whole.items():
        assert found[analysis].values == pytest.approx(result.values, nan_ok=True)


def test_optional_keys_that_are_not_there_are_named(scan):
    roles = {name: dict(v) if name == "xanes" else v for name, v in scan[0][1]["beamline"].items()}
    roles["xanes"]["dark"] = {"i0": "i0_dark"}
    found = results_of(scan, beamline=Beamline.from_dict(roles))
    assert "no i0_dark" in found["ni2_fraction"].reason


def test_an_edge_that_the_scan_does_not_hold_gives_no_number(scan):
    for edge in ("Fe K", "Ni L3"):
        found = results_of([("start", {**scan[0][1], "edge": edge}), *scan[1:]])["edge_position"]
        assert found.values["edge_ev"] is None
        assert found.values["calibration_shift_ev"] is None


def in_unit(documents, unit: str, factor: float = 1.0):
    """The same run, its energy described in another unit and its numbers multiplied."""
    for name, doc in documents:
        if name == "descriptor" and "mono_energy" in doc["data_keys"]:
            keys = dict(doc["data_keys"])
            keys["mono_energy"] = {**keys["mono_energy"], "units": unit}
            yield name, {**doc, "data_keys": keys}
        elif name == "event" and "mono_energy" in doc["data"]:
            energy = doc["data"]["mono_energy"] * factor
            yield name, {**doc, "data": {**doc["data"], "mono_energy": energy}}
        else:
            yield name, doc


def test_a_unit_of_another_dimension_is_a_failed_result(scan):
    found = results_of(in_unit(scan, "deg"))["edge_position"]
    assert found.status is Status.FAILED
    assert "mono_energy" in found.reason
    assert "deg" in found.reason


def test_kilo_electronvolts_are_converted(scan):
    found = results_of(in_unit(scan, "keV", 1e-3))["ni2_fraction"].values["ni2_fraction"]
    assert found == pytest.approx(results_of(scan)["ni2_fraction"].values["ni2_fraction"], abs=1e-9)


def test_the_edge_is_told_by_the_range_where_nobody_names_it(scan):
    unnamed = {name: v for name, v in scan[0][1].items() if name not in {"edge", "XDI"}}
    found = results_of([("start", unnamed), *scan[1:]], updates=True)
    assert_identical(found, results_of(scan))


@pytest.mark.parametrize("element", ["Mn", "Co"])
def test_other_elements_and_valences_come_by_their_names(element):
    documents = documents_of(edge=f"{element} K", seed=2)
    name = {"Mn": "mn2_fraction", "Co": "co2_fraction"}[element]
    highest = {"Mn": "mn4_fraction", "Co": "co3_fraction"}[element]
    found = results_of(documents)[name]
    assert found.status is Status.FINAL
    assert found.values[highest] == pytest.approx(1.0, abs=0.02)


FAULTS = {
    "nan": {"kind": "nan", "points": [40, 41], "channel": "it"},
    "negative": {"kind": "negative", "points": [40], "channel": "it"},
    "zero": {"kind": "zero", "points": [40], "channel": "i0"},
    "glitch": {"kind": "glitch", "energy_ev": 8360.0},
    "saturated": {"kind": "saturated", "points": list(range(30, 38)), "channel": "i0"},
    "dump": {"kind": "dump", "points": list(range(90, 100))},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_of_the_beamline_are_named_and_harmless(fault, scan):
    from cgnmc_bluesky.sim import Fault

    found = results_of(documents_of(faults=[Fault(**FAULTS[fault])]))["ni2_fraction"]
    assert found.status is Status.FINAL
    assert found.reason
    assert found.values["ni2_fraction"] == pytest.approx(0.33, abs=0.02)


def test_a_foil_of_another_element_and_no_foil():
    for foil in ("Co", None):
        found = results_of(documents_of(foil=foil))["edge_position"]
        assert found.values["calibration_shift_ev"] is None
        assert "energies are" in found.reason
