"""Each kind of document that carries readings, and what is left out of them."""

import numpy as np
import pytest
from event_model import pack_event_page
from numpy.testing import assert_array_equal

from cgnmc_bluesky.documents import ReadingError, Role, RunReader

ROLES = {"energy_ev": Role("mono", "eV"), "i0": Role("i0", "")}


def test_an_event_gives_its_row_at_once(run, read, number) -> None:
    bundle = run.describe("primary", {"mono": number("eV"), "i0": number("A")})
    run.event(bundle, 1, 10.0, mono=8333.0, i0=1e-6)
    result = read(run.documents, ROLES)
    [block] = result.blocks
    assert block.stream == "primary"
    assert block.seq_num.tolist() == [1]
    assert block.seq_num.dtype == np.int64
    assert block.time_s.tolist() == [10.0]
    assert {role: values.tolist() for role, values in block.values.items()} == {
        "energy_ev": [8333.0],
        "i0": [1e-6],
    }
    assert result.reader.notes == []


def test_start_and_stop_are_at_hand(run, read, number) -> None:
    run.describe("primary", {"mono": number("eV")})
    reader = RunReader(ROLES)
    assert reader.start is None
    assert reader.stop is None
    for name, doc in run.stop():
        reader(name, doc)
    assert reader.start == run.documents[0][1]
    assert reader.stop == run.documents[-1][1]


@pytest.mark.parametrize("as_page", [False, True])
@pytest.mark.parametrize("key", [{}, {"shape": [2], "dtype": "array"}])
def test_both_clocks_of_a_row_are_told(run, read, number, as_page, key) -> None:
    bundle = run.describe("primary", {"mono": number("eV"), "i0": number(**key)})
    monitor = run.describe("t_monitor", {"t": number()})
    i0 = np.zeros(key.get("shape", [])).tolist()
    stamps = [{"mono": 3.0, "i0": 4.0}, {"mono": np.nan, "i0": 5.0}, {"mono": np.nan, "i0": np.nan}]
    events = [
        run.event(bundle, n, 10.0 * n, mono=8333.0, i0=i0, timestamps=of_row)
        for n, of_row in enumerate(stamps, 1)
    ]
    events.append(run.event(monitor, 1, 11.0, t=1.0, timestamps={"t": 7.0}))
    documents = run.documents[:3]
    pages = [
        ("event_page", pack_event_page(*events[:3])),
        ("event_page", pack_event_page(events[3])),
    ]
    documents = [*documents, *(pages if as_page else [("event", event) for event in events])]
    blocks = read(documents, ROLES | {"t": Role("t", "")}).blocks
    of_scan, [reading] = blocks[:-1], blocks[-1:]
    for clock, expected in (
        ("time_s", [10.0, 20.0, 30.0]),
        ("event_s", [10.0, 20.0, 30.0]),
        ("stamp_s", [4.0, 5.0, np.nan]),
    ):
        assert_array_equal(np.concatenate([getattr(b, clock) for b in of_scan]), expected)
    assert (reading.time_s, reading.event_s, reading.stamp_s) == (7.0, 11.0, 7.0)


def test_events_without_timestamps_have_one_clock(run, read, number) -> None:
    bundle = run.describe("primary", {"mono": number("eV")})
    event = run.event(bundle, 1, 10.0, mono=8333.0) | {"timestamps": {}}
    [block] = read([*run.documents[:2], ("event", event)], ROLES).blocks
    assert block.event_s.tolist() == [10.0]
    assert np.isnan(block.stamp_s).all()


def test_an_event_page_gives_one_block(run, read, number) -> None:
    bundle = run.describe("primary", {"mono": number("eV"), "i0": number()})
    events = [run.event(bundle, n, float(n), mono=8000.0 + n, i0=n) for n in (1, 2, 3)]
    documents = [*run.documents[:2], ("event_page", pack_event_page(*events))]
    [block] = read(documents, ROLES).blocks
    assert block.values["energy_ev"].tolist() == [8001.0, 8002.0, 8003.0]
    assert block.time_s.tolist() == [1.0, 2.0, 3.0]


def test_bulk_events_are_read(run, read, number) -> None:
    bundle = run.describe("primary", {"mono": number("eV")})
    events = [run.event(bundle, n, float(n), mono=8000.0 + n) for n in (1, 2)]
    result = read([*run.documents[:2], ("bulk_events", {"primary": events})], ROLES)
    assert result.columns()["primary"]["energy_ev"] == [8001.0, 8002.0]


def test_a_document_that_comes_twice_counts_once(run, read, number) -> None:
    bundle = run.describe("primary", {"mono": number("eV")})
    events = [run.event(bundle, n, float(n), mono=8000.0 + n) for n in (1, 2, 3)]
    page = pack_event_page(*events)
    documents = run.stop()
    twice = [pair for document in documents for pair in (document, document)]
    result = read([*twice, ("event_page", page)], ROLES)
    assert [len(block) for block in result.blocks] == [1, 1, 1]


def test_baseline_is_left_alone(run, read, number) -> None:
    bundle = run.describe("baseline", {"mono": number("eV")})
    run.event(bundle, 1, 0.0, mono=1.0)
    result = read(run.stop(), ROLES)
    assert result.blocks == []
    assert result.reader.missing() == {"energy_ev": "mono", "i0": "i0"}


def test_roles_of_two_streams_come_in_blocks_of_their_own(run, read, number) -> None:
    primary = run.describe("primary", {"mono": number("eV"), "i0": number()})
    monitor = run.describe("i0_monitor", {"i0": number()})
    run.event(primary, 1, 1.0, mono=8333.0, i0=5.0)
    run.event(monitor, 1, 1.5, i0=6.0)
    columns = read(run.stop(), ROLES).columns()
    assert columns["primary"]["i0"] == [5.0]
    assert columns["i0_monitor"] == {"seq_num": [1], "time_s": [1.5], "i0": [6.0]}


def test_a_point_measured_again_counts_as_it_was_measured_last(run, read, number) -> None:
    bundle = run.describe("primary", {"mono": number("eV"), "i0": number()})
    run.event(bundle, 1, 1.0, mono=8000.0, i0=1.0)
    run.event(bundle, 2, 2.0, mono=8001.0, i0=2.0)
    run.event(bundle, 2, 9.0, mono=8001.0, i0=3.0)
    columns = read(run.documents, ROLES).columns()
    assert columns["primary"]["i0"] == [1.0, 3.0]


@pytest.mark.parametrize("as_page", [False, True])
@pytest.mark.parametrize("external", [{}, {"external": "FILES:"}])
def test_of_events_alike_in_number_and_time_the_later_arrival_counts(
    run, read, number, as_page, external
) -> None:
    bundle = run.describe("primary", {"mono": number("eV"), "i0": number(**external)})
    events = [
        run.event(bundle, n, float(n), mono=8000.0 + n, i0=i0, filled={"i0": True})
        for n, i0 in ((1, 1.0), (2, 2.0), (2, 3.0), (3, 4.0))
    ]
    page = [*run.documents[:2], ("event_page", pack_event_page(*events))]
    columns = read(page if as_page else run.documents, ROLES).columns()
    assert columns["primary"]["i0"] == [1.0, 3.0, 4.0]


def test_a_stream_may_have_several_descriptors(run, read, number) -> None:
    for n, unit in ((1, "eV"), (2, "keV")):
        bundle = run.describe("primary", {"mono": number(unit)})
        run.event(bundle, n, float(n), mono=8.0)
    assert read(run.documents, ROLES).columns()["primary"]["energy_ev"] == [8.0, 8000.0]


def test_an_event_may_come_before_its_descriptor(run, read, number) -> None:
    bundle = run.describe("primary", {"mono": number("eV")})
    run.event(bundle, 1, 1.0, mono=8333.0)
    start, descriptor, event = run.documents
    assert read([start, event, descriptor], ROLES).columns()["primary"]["energy_ev"] == [8333.0]


@pytest.mark.parametrize("reading", [None, "nan", float("nan")])
@pytest.mark.parametrize("as_page", [False, True])
def test_a_missing_reading_is_nan_and_noted(run, read, number, reading, as_page) -> None:
    bundle = run.describe("primary", {"mono": number("eV"), "i0": number()})
    events = [
        run.event(bundle, 1, 1.0, mono=8000.0, i0=7.0),
        run.event(bundle, 2, 2.0, mono=8001.0, i0=reading),
    ]
    page = [*run.documents[:2], ("event_page", pack_event_page(*events))]
    result = read(page if as_page else run.documents, ROLES)
    assert_array_equal(result.columns()["primary"]["i0"], [7.0, np.nan])
    assert result.reader.notes == ["i0: no number (row 2)"]


@pytest.mark.parametrize("as_page", [False, True])
def test_what_is_no_number_is_nan_and_noted(run, read, number, as_page) -> None:
    bundle = run.describe("primary", {"mono": number("eV"), "i0": number()})
    readings = ("disconnected", {"value": 1}, 3.0)
    events = [
        run.event(bundle, n, float(n), mono=8000.0, i0=reading)
        for n, reading in enumerate(readings, 1)
    ]
    page = [*run.documents[:2], ("event_page", pack_event_page(*events))]
    result = read(page if as_page else run.documents, ROLES)
    assert_array_equal(result.columns()["primary"]["i0"], [np.nan, np.nan, 3.0])
    assert result.reader.notes == ["i0: no number (rows 1, 2)"]


def test_a_key_left_out_of_an_event_is_nan(run, read, number) -> None:
    bundle = run.describe("primary", {"mono": number("eV"), "i0": number()})
    run.event(bundle, 1, 1.0, mono=8000.0)
    assert_array_equal(read(run.documents, ROLES).columns()["primary"]["i0"], [np.nan])


def test_many_faulty_rows_are_counted(run, read, number) -> None:
    bundle = run.describe("primary", {"i0": number(), "mono": number()})
    for n in range(1, 21):
        run.event(bundle, n, float(n), i0=None, mono=1.0)
    assert read(run.documents, ROLES).reader.notes == ["i0: no number (20 rows)"]


def test_rows_that_never_came_are_noted(run, read, number) -> None:
    bundle = run.describe("primary", {"mono": number("eV"), "i0": number()})
    for n in range(1, 6):
        run.event(bundle, n, float(n), mono=8000.0 + n, i0=1.0)
    documents = run.stop()
    lost = [doc for doc in documents if doc[1].get("seq_num") not in {2, 5}]
    assert read(lost, ROLES).reader.notes == ["primary: row missing (rows 2, 5)"]


def test_arrays_keep_their_shape(run, read, number) -> None:
    spectrum = number(dtype="array", shape=[2, 4])
    bundle = run.describe("primary", {"xs": spectrum, "x": number("mm")})
    for n in (1, 2):
        run.event(bundle, n, float(n), xs=np.full((2, 4), n).tolist(), x=float(n))
    [first, second] = read(
        run.documents, {"spectra": Role("xs", ""), "x_um": Role("x", "um")}
    ).blocks
    assert first.values["spectra"].shape == (1, 2, 4)
    assert_array_equal(second.values["spectra"], np.full((1, 2, 4), 2.0))
    assert second.values["x_um"].tolist() == [2000.0]


@pytest.mark.parametrize("short_row", [1, 2])
def test_a_short_row_is_masked_and_noted_even_where_it_is_the_first(
    run, read, number, short_row
) -> None:
    bundle = run.describe("primary", {"xs": number(dtype="array", shape=[3, 4]), "x": number()})
    for n in (1, 2):
        run.event(bundle, n, float(n), xs=np.ones((2 if n == short_row else 3, 4)), x=0.0)
    result = read(run.documents, {"spectra": Role("xs", "")})
    spectra = result.tables()["primary"].column("spectra")
    assert spectra.shape == (2, 3, 4)
    assert np.isnan(spectra).all(axis=(1, 2)).tolist() == [n == short_row for n in (1, 2)]
    [note] = result.reader.notes
    assert note == f"xs: row of shape (2, 4) instead of (3, 4) (row {short_row})"


def test_shapes_that_the_descriptor_has_wrong_are_those_of_the_readings(run, read, number) -> None:
    bundle = run.describe("primary", {"xs": number(), "x": number()})
    run.event(bundle, 1, 1.0, xs=[1.0, 2.0], x=0.0)
    assert read(run.documents, {"spectra": Role("xs", "")}).blocks[0].values["spectra"].shape == (
        1,
        2,
    )


def test_a_monitor_is_known_by_its_timestamps(run, read, number) -> None:
    bundle = run.describe("mz32_monitor", {"mz32": number()})
    for seq_num, stamp in ((1, 0.5), (2, 1.5), (3, 1.5), (2, 2.5)):
        run.event(bundle, seq_num, stamp + 0.1, mz32=stamp * 10, timestamps={"mz32": stamp})
    columns = read(run.stop(), {"ion_current": Role("mz32", "")}).columns()
    assert columns["mz32_monitor"] == {
        "seq_num": [1, 2, 3],
        "time_s": [0.5, 1.5, 2.5],
        "ion_current": [5.0, 15.0, 25.0],
    }


def test_a_single_reading_beside_the_scan_is_a_monitor(run, read, number) -> None:
    bundle = run.describe("gas", {"mz32": number()})
    for seq_num in (1, 2):
        run.event(bundle, seq_num, float(seq_num), mz32=1.0, timestamps={"mz32": 0.25})
    columns = read(run.stop(), {"ion_current": Role("mz32", "")}).columns()
    assert columns["gas"]["time_s"] == [0.25]


def test_readings_of_the_scan_itself_may_repeat(run, read, number) -> None:
    bundle = run.describe("primary", {"i0": number()})
    for seq_num in (1, 2):
        run.event(bundle, seq_num, float(seq_num), i0=1.0, timestamps={"i0": 0.25})
    assert read(run.stop(), ROLES).columns()["primary"]["time_s"] == [1.0, 2.0]


@pytest.mark.parametrize("stop", [{}, None])
def test_a_run_without_an_end_is_read(run, read, number, stop) -> None:
    bundle = run.describe("primary", {"mono": number("eV")})
    run.event(bundle, 1, 1.0, mono=8333.0)
    documents = run.documents if stop is None else [*run.documents, ("stop", stop)]
    result = read(documents, ROLES)
    assert result.columns()["primary"]["energy_ev"] == [8333.0]
    assert result.reader.stop == stop


def test_missing_keys_and_their_neighbours_are_named(run, read, number) -> None:
    run.describe("primary", {"mono_energy": number("eV"), "i0": number(), "it": number()})
    reader = read(run.documents, ROLES).reader
    assert reader.missing() == {"energy_ev": "mono"}
    assert reader.nearest("mono_enrgy") == ["mono_energy"]
    assert reader.data_keys == {"mono_energy", "i0", "it"}


def test_documents_of_other_kinds_are_passed_over(read) -> None:
    assert read([("notice", {}), ("event", {"descriptor": "unheard of"})], ROLES).blocks == []


def test_a_reader_may_be_used_on_after_a_fault_of_the_configuration(run, number) -> None:
    bundle = run.describe("primary", {"mono": number("mm"), "i0": number()})
    run.event(bundle, 1, 1.0, mono=8333.0, i0=2.0)
    start, descriptor, event = run.documents
    reader = RunReader(ROLES)
    reader(*start)
    with pytest.raises(ReadingError, match="'mono' is recorded in 'mm'"):
        reader(*descriptor)
    [block] = reader(*event)
    assert {role: values.tolist() for role, values in block.values.items()} == {"i0": [2.0]}
    assert reader.notes == ["mono: unit 'mm' where 'eV' is meant"]
