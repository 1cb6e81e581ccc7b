"""Parts of the command line that need no process of their own."""

from dataclasses import replace

import numpy as np
import pytest

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.catalogs import SourceError
from cgnmc_bluesky.cli.axis import Axis
from cgnmc_bluesky.cli.completeness import Completeness, Increment
from cgnmc_bluesky.cli.feeds import SocketFeed
from cgnmc_bluesky.cli.verifying import differences, versions_between
from cgnmc_bluesky.results import Result


@pytest.fixture
def result() -> Result:
    return Result(
        run_uid="u",
        scan_id=1,
        plan_name="xanes_scan",
        sample="NiO",
        analysis="edge_position",
        mode="transmission",
        status=Status.FINAL,
        reason="",
        values={"edge_ev": 8344.76, "edge_step": None},
        sigmas={"edge_ev": 0.02, "edge_step": None},
        units={"edge_ev": "eV", "edge_step": ""},
        curves={"spectrum": {"energy_ev": np.array([1.0, 2.0, np.nan])}},
        about={"analysis": {"version": "1", "parameters": {}, "references": []}},
    )


def _with_value(result: Result, edge_ev: float) -> Result:
    return replace(result, values={**result.values, "edge_ev": edge_ev})


def test_the_same_result_does_not_differ(result):
    again = replace(result, curves={"spectrum": {"energy_ev": np.array([1.0, 2.0, np.nan])}})
    assert differences([result], [again]) == []


def test_the_last_bit_differs(result):
    (text,) = differences([_with_value(result, float(np.nextafter(8344.76, 9e3)))], [result])
    assert text.startswith("edge_position transmission: edge_ev 8344.76")


def test_of_several_stored_results_the_last_counts(result):
    assert differences([result], [_with_value(result, 0.0), result]) == []


def test_what_is_there_once_only_differs(result):
    assert differences([result], []) == ["edge_position transmission: no stored result"]
    assert differences([], [result]) == ["edge_position transmission: stored, but not replayed"]


def test_curves_are_compared_too(result):
    other = replace(result, curves={"spectrum": {"energy_ev": np.array([1.0, 2.5, np.nan])}})
    assert differences([result], [other]) == [
        "edge_position transmission: curve spectrum energy_ev differs by up to 0.5"
    ]


def test_another_version_is_named_and_allowed_a_thousandth_of_a_sigma(result):
    about = {"analysis": {**result.about["analysis"], "version": "0"}}
    near = replace(_with_value(result, 8344.76 + 1e-5), about=about)
    far = replace(_with_value(result, 8344.76 + 1e-4), about=about)
    assert versions_between(result, near) == ["edge_position 1, was 0"]
    assert differences([result], [near]) == []
    assert len(differences([result], [far])) == 1


def test_another_library_is_named_and_allowed_a_thousandth_of_a_sigma(result):
    about = {"analysis": {**result.about["analysis"], "libraries": {"numpy": "1.0"}}}
    near = replace(_with_value(result, 8344.76 + 1e-5), about=about)
    assert versions_between(result, near) == ["numpy unknown, was 1.0"]
    assert differences([result], [near]) == []


def _run(uid: str, numbers: list[int], count: int):
    yield "start", {"uid": uid, "scan_id": 3}
    yield "descriptor", {"uid": f"{uid}-d", "run_start": uid, "name": "primary"}
    for number in numbers:
        yield "event", {"descriptor": f"{uid}-d", "seq_num": number, "uid": f"{uid}-{number}"}
    yield "stop", {"run_start": uid, "uid": f"{uid}-s", "num_events": {"primary": count}}


def _pass(documents) -> tuple[list[str], list[str]]:
    names: list[str] = []
    told: list[str] = []
    check = Completeness(lambda name, _: names.append(name), told.append)
    for name, doc in documents:
        check(name, doc)
    return names, told


def test_a_whole_run_passes_in_silence():
    names, told = _pass(_run("a", [1, 2, 3], 3))
    assert (len(names), told) == (6, [])


def test_lost_events_are_counted_and_numbered():
    _, told = _pass(_run("a", [1, 4, 6, 7], 8))
    assert told == [
        "scan 3 (a): 4 of 8 events of stream primary did not arrive (seq_num 2–3, 5, 8)"
    ]


def test_a_lost_stop_is_told_when_the_next_run_begins():
    _, told = _pass([*list(_run("a", [1], 1))[:-1], *_run("b", [1], 1)])
    assert told == ["scan 3 (a): its stop has not come, and another run begins"]


def test_a_run_whose_beginning_was_not_seen_is_left_out():
    names, told = _pass(list(_run("a", [1, 2], 2))[1:])
    assert names == []
    assert told == ["run a: left out, its beginning was before this watch or did not arrive"]


def test_growing_documents_are_passed_once():
    increment = Increment()
    documents = list(_run("a", [1, 2], 2))
    first = [increment.news(document) for document in documents[:3]]
    then = [increment.news(document) for document in documents]
    assert then[:3] == [None] * 3
    assert first + then[3:] == documents


def test_a_datum_that_grows_is_passed_in_its_parts():
    increment = Increment()

    def datum(stop):
        rows = {"start": 0, "stop": stop}
        numbers = {"start": 1, "stop": stop + 1}
        return {"uid": "sd", "descriptor": "d", "indices": rows, "seq_nums": numbers}

    news = [increment.news(("stream_datum", datum(stop))) for stop in (0, 3, 3, 5)]
    assert news[0] is news[2] is None
    parts = [(part[1]["indices"], part[1]["seq_nums"]) for part in (news[1], news[3])]
    assert parts == [
        ({"start": 0, "stop": 3}, {"start": 1, "stop": 4}),
        ({"start": 3, "stop": 5}, {"start": 4, "stop": 6}),
    ]


def test_rows_of_a_datum_are_accounted_for():
    start, descriptor, stop = _run("a", [], 3)
    rows, numbers = {"start": 0, "stop": 2}, {"start": 1, "stop": 3}
    datum = {"uid": "sd", "descriptor": "a-d", "indices": rows, "seq_nums": numbers}
    names, told = _pass([start, descriptor, ("stream_datum", datum), stop])
    assert names == ["start", "descriptor", "stream_datum", "stop"]
    assert told == ["scan 3 (a): 1 of 3 events of stream primary did not arrive (seq_num 3)"]


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:5578", "tcp://localhost:5578"])
def test_this_machine_may_send(address):
    SocketFeed(address, lambda *_: None, lambda _: None).stop()


@pytest.mark.parametrize(
    ("address", "named"), [("tcp://192.0.2.1:5578", "--trust"), ("tcp://x", "tcp://127")]
)
def test_others_may_not(address, named):
    with pytest.raises(SourceError, match=named):
        SocketFeed(address, lambda *_: None, lambda _: None)


def test_time_is_counted_from_the_first_scan():
    axis = Axis.of("time")
    for uid, time_s in (("a", 1e9), ("b", 1e9 + 1800)):
        axis.place({"uid": uid, "time": time_s})
    assert axis.places == {"a": 0.0, "b": 0.5}


def test_a_column_is_found_by_the_name_of_the_file(tmp_path):
    (tmp_path / "index.csv").write_text("file,x_Li,note\na.xdi,0.9,\nb.xdi,,\n")
    axis = Axis.of(f"{tmp_path / 'index.csv'}:x_Li")
    for name in ("a.xdi", "b.xdi"):
        axis.place({"uid": name, "file": name})
    assert (axis.label, axis.places) == ("x Li", {"a.xdi": 0.9})
    with pytest.raises(ValueError, match="it has file, x_Li, note"):
        Axis.of(f"{tmp_path / 'index.csv'}:charge")


def test_the_state_of_charge_may_be_the_axis(result):
    charge = {"analysis": "state_of_charge", "mode": None}
    charged = replace(result, **charge, values={"x_li": 0.45, "voltage_v": None})
    axis, other = Axis.of("x_li"), Axis.of("voltage_v")
    for each in (axis, other):
        each.place({"uid": "u", "time": 0.0}, [result, charged])
    assert (axis.places, axis.label) == ({"u": 0.45}, "x(Li), from the charge passed")
    assert other.places == {}
