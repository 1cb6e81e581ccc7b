"""Capacity and dQ/dV against what a simulated cell passed, and against published curves."""

import numpy as np
import pytest

from cgnmc_bluesky.analysis.cycling.accumulator import CyclingAccumulator, CyclingModel
from cgnmc_bluesky.analysis.cycling.charge import Unusable, count
from cgnmc_bluesky.analysis.cycling.halves import halves_of
from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.sim import SimulatedCycler
from cgnmc_bluesky.spectra import read_record

MASS_MG = 8.0
HOUR_S = 3600.0


def block_of(time_s, voltage_v, current_a=None, **more) -> Block:
    n_rows = len(time_s)
    values = {"voltage_v": np.asarray(voltage_v, float), **more}
    if current_a is not None:
        values["current_a"] = np.asarray(current_a, float)
    return Block("primary", np.arange(1, n_rows + 1), np.asarray(time_s, float), values)


def rows_of(cycler: SimulatedCycler) -> Block:
    rows = cycler.rows
    more = {"capacity_mah": rows.capacity_mah, "cycle": rows.cycle}
    return block_of(rows.time_s, rows.voltage_v, rows.current_a, **more)


def told(*blocks: Block, ended: bool = True, keys=None, **model):
    accumulator = CyclingAccumulator(CyclingModel(**model), keys or {})
    for block in blocks:
        accumulator.add(block)
    return accumulator.estimate(ended=ended)


def steps(*parts: tuple[float, float, float, float], row_s: float = 60.0) -> Block:
    """Rows of steps of a constant current: hours, amperes, first and last voltage."""
    time_s, current_a, voltage_v, begin_s = [], [], [], 0.0
    for hours, amperes, first_v, last_v in parts:
        n_rows = round(hours * HOUR_S / row_s)
        time_s.append(begin_s + row_s * np.arange(1, n_rows + 1))
        current_a.append(np.full(n_rows, amperes))
        voltage_v.append(np.linspace(first_v, last_v, n_rows))
        begin_s += hours * HOUR_S
    return block_of(*map(np.concatenate, (time_s, voltage_v, current_a)))


@pytest.fixture(scope="module")
def ageing() -> SimulatedCycler:
    return SimulatedCycler(cycles=(1, 2, 40, 70, 85, 100), row_s=60.0, seed=4)


def test_capacities_are_what_the_cell_passed(ageing):
    found = told(rows_of(ageing), active_mass_mg=MASS_MG)
    truth = ageing.truth()
    assert found.status == "final"
    assert found.values["cycles"] == 6
    assert found.values["charge_capacity_mah_per_g"] == pytest.approx(
        truth[-1].charge_mah_per_g, abs=0.02
    )
    assert found.values["discharge_capacity_mah"] == pytest.approx(
        truth[-1].discharge_mah_per_g * MASS_MG / 1e3, abs=2e-4
    )
    assert found.values["coulombic_efficiency"] == pytest.approx(0.997, abs=3e-4)
    kept = truth[-1].discharge_mah_per_g / truth[0].discharge_mah_per_g
    assert found.values["capacity_retention"] == pytest.approx(kept, abs=3e-4)
    assert "a gram of 8 mg, whose uncertainty is not included" in found.reason
    each = found.curves["cycles"]
    passed = [cycle.discharge_mah_per_g for cycle in truth]
    np.testing.assert_allclose(each["discharge_capacity"], passed, atol=0.05)


def test_the_peak_of_dqdv_is_followed_while_it_moves_and_fades(ageing):
    found = told(rows_of(ageing), active_mass_mg=MASS_MG)
    each, truth = found.curves["cycles"], ageing.truth()
    off = (each["peak_v"] - [cycle.peak_v for cycle in truth]) / each["peak_v_sigma"]
    assert np.abs(off).max() < 3.0
    height = (each["peak_height"] - [one.peak_height for one in truth]) / each["peak_height_sigma"]
    assert np.abs(height).max() < 3.0
    shift_v = truth[-1].peak_v - truth[0].peak_v
    sigma_v = found.sigmas["dqdv_peak_shift_v"]
    assert sigma_v < 0.006
    assert found.values["dqdv_peak_shift_v"] == pytest.approx(shift_v, abs=3.0 * sigma_v)
    assert found.values["dqdv_peak_shift_v"] > 10.0 * sigma_v


def test_dqdv_integrates_to_the_charge(ageing):
    found = told(rows_of(ageing), active_mass_mg=MASS_MG)
    curves = found.curves["dqdv"]
    part = (curves["dqdv_cycle"] == 2.0) & (curves["dqdv_direction"] == 1.0)
    charge = np.trapezoid(curves["dqdv"][part], curves["dqdv_v"][part])
    assert charge == pytest.approx(found.curves["cycles"]["charge_capacity"][1], rel=0.005)


def test_rows_may_come_in_any_blocks(ageing):
    rows = rows_of(ageing)
    random = np.random.default_rng(1)
    cuts = np.sort(random.choice(len(rows), 12, replace=False))
    parts = np.split(np.arange(len(rows)), cuts)
    random.shuffle(parts)
    blocks = [
        Block(
            "primary",
            rows.seq_num[part],
            rows.time_s[part],
            {role: values[part] for role, values in rows.values.items()},
        )
        for part in parts
    ]
    whole, cut = told(rows, active_mass_mg=MASS_MG), told(*blocks, active_mass_mg=MASS_MG)
    assert whole.values == cut.values
    assert whole.sigmas == cut.sigmas
    for group, arrays in whole.curves.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, cut.curves[group][name])


def test_a_peak_that_has_vanished_is_no_number():
    old = SimulatedCycler(cycles=(2, 100, 180), row_s=60.0)
    found = told(rows_of(old), active_mass_mg=MASS_MG, peak_window_v=(3.7, 3.85))
    assert np.isnan(old.truth()[-1].peak_v)
    assert found.values["dqdv_peak_v"] is None
    assert found.values["dqdv_peak_shift_v"] is None
    assert found.values["capacity_retention"] is not None
    assert "of dQ/dV, at 3.75" in found.reason
    assert "has vanished after cycle 100" in found.reason


def test_rests_pulses_and_constant_voltage_do_not_end_a_half_cycle():
    rows = steps(
        (0.5, 0.0, 3.0, 3.0),
        (1.0, 1e-3, 3.5, 3.9),
        (0.5, 0.0, 3.85, 3.85),
        (1.0, 2e-3, 3.9, 4.3),
        (0.02, -1e-3, 4.2, 4.2),
        (0.5, 0.5e-3, 4.3, 4.3),
        (3.0, -1e-3, 4.2, 2.7),
        (0.5, 0.0, 2.9, 2.9),
    )
    cell = count(rows, {})
    halves = halves_of(cell)
    assert [half.sign for half in halves] == [1, -1]
    assert all(half.is_whole for half in halves)
    assert halves[0].charge == pytest.approx(3.25 - 0.02, abs=0.01)
    assert halves[1].charge == pytest.approx(3.0, abs=0.01)


def test_cycles_at_another_rate_are_not_compared():
    formation = [(10.0, 0.2e-3, 3.5, 4.3), (10.0, -0.2e-3, 4.2, 2.7)]
    usual = [(2.0, 0.9e-3, 3.5, 4.3), (2.0, -0.9e-3, 4.2, 2.7)]
    worn = [(1.0, 0.9e-3, 3.5, 4.3), (1.0, -0.9e-3, 4.2, 2.7), (0.2, 0.0, 2.8, 2.8)]
    found = told(steps(*formation, *usual, *worn))
    assert found.values["capacity_retention"] == pytest.approx(0.5, abs=0.02)
    assert "compared with cycle 2, the first at the same rate" in found.reason


def test_without_a_mass_values_are_in_mah(ageing):
    found = told(rows_of(ageing))
    assert found.values["charge_capacity_mah_per_g"] is None
    assert found.values["charge_capacity_mah"] > 1.0
    assert found.units["dqdv_peak_height"] == "mAh/V"
    assert "no active_mass_mg: capacities in mAh alone" in found.reason


def test_no_whole_cycle_is_said():
    charging = steps((0.2, 0.0, 3.0, 3.0), (2.0, 1e-3, 3.5, 4.0))
    early = told(charging)
    assert early.status == "waiting"
    assert early.values["charge_capacity_mah"] is None
    assert "no half cycle is over yet; the run ended before that" in early.reason
    charged = told(steps((2.0, 1e-3, 3.5, 4.3), (0.5, 0.0, 4.2, 4.1)))
    assert charged.status == "final"
    assert charged.values["charge_capacity_mah"] == pytest.approx(2.0, abs=0.02)
    assert charged.values["coulombic_efficiency"] is None
    assert "no whole cycle: the values are those of a charge alone" in charged.reason


def test_a_cyclers_count_that_differs_is_named(ageing):
    rows = ageing.rows
    more = {"capacity_mah": 1.05 * rows.capacity_mah}
    block = block_of(rows.time_s, rows.voltage_v, rows.current_a, **more)
    found = told(block, keys={"capacity_mah": "Q"})
    assert "Q is 5.0% above the charge counted here" in found.reason


def test_readings_that_are_no_numbers_are_left_out_and_counted(ageing):
    rows = rows_of(ageing)
    voltage_v = rows.values["voltage_v"].copy()
    voltage_v[[50, 700]] = np.nan
    clean = told(rows, active_mass_mg=MASS_MG)
    found = told(
        block_of(rows.time_s, voltage_v, rows.values["current_a"]),
        keys={"voltage_v": "Ewe"},
        active_mass_mg=MASS_MG,
    )
    assert "2 rows without a number in Ewe left out" in found.reason
    name = "discharge_capacity_mah_per_g"
    assert found.values[name] == pytest.approx(clean.values[name], abs=0.5)


@pytest.mark.parametrize(
    ("factors", "said"),
    [
        ((1e3, 1.0), 'Ewe is around 37.., .* in V: if it is in mV, give voltage_unit = "mV"'),
        ((1.0, 1e9), 'I is around .*: if it is in mA, give current_unit = "mA"'),
        ((np.nan, 1.0), "no row holds numbers in all of Ewe, I"),
    ],
)
def test_units_that_nobody_names_are_not_guessed(ageing, factors, said):
    rows = ageing.rows
    block = block_of(rows.time_s, factors[0] * rows.voltage_v, factors[1] * rows.current_a)
    with pytest.raises(Unusable, match=said.replace("37..", r"\d+")):
        count(block, {"voltage_v": "Ewe", "current_a": "I"})
    assert told(block).status == "failed"


def test_published_curves_have_their_peaks_where_they_were_published(shared):
    record = read_record(shared / "galvanostatic" / "pybamm_nmc_LGM50_ocp_Chen2020.csv")
    values = {role: record.columns[name] for role, name in record.roles.items()}
    found = told(block_of(record.time_s, values.pop("voltage_v"), **values), mah_per_g=275.0)
    peaks_v = found.curves["peaks"]["peaks_v"]
    # the lowest is a hump with a flat top
    for published_v, within_v in ((3.73, 0.02), (4.01, 0.01), (4.18, 0.01)):
        assert np.abs(peaks_v - published_v).min() < within_v
    assert found.values["dqdv_peak_v"] == pytest.approx(4.18, abs=0.01)
    assert found.values["discharge_capacity_mah_per_g"] == pytest.approx(275.0 * 0.7512, rel=0.01)


def test_curves_against_charge_are_cycles_with_their_own_numbers(shared):
    record = read_record(shared / "galvanostatic" / "hailijia_811.csv")
    values = {role: record.columns[name] for role, name in record.roles.items()}
    rows = block_of(record.time_s, values.pop("voltage_v"), **values)
    found = told(rows)
    cycles = found.curves["cycles"]
    assert cycles["cycle"].tolist() == [1.0, 2.0, 5.0, 10.0]
    assert cycles["charge_capacity"][0] == pytest.approx(246.87, abs=0.3)
    assert found.values["charge_capacity_mah"] is None
    assert found.values["discharge_capacity_mah_per_g"] == pytest.approx(199.0, abs=0.3)


def test_a_current_with_the_other_sign_is_refused_or_turned(ageing):
    rows = ageing.rows
    turned = block_of(rows.time_s, rows.voltage_v, -rows.current_a)
    refused = told(turned, keys={"current_a": "I"})
    assert refused.status == "failed"
    assert "I is positive where the voltage falls" in refused.reason
    assert "charge_sign = -1" in refused.reason
    right = told(block_of(rows.time_s, rows.voltage_v, rows.current_a))
    assert told(turned, charge_sign=-1).values == right.values


def test_a_count_that_goes_up_and_down_needs_no_current(ageing):
    rows = ageing.rows
    found = told(block_of(rows.time_s, rows.voltage_v, capacity_mah=rows.capacity_mah))
    counted = told(rows_of(ageing))
    assert found.values["cycles"] == counted.values["cycles"]
    name = "discharge_capacity_mah"
    assert found.values[name] == pytest.approx(counted.values[name], rel=1e-3)


def test_voltage_and_current_may_be_monitored_apart(ageing):
    rows = ageing.rows
    voltage = block_of(rows.time_s, rows.voltage_v)
    current = block_of(rows.time_s + 1.0, rows.voltage_v, rows.current_a)
    apart = Block("i_monitor", current.seq_num, current.time_s, {"current_a": rows.current_a})
    found = told(apart, voltage)
    whole = told(rows_of(ageing))
    name = "charge_capacity_mah"
    assert found.values[name] == pytest.approx(whole.values[name], rel=0.01)
    assert told(voltage, apart).values == found.values


def test_hours_without_rows_are_named_and_uncertain():
    whole = steps((5, 1e-3, 3.0, 4.3), (5, -1e-3, 4.3, 3.0), (0.2, 0.0, 3.0, 3.0))
    is_kept = (whole.time_s < 2 * HOUR_S) | (whole.time_s > 4 * HOUR_S)
    values = {role: of_role[is_kept] for role, of_role in whole.values.items()}
    found = told(Block("primary", whole.seq_num[is_kept], whole.time_s[is_kept], values))
    assert "no rows for 2.0 h: the current is taken to have gone on" in found.reason
    assert found.values["charge_capacity_mah"] == pytest.approx(5.0, abs=0.02)
    assert found.sigmas["charge_capacity_mah"] == pytest.approx(2.0 / np.sqrt(12.0), rel=0.05)
    assert found.sigmas["discharge_capacity_mah"] < 0.02
    assert "no rows for" not in told(whole).reason


def test_hours_without_rows_are_no_peak(ageing):
    rows = rows_of(ageing)
    late = np.flatnonzero((np.arange(len(rows)) > 200) & (rows.values["current_a"] > 0.0))[0]
    time_s = rows.time_s + np.where(np.arange(len(rows)) > late, 36000.0, 0.0)
    plain = {role: rows.values[role] for role in ("voltage_v", "current_a")}
    found = told(Block("primary", rows.seq_num, time_s, plain))
    assert "no rows for 10.0 h" in found.reason
    whole = told(Block("primary", rows.seq_num, rows.time_s, plain))
    np.testing.assert_allclose(
        found.curves["cycles"]["peak_v"], whole.curves["cycles"]["peak_v"], atol=1e-3
    )


def test_a_charge_that_no_gram_holds_is_refused():
    amperes = steps((5, 1.0, 3.0, 4.3), (5, -1.0, 4.3, 3.0), (0.2, 0.0, 3.0, 3.0))
    found = told(amperes, active_mass_mg=10.0, keys={"current_a": "current"})
    assert found.status == "failed"
    assert "current would be 5e+05 mAh/g of 10 mg" in found.reason
    assert told(amperes).status == "final"


@pytest.mark.parametrize("noise_v", [0.0, 2e-4, 2e-3])
def test_a_flat_dqdv_has_no_peak(noise_v):
    rows = steps((5, 1e-3, 3.0, 4.3), (5, -1e-3, 4.3, 3.0), (0.2, 0.0, 3.0, 3.0), row_s=30.0)
    noise = np.random.default_rng(2).normal(0.0, noise_v, len(rows))
    noisy = {**rows.values, "voltage_v": rows.values["voltage_v"] + noise}
    found = told(Block("primary", rows.seq_num, rows.time_s, noisy))
    assert found.values.get("dqdv_peak_v") is None
    assert "dQ/dV has no peak that stands out" in found.reason
