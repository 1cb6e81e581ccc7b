"""Heating ramps as different beamlines record them: the same numbers out of each."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pytest
from heating_documents import (
    MAKERS,
    MeasuredRamp,
    RampRun,
    interleaved,
    measured_ramp,
    monitored_run,
    polled_run,
    stream_by_stream,
    table_run,
)
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from run_documents import TIME_S, Document, as_from_tiled, paged

from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.documents import RunReader

N_PATTERNS, N_BINS, N_SAMPLES = 6, 3000, 90
MASSES = ("18", "32", "44")


@pytest.fixture(scope="module")
def measured() -> MeasuredRamp:
    rng = np.random.default_rng(4)
    time_s = 4.0 * np.arange(1.0, N_SAMPLES + 1)
    return measured_ramp(
        time_s,
        25.0 + time_s / 15.0,
        {mass: 1e-9 * rng.normal(1.0, 0.01, N_SAMPLES) for mass in MASSES},
        list(rng.poisson(50.0, (N_PATTERNS, N_BINS)).astype(float)),
    )


def readings(
    run: RampRun, documents: Iterable[Document] | None = None
) -> tuple[RunReader, dict[str, dict[str, NDArray[Any]]]]:
    """Rows of each stream in order of time, with their times as columns."""
    beamline = Beamline.from_dict(run.configuration())
    reader = RunReader(beamline.roles("heating"), beamline.data.readable)
    parts: dict[str, list[Mapping[str, NDArray[Any]]]] = {}
    for name, doc in run.documents if documents is None else documents:
        for block in reader(name, doc):
            times = {clock: getattr(block, clock) for clock in ("time_s", "event_s", "stamp_s")}
            parts.setdefault(block.stream, []).append({**block.values, **times})
    found = {}
    for stream, blocks in parts.items():
        columns = {name: np.concatenate([part[name] for part in blocks]) for name in blocks[0]}
        order = np.argsort(columns["time_s"], kind="stable")
        found[stream] = {name: column[order] for name, column in columns.items()}
    return reader, found


def of_role(found: Mapping[str, Mapping[str, NDArray[Any]]], role: str) -> list[NDArray[Any]]:
    return [columns[role] for columns in found.values() if role in columns]


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        one[stream].keys() == other[stream].keys()
        and all(
            one[stream][role].tobytes() == other[stream][role].tobytes() for role in one[stream]
        )
        for stream in one
    )


@pytest.mark.parametrize("patterns", ["events", "lists", "datums", "streamed"])
@pytest.mark.parametrize("maker", MAKERS)
def test_every_makers_ramp_is_read(measured, tmp_path, maker, patterns) -> None:
    run = MAKERS[maker](measured, folder=tmp_path, patterns=patterns)
    reader, found = readings(run)
    assert reader.notes == []
    assert reader.missing() == {}
    [found_patterns] = of_role(found, "pattern")
    assert_array_equal(found_patterns.reshape(N_PATTERNS, N_BINS), measured.patterns)
    assert_array_equal(of_role(found, "two_theta_deg")[0][-1], measured.two_theta_deg)
    assert_array_equal(of_role(found, "exposure_s")[0], np.full(N_PATTERNS, 60.0))
    assert_array_equal(found["primary"]["time_s"], TIME_S + measured.pattern_s)
    if maker == "table":
        samples = np.searchsorted(measured.ion_s, measured.pattern_s, side="right") - 1
        assert_array_equal(found["primary"]["ion_32"], measured.currents["32"][samples])
        assert_array_equal(found["primary"]["temperature_c"], measured.temperature_c[samples])
        return
    ions = {"monitored": "rga_mz32_monitor"}.get(maker, "ions")
    furnace = {"monitored": "furnace_temperature_monitor"}.get(maker, "temperature")
    assert_array_equal(found[ions]["ion_32"], measured.currents["32"])
    assert_array_equal(found[ions]["stamp_s"], TIME_S + measured.ion_s)
    assert_array_equal(found[furnace]["temperature_c"], measured.temperature_c)
    if maker == "twice":
        assert len(of_role(found, "temperature_c")) == len(of_role(found, "ion_32")) == 2


@pytest.mark.parametrize("patterns", ["events", "datums", "streamed"])
@pytest.mark.parametrize("maker", MAKERS)
def test_any_order_of_streams_and_pages_of_any_length_give_the_same(
    measured, tmp_path, maker, patterns
) -> None:
    run = MAKERS[maker](measured, folder=tmp_path, patterns=patterns)
    _, expected = readings(run)
    rng = np.random.default_rng(11)
    for documents in (
        stream_by_stream(run.documents),
        stream_by_stream(run.documents, last_first=True),
        interleaved(run.documents, rng),
        interleaved(paged(run.documents, 7), rng),
        as_from_tiled(paged(run.documents, 1000)),
    ):
        assert same(readings(run, documents)[1], expected)


def test_the_two_clocks_of_a_fast_simulation_are_told(measured) -> None:
    _, found = readings(polled_run(measured, speed=100.0))
    assert_array_equal(found["ions"]["event_s"], TIME_S + measured.ion_s / 100.0)
    assert_array_equal(found["ions"]["stamp_s"], TIME_S + measured.ion_s)
    _, found = readings(monitored_run(measured, speed=100.0, stamps_late_s={"rga": 30.0}))
    of_mass = found["rga_mz32_monitor"]
    assert_array_equal(of_mass["event_s"], TIME_S + measured.ion_s / 100.0)
    assert_array_equal(of_mass["time_s"], TIME_S + measured.ion_s + 30.0)


def test_a_suspended_runs_monitors_give_each_reading_once(measured) -> None:
    _, expected = readings(monitored_run(measured))
    run = monitored_run(measured, suspended_s=[70.0, 133.0, 134.0])
    numbers = [doc["seq_num"] for name, doc in run.documents if name == "event"]
    assert len(numbers) > len(set(numbers)) + N_PATTERNS
    reader, found = readings(run)
    assert same(found, expected)
    assert reader.notes == []


@pytest.mark.parametrize("as_page", [False, True])
@pytest.mark.parametrize("patterns", ["events", "lists"])
@pytest.mark.parametrize("first", [2999, 3000])
def test_patterns_of_another_length_are_named_and_the_others_kept(
    measured, as_page, patterns, first
) -> None:
    lengths = [first, 3000, 3000, 0, 1500, 3000]
    odd = [np.resize(pattern, n) for pattern, n in zip(measured.patterns, lengths, strict=True)]
    ramp = measured_ramp(
        measured.ion_s,
        measured.temperature_c,
        measured.currents,
        odd,
        two_theta_deg=measured.two_theta_deg,
    )
    run = polled_run(ramp, patterns=patterns)
    reader, found = readings(run, paged(run.documents, 3) if as_page else None)
    assert found["primary"]["pattern"].shape == (N_PATTERNS, N_BINS)
    for row, n in enumerate(lengths):
        if n == N_BINS:
            assert_array_equal(found["primary"]["pattern"][row], measured.patterns[row])
        else:
            assert np.isnan(found["primary"]["pattern"][row]).all()
    assert reader.notes == [
        f"xrd_intensity: row of shape ({n},) instead of (3000,) (row {row})"
        for row, n in sorted(enumerate(lengths, 1), key=lambda one: f"({one[1]},)")
        if n != N_BINS
    ]
    assert_array_equal(found["ions"]["ion_32"], measured.currents["32"])


def test_readings_that_are_no_numbers_cost_nothing_else(measured) -> None:
    currents = {mass: of_mass.copy() for mass, of_mass in measured.currents.items()}
    currents["32"][[4, 7]] = np.nan
    temperature_c = measured.temperature_c.copy()
    temperature_c[11] = np.nan
    patterns = [pattern.copy() for pattern in measured.patterns]
    patterns[2][5] = np.nan
    ramp = measured_ramp(measured.ion_s, temperature_c, currents, patterns)
    for run in (polled_run(ramp), monitored_run(ramp)):
        reader, found = readings(run)
        assert reader.notes == [
            "furnace_temperature: no number (row 12)",
            "rga_mz32: no number (rows 5, 8)",
        ]
        for mass in MASSES:
            assert_array_equal(of_role(found, f"ion_{mass}")[0], currents[mass])
        assert_array_equal(of_role(found, "temperature_c")[0], temperature_c)
        assert_array_equal(found["primary"]["pattern"], patterns)


def test_a_mass_that_is_not_recorded_is_missing_with_the_nearest_there_are(measured) -> None:
    run = polled_run(measured)
    ions = run.heating["ion_current"] | {"28": "rga_mz28"}
    reader, found = readings(RampRun(run.documents, run.heating | {"ion_current": ions}))
    assert reader.missing() == {"ion_28": "rga_mz28"}
    assert reader.nearest("rga_mz28")[0] in {"rga_mz18", "rga_mz32"}
    assert of_role(found, "ion_28") == []
    assert_array_equal(found["ions"]["ion_32"], measured.currents["32"])


def test_a_ramp_without_patterns_is_one_table(measured) -> None:
    ramp = measured_ramp(measured.ion_s, measured.temperature_c, measured.currents)
    reader, found = readings(table_run(ramp))
    assert set(found) == {"primary"}
    assert_array_equal(found["primary"]["temperature_c"], measured.temperature_c)
    assert_array_equal(found["primary"]["ion_44"], measured.currents["44"])
    assert reader.notes == []


@pytest.mark.parametrize("as_page", [False, True])
def test_old_readings_of_the_mass_spectrometer_are_left_out_and_counted(measured, as_page) -> None:
    run = polled_run(measured, stale=[(4, 4), (4, 4), (20, 7)])
    reader, found = readings(run, paged(run.documents, 9) if as_page else None)
    keys = ", ".join(f"rga_mz{mass}" for mass in MASSES)
    assert reader.notes == [f"{keys}: an old reading again (rows 6, 7, 24)"]
    for mass in MASSES:
        assert_array_equal(found["ions"][f"ion_{mass}"], measured.currents[mass])
    assert_array_equal(found["temperature"]["temperature_c"], measured.temperature_c)


@pytest.mark.parametrize("patterns", ["events", "datums", "streamed"])
def test_an_old_reading_beside_a_pattern_costs_nothing_else(measured, tmp_path, patterns) -> None:
    ramp = measured_ramp(
        measured.ion_s[:20], measured.temperature_c, measured.currents, measured.patterns
    )
    reader, found = readings(table_run(ramp, folder=tmp_path, patterns=patterns))
    assert_array_equal(found["primary"]["pattern"].reshape(-1, N_BINS), measured.patterns)
    assert_array_equal(np.isnan(found["primary"]["ion_32"]), [0, 0, 1, 1, 1, 1])
    assert not np.isnan(found["primary"]["temperature_c"]).any()
    assert "rga_mz18, rga_mz32, rga_mz44: an old reading again (rows 3, 4, 5, 6)" in reader.notes


def test_a_point_measured_again_and_a_clock_that_stands_lose_nothing(measured) -> None:
    run = polled_run(measured)
    ions = next(d for n, d in run.documents if n == "descriptor" and d["name"] == "ions")["uid"]
    rows = [doc for name, doc in run.documents if doc.get("descriptor") == ions and name == "event"]
    for doc in rows:
        doc["timestamps"] = dict.fromkeys(doc["timestamps"], TIME_S)
    again = {**rows[-1], "uid": "again", "time": rows[-1]["time"] + 1.0}
    reader, found = readings(run, [*run.documents[:-1], ("event", again), run.documents[-1]])
    assert reader.notes == []
    assert_array_equal(found["ions"]["ion_32"][:-1], measured.currents["32"])
    assert found["ions"]["ion_32"][-1] == measured.currents["32"][-1]
