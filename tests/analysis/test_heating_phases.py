import numpy as np
import pytest
from simulated_patterns import (
    LAYERED,
    ROCK_SALT,
    SPINEL,
    TWO_THETA_DEG,
    WAVELENGTH_A,
    Truth,
    block_of,
    measured,
    ramp,
)

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.analysis.heating.cells import CU_KA1_A, converted
from cgnmc_bluesky.analysis.heating.lattice import UNITS
from cgnmc_bluesky.analysis.heating.model import HeatingModel
from cgnmc_bluesky.analysis.heating.phases import PhasesAccumulator
from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.sim.decomposition import CHARGED, Decomposition
from cgnmc_bluesky.sim.diffraction import TWO_THETA_DEG as SIMULATED_DEG
from cgnmc_bluesky.sim.diffraction import PowderInstrument

MODEL = HeatingModel(wavelength_a=WAVELENGTH_A, exposure_s=60.0)
KEYS = {
    "pattern": "xrd_intensity",
    "two_theta_deg": "xrd_two_theta",
    "exposure_s": "xrd_exposure_s",
    "temperature_c": "furnace_temperature",
}
SHARES = ("layered_fraction", "spinel_fraction", "rock_salt_fraction")
CELLS = ("a_angstrom", "c_angstrom", "c_over_a", "split_108_110_deg", "i003_i104")


def temperatures(n, at_c=lambda time_s: 21.0 + 4.0 * time_s / 60.0):
    """Readings each 5 s, up to the end of the n-th pattern."""
    time_s = np.arange(0.0, 60.0 * n + 0.1, 5.0)
    number = np.arange(1, len(time_s) + 1)
    return Block("temperature", number, time_s, {"temperature_c": at_c(time_s)})


def accumulated(*blocks, model=MODEL):
    accumulator = PhasesAccumulator(model, KEYS)
    for block in blocks:
        accumulator.add(block)
    return accumulator


def told(*blocks, ended=True, model=MODEL):
    return accumulated(*blocks, model=model).estimate(ended=ended)


@pytest.fixture(scope="module")
def patterns():
    """Twenty patterns from the layered phase to the rock salt, with their truths."""
    rng = np.random.default_rng(5)
    return [(truth, measured(rng, truth)) for _, truth in ramp(20, counts=3000)]


@pytest.fixture(scope="module")
def blocks(patterns):
    rows = [block_of(n, counts) for n, (_, counts) in enumerate(patterns, start=1)]
    return [temperatures(len(rows)), *rows]


@pytest.fixture(scope="module")
def whole(blocks):
    return told(*blocks)


def same(one, other):
    assert one.values == other.values
    assert one.sigmas == other.sigmas
    assert one.reason == other.reason
    assert one.status == other.status
    assert one.curves.keys() == other.curves.keys()
    for group, arrays in one.curves.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, other.curves[group][name], err_msg=name)


def test_a_ramp_is_followed_from_one_phase_to_the_next(patterns, whole):
    series = whole.curves["series"]
    assert whole.status is Status.FINAL
    assert whole.n_points == 20
    shares = np.array([truth.shares for truth, _ in patterns])
    for column, name in enumerate(SHARES):
        np.testing.assert_allclose(series[name], shares[:, column], atol=0.03, err_msg=name)
    is_layered = shares[:, 0] > 0.5
    ratio = np.array([truth.c / truth.a for truth, _ in patterns])
    split = np.array([truth.split_deg() for truth, _ in patterns])
    np.testing.assert_allclose(series["c_over_a"][is_layered], ratio[is_layered], atol=1e-3)
    np.testing.assert_allclose(
        series["split_108_110_deg"][is_layered], split[is_layered], atol=0.01
    )
    gone = shares[:, 0] < 0.001
    for name in CELLS:
        assert np.isnan(series[name][gone]).all()
        assert np.isnan(series[f"{name}_sigma"][gone]).all()
    spinel = shares[:, 1] > 0.3
    known = np.array([truth.spinel_a for truth, _ in patterns])
    np.testing.assert_allclose(series["spinel_a_angstrom"][spinel], known[spinel], atol=3e-3)


def test_values_are_those_of_the_last_pattern_and_what_is_gone_has_none(whole):
    assert whole.units == UNITS
    assert all(whole.values[name] is None for name in CELLS)
    assert all(whole.sigmas[name] is None for name in CELLS)
    assert "no layered phase is left" in whole.reason
    assert whole.values["rock_salt_fraction"] == pytest.approx(0.98, abs=0.03)
    assert whole.values["rock_salt_a_angstrom"] == pytest.approx(4.1675, abs=1e-3)
    # the mean over the minute that ends at 20 min
    assert whole.values["temperature_c"] == pytest.approx(21 + 4 * 19.5, abs=0.01)


def test_shares_are_right_whatever_lines_there_are_and_whatever_atoms_scatter():
    """Of each phase the lines that everybody names, with a spinel nearly twice as bright."""
    named = {
        **dict.fromkeys([(0, 0, 3), (1, 0, 1), (1, 0, 4), (0, 1, 8), (1, 1, 0)], 1.0),
        **dict.fromkeys([(1, 1, 1), (2, 2, 0), (3, 1, 1), (4, 0, 0), (4, 4, 0), (2, 0, 0)], 1.0),
    }
    texture = {one: named.get(one, 0.0) for table in (LAYERED, SPINEL, ROCK_SALT) for one in table}
    rng, rows, shares = np.random.default_rng(3), [], []
    for number, (_, truth) in enumerate(ramp(24, counts=3000, texture=texture), start=1):
        shares.append(truth.shares)
        truth.shares = tuple(np.array(truth.shares) * [1.0, 1.8, 0.7])
        rows.append(block_of(number, measured(rng, truth)))
    series = told(*rows, temperatures(24)).curves["series"]
    for column, name in enumerate(SHARES):
        known = np.array(shares)[:, column]
        np.testing.assert_allclose(series[name], known, atol=0.03, err_msg=name)
        assert 0.4 < np.mean(np.abs(series[name] - known) < series[f"{name}_sigma"]) < 0.95, name


@pytest.mark.parametrize("material", ["conventional", "gradient"])
def test_the_simulated_beamlines_samples_are_told_as_they_are(material):
    """Cells that drift towards the cubic one while the phase is going, and broad new phases."""
    decomposition, instrument = Decomposition(CHARGED[material]), PowderInstrument()
    rng, rows, truths = np.random.default_rng(1), [], []
    for number in range(1, 31):
        states = []
        for _ in range(3):
            decomposition.advance(25.0 + 16.0 * number, 80.0)
            states.append(decomposition.state)
        counts = instrument.pattern(states, 60.0, rng)
        rows.append(block_of(number, counts, SIMULATED_DEG))
        seen = np.array([[*state.phases, *state.cells] for state in states])
        share = seen[:, 0] / seen[:, 0].sum() if seen[:, 0].sum() else np.full(3, 1 / 3)
        truths.append([*seen[:, :3].mean(axis=0), *(share @ seen[:, 3:5])])
    series = told(*rows, temperatures(30)).curves["series"]
    truths = np.array(truths)
    for column, name in enumerate(SHARES):
        np.testing.assert_allclose(series[name], truths[:, column], atol=0.03, err_msg=name)
    is_layered = truths[:, 0] > 0.5
    error = series["c_over_a"] - truths[:, 4] / truths[:, 3]
    assert np.sqrt(np.mean(error[is_layered] ** 2)) < 5e-4
    pulls = error[is_layered] / series["c_over_a_sigma"][is_layered]
    assert 0.45 < np.mean(np.abs(pulls) < 1) < 0.9


def test_the_spinels_own_line_has_a_significance(whole, patterns):
    series = whole.curves["series"]
    ratio = series["i220_spinel"] / series["i220_spinel_sigma"]
    shares = np.array([truth.shares for truth, _ in patterns])
    assert np.all(np.abs(ratio[shares[:, 1] < 0.001]) < 4)
    assert np.all(ratio[shares[:, 1] > 0.8] > 4)


def test_arrays_for_the_eye_are_all_there(whole, patterns):
    curves = whole.curves
    assert {len(array) for array in curves["series"].values()} == {20}
    assert {len(array) for array in curves["pattern"].values()} == {
        len(curves["pattern"]["counts"])
    }
    assert {"fit", "background", "layered", "spinel", "rock_salt"} <= set(curves["pattern"])
    np.testing.assert_allclose(
        curves["pattern"]["two_theta_cu_deg"],
        converted(curves["pattern"]["two_theta_deg"], WAVELENGTH_A),
    )
    image = curves["patterns"]["intensity"]
    assert image.shape == (20, 1000)
    assert image.dtype == np.float32
    np.testing.assert_allclose(image[3], patterns[3][1].reshape(-1, 3).mean(axis=1), rtol=1e-6)
    assert len(curves["axis"]["two_theta_deg"]) == 1000
    assert set(whole.curve_units) >= {"two_theta_deg", "time_s", "a_angstrom", "temperature_c"}


def test_it_makes_no_difference_in_which_order_rows_come(blocks, whole):
    order = np.random.default_rng(0).permutation(len(blocks))
    same(told(*[blocks[n] for n in order]), whole)


def test_it_makes_no_difference_when_one_asks_nor_how_rows_are_cut(blocks, whole):
    accumulator = accumulated()
    for n, block in enumerate(blocks[1:]):
        accumulator.add(block)
        if n % 4 == 0:
            accumulator.estimate()
    late = blocks[0]
    for part in np.array_split(np.arange(len(late)), 7):
        values = {role: array[part] for role, array in late.values.items()}
        accumulator.add(Block(late.stream, late.seq_num[part], late.time_s[part], values))
        accumulator.estimate()
    same(accumulator.estimate(ended=True), whole)


def test_all_patterns_may_come_in_one_block(blocks, whole):
    rows = blocks[1:]
    together = Block(
        "primary",
        np.concatenate([row.seq_num for row in rows]),
        np.concatenate([row.time_s for row in rows]),
        {
            role: np.concatenate([row.values[role] for row in rows])
            for role in ("pattern", "two_theta_deg")
        },
    )
    same(told(together, blocks[0]), whole)


def test_a_pattern_that_comes_late_has_those_after_it_fitted_again(blocks, whole):
    accumulator = accumulated(*blocks[:5], *blocks[6:])
    accumulator.estimate()
    accumulator.add(blocks[5])
    same(accumulator.estimate(ended=True), whole)


def test_a_pattern_that_is_measured_again_counts_once(blocks, whole):
    again = blocks[4]
    spoiled = Block(
        "primary",
        again.seq_num,
        again.time_s - 20.0,
        {**again.values, "pattern": again.values["pattern"] * 0.1},
    )
    same(told(*blocks, spoiled), whole)
    same(told(spoiled, *blocks), whole)


def test_while_the_run_goes_on_values_are_provisional(blocks):
    assert told(ended=False).status is Status.WAITING
    assert told(blocks[0], ended=True).status is Status.WAITING
    assert "xrd_intensity" in told(blocks[0]).reason
    first = told(*blocks[:3], ended=False)
    assert first.status is Status.PROVISIONAL
    assert first.values["layered_fraction"] == pytest.approx(1.0, abs=0.02)
    assert first.values["c_over_a"] == pytest.approx(14.40 / 2.82, abs=1e-3)


def test_axes_and_exposures_may_come_in_streams_of_their_own(patterns):
    _, counts = patterns[0]
    axis = Block("axis", np.array([1]), np.array([1.0]), {"two_theta_deg": TWO_THETA_DEG[None]})
    exposure = Block("axis", np.array([2]), np.array([1.0]), {"exposure_s": np.array([30.0])})
    rows = [block_of(n, counts, None) for n in (1, 2)]
    apart = told(*rows, temperatures(2), exposure, axis)
    assert apart.values["temperature_c"] == pytest.approx(21 + 4 * 1.75)
    inside = told(*[block_of(n, counts, exposure_s=30.0) for n in (1, 2)], temperatures(2))
    assert inside.values == apart.values


def test_an_axis_of_another_wavelength_gives_the_same_cell(patterns):
    _, counts = patterns[0]
    copper = HeatingModel(wavelength_a=CU_KA1_A, exposure_s=60.0)
    native = told(block_of(1, counts))
    found = told(block_of(1, counts, converted(TWO_THETA_DEG, WAVELENGTH_A)), model=copper)
    assert found.values["c_over_a"] == pytest.approx(native.values["c_over_a"], abs=3e-4)
    assert found.values["a_angstrom"] == pytest.approx(native.values["a_angstrom"], abs=5e-4)
    shown = found.curves["axis"]
    np.testing.assert_allclose(shown["two_theta_cu_deg"], shown["two_theta_deg"])


@pytest.mark.parametrize("factor", [0.013, 40.0])
def test_patterns_need_not_be_counts(patterns, factor):
    plain = told(block_of(1, patterns[0][1]))
    scaled = told(block_of(1, patterns[0][1] * factor))
    for name in ("c_over_a", "layered_fraction"):
        assert scaled.values[name] == pytest.approx(
            plain.values[name], abs=0.3 * plain.sigmas[name]
        )
        assert scaled.sigmas[name] == pytest.approx(plain.sigmas[name], rel=0.25)


def test_without_a_wavelength_patterns_are_shown_and_nothing_is_said_of_them(blocks):
    found = told(*blocks, model=HeatingModel(exposure_s=60.0))
    assert "wavelength_a" in found.reason
    assert found.values["temperature_c"] == pytest.approx(99.0, abs=0.01)
    assert all(found.values[name] is None for name in UNITS if name != "temperature_c")
    assert "two_theta_cu_deg" not in found.curves["axis"]
    assert found.curves["patterns"]["intensity"].shape == (20, 1000)


def test_without_angles_the_reason_names_their_key(patterns):
    found = told(block_of(1, patterns[0][1], None))
    assert found.values["a_angstrom"] is None
    assert "xrd_two_theta" in found.reason
    assert "furnace_temperature" in found.reason


def test_without_an_exposure_the_temperature_is_less_certain(blocks):
    found = told(*blocks[:6], model=HeatingModel(wavelength_a=WAVELENGTH_A))
    assert "xrd_exposure_s" in found.reason
    assert found.values["temperature_c"] == pytest.approx(21 + 4 * 5)
    assert found.sigmas["temperature_c"] == pytest.approx(2.0, abs=0.1)


def test_a_beam_dump_is_left_out_and_named(blocks, patterns, whole):
    dumped = [block_of(n, np.zeros(3000)) for n in (4, 5)]
    found = told(*blocks[:4], *dumped, *blocks[6:])
    assert "xrd_intensity left out (nothing but zeros): rows 4, 5" in found.reason
    assert np.isnan(found.curves["series"]["a_angstrom"][3:5]).all()
    for name in ("rock_salt_fraction", "rock_salt_a_angstrom"):
        assert found.values[name] == pytest.approx(whole.values[name], abs=0.01)
    last = told(*blocks[:4], dumped[0])
    assert "row 3 of xrd_intensity, the last that shows a phase" in last.reason
    assert last.values["temperature_c"] == pytest.approx(21 + 4 * 2.5)


def test_a_beam_that_comes_back_weaker_changes_no_share(patterns, whole):
    rng = np.random.default_rng(8)
    rows = []
    for n, (_, counts) in enumerate(patterns, start=1):
        weaker = rng.binomial(counts.astype(int), 0.3) if n > 6 else counts
        rows.append(block_of(n, weaker))
    found = told(*rows, temperatures(20)).curves["series"]
    shares = np.array([truth.shares for truth, _ in patterns])
    np.testing.assert_allclose(found["layered_fraction"], shares[:, 0], atol=0.05)
    np.testing.assert_allclose(found["spinel_fraction"], shares[:, 1], atol=0.06)


def test_bins_that_saw_nothing_are_left_out(patterns):
    counts = patterns[0][1].copy()
    counts[::37] = np.nan
    counts[1100:1130] = np.nan
    found = told(block_of(1, counts))
    plain = told(block_of(1, patterns[0][1]))
    assert found.values["c_over_a"] == pytest.approx(plain.values["c_over_a"], abs=5e-4)


def test_patterns_may_change_their_length(patterns):
    shorter = TWO_THETA_DEG[:2800:2]
    rng = np.random.default_rng(2)
    rows = [
        block_of(1, patterns[0][1]),
        block_of(2, measured(rng, patterns[1][0], shorter), shorter),
        block_of(3, patterns[2][1]),
        block_of(4, patterns[3][1][:2000]),
    ]
    found = told(*rows, temperatures(4))
    series = found.curves["series"]
    np.testing.assert_allclose(series["c_over_a"][:3], [14.4 / 2.82] * 3, atol=1e-3 + 5e-4)
    assert "left out (2000 bins, but 3000 angles): row 4" in found.reason
    assert found.curves["series"]["time_s"][-1] == 180.0


def test_patterns_of_nothing_fail_and_those_of_something_else_are_said_to_be_that():
    nothing = told(block_of(1, np.zeros(3000)), temperatures(1))
    assert nothing.status is Status.FAILED
    assert told(block_of(1, np.zeros(3000)), ended=False).status is Status.WAITING
    empty = Truth(shares=(0.0, 0.0, 0.0), background=400)
    other = told(block_of(1, measured(np.random.default_rng(0), empty)), temperatures(1))
    assert other.status is Status.FINAL
    assert "no layered phase found" in other.reason
    assert other.values["layered_fraction"] is None


def test_lines_of_something_else_are_named(patterns):
    stranger = 900 * np.exp(-(((TWO_THETA_DEG - 8.0) / 0.04) ** 2))
    found = told(block_of(1, patterns[0][1] + stranger), temperatures(1))
    assert "lines at 8.00° are of none of the phases" in found.reason
    assert found.values["c_over_a"] == pytest.approx(14.40 / 2.82, abs=1e-3)


def test_a_layered_cell_that_becomes_cubic_never_has_a_wrong_split_that_is_believed():
    """c/a falls to that of the spinel while the share of the phase does."""
    rng = np.random.default_rng(9)
    cubic_a = 8.15 / np.sqrt(8)
    rows, splits, n = [], [], 24
    for number, gone in enumerate(np.concatenate([[0.0] * 4, np.linspace(0, 1, n - 4)]), start=1):
        truth = Truth(
            a=2.82 + gone * (cubic_a - 2.82),
            c=14.40 + gone * (24**0.5 * cubic_a - 14.40),
            shares=(1 - 0.7 * gone, 0.7 * gone, 0.0),
            counts=4000,
            tail=2.0,
        )
        rows.append(block_of(number, measured(rng, truth)))
        splits.append(truth.split_deg())
    series = told(*rows, temperatures(n)).curves["series"]
    error = series["split_108_110_deg"] - splits
    known = np.isfinite(error)
    assert known[:12].all()
    assert not known[-1]
    assert np.abs(error[:12]).max() < 0.01
    assert np.all(np.abs(error[known]) < 5 * series["split_108_110_deg_sigma"][known] + 0.003)


def test_the_temperature_may_stand_in_the_same_rows(patterns):
    rows = [
        block_of(n, patterns[0][1], temperature_c=20.0 + 4.0 * n, exposure_s=60.0)
        for n in (1, 2, 3)
    ]
    assert told(*rows).values["temperature_c"] == pytest.approx(30.0)


def test_the_devices_clock_counts_where_it_is_asked_for(patterns):
    late = temperatures(3)
    rows = []
    for number in (1, 2, 3):
        row = block_of(number, patterns[0][1])
        rows.append(Block("primary", row.seq_num, row.time_s + 1e6, row.values, stamp_s=row.time_s))
    model = HeatingModel(clock="reading", wavelength_a=WAVELENGTH_A, exposure_s=60.0)
    stamped = Block("temperature", late.seq_num, late.time_s, late.values, stamp_s=late.time_s)
    assert told(*rows, stamped, model=model).values["temperature_c"] == pytest.approx(31.0)
    assert told(*rows, stamped).values["temperature_c"] is None
