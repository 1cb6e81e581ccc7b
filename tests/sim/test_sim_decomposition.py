"""A cathode that is heated: nothing is lost, and no history depends on how it is cut."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from cgnmc_bluesky.sim.decomposition import CHARGED, ChargedCathode, Decomposition
from cgnmc_bluesky.sim.gauge import Gauge
from cgnmc_bluesky.sim.kinetics import Reaction
from cgnmc_bluesky.sim.lattice import Cells, Lattice
from cgnmc_bluesky.sim.ramp_truth import truth

CONVENTIONAL = CHARGED["conventional"]
LEGS = st.lists(st.tuples(st.floats(20.0, 600.0), st.floats(10.0, 3000.0)), min_size=1, max_size=4)


def heated(sample: ChargedCathode, legs: list[tuple[float, float]], cuts: int = 1) -> Decomposition:
    """Go along straight lines to temperatures, each in a number of equal steps."""
    decomposition = Decomposition(sample)
    for target_c, duration_s in legs:
        for at_c in np.linspace(decomposition.temperature_c, target_c, cuts + 1)[1:]:
            decomposition.advance(at_c, duration_s / cuts)
    return decomposition


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(sorted(CHARGED)), LEGS)
def test_oxygen_is_in_the_lattice_or_in_the_gas(name: str, legs: list[tuple[float, float]]) -> None:
    sample = CHARGED[name]
    decomposition = heated(sample, legs)
    phases = decomposition.phases
    assert sum(phases) == pytest.approx(1.0)
    assert min(phases) > -1e-12
    cations = 1 + sample.lithium
    # For each transition metal: MO2, (Li,M)3O4 and (Li,M)O.
    in_lattice = phases.layered * 2 + phases.spinel * cations * 4 / 3 + phases.rock_salt * cations
    assert in_lattice + 2 * decomposition.released.o2 == pytest.approx(2.0)


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(sorted(CHARGED)), LEGS, st.integers(2, 30))
def test_the_size_of_steps_does_not_matter(
    name: str, legs: list[tuple[float, float]], cuts: int
) -> None:
    whole, cut = (heated(CHARGED[name], legs, number) for number in (1, cuts))
    np.testing.assert_allclose(whole.phases, cut.phases, atol=2e-4)
    np.testing.assert_allclose(whole.released, cut.released, atol=1e-4)


@pytest.mark.parametrize("name", ["conventional", "gradient"])
def test_what_leaves_adds_up(name: str) -> None:
    decomposition = Decomposition(CHARGED[name])
    rates = [decomposition.gas_rates]
    for at_c in np.arange(25.2, 500.1, 0.2):
        decomposition.advance(at_c, 3.0)
        rates.append(decomposition.gas_rates)
    left = np.trapezoid(np.array(rates), dx=3.0, axis=0)
    np.testing.assert_allclose(left, decomposition.released, rtol=1e-4)


def test_both_steps_agree_with_an_integrator() -> None:
    sample = replace(CONVENTIONAL, to_rock_salt=Reaction(110.0, 250.0))

    def slope(time_s: float, both: list[float]) -> list[float]:
        first, second = (
            float(reaction.classes().rate_constants(150.0 + time_s / 10)[0])
            for reaction in (sample.to_spinel, sample.to_rock_salt)
        )
        gone, rock_salt = both
        return [first * (1 - gone) * (1 + 4.0 * gone), second * (gone - rock_salt)]

    solved = solve_ivp(slope, (0, 1200.0), [0.0, 0.0], rtol=1e-8, atol=1e-10, max_step=5.0)
    decomposition = Decomposition(sample, temperature_c=150.0)
    decomposition.advance(270.0, 1200.0)
    gone, rock_salt = solved.y[:, -1]
    assert 0.1 < rock_salt < 0.9
    expected = (1 - gone, gone - rock_salt, rock_salt)
    np.testing.assert_allclose(decomposition.phases, expected, atol=2e-4)


def test_a_hold_goes_on_and_the_cold_stops_it() -> None:
    decomposition = Decomposition(CONVENTIONAL)
    decomposition.advance(215.0, 2850.0)
    partly = decomposition.phases
    assert 0.05 < partly.spinel < 0.5
    assert decomposition.gas_rates.o2 > 0
    decomposition.advance(25.0, 60.0)
    cold = decomposition.phases
    decomposition.advance(25.0, 12 * 3600.0)
    np.testing.assert_allclose(decomposition.phases, cold, atol=1e-9)
    assert decomposition.gas_rates.o2 < 1e-15
    decomposition.advance(215.0, 60.0)
    decomposition.advance(215.0, 7200.0)
    assert decomposition.phases.spinel > 0.99


def test_a_jump_takes_no_time() -> None:
    decomposition = Decomposition(CONVENTIONAL)
    decomposition.advance(500.0, 0.0)
    assert decomposition.phases.layered == 1.0
    assert decomposition.temperature_c == 500.0
    assert decomposition.gas_rates.o2 > 1.0


@pytest.mark.parametrize(("at_c", "after_s"), [(300.0, -1.0), (math.nan, 1.0), (30.0, math.nan)])
def test_time_goes_forwards(at_c: float, after_s: float) -> None:
    with pytest.raises(ValueError, match="give a temperature and a time"):
        Decomposition(CONVENTIONAL).advance(at_c, after_s)


def test_cells_grow_with_heat_and_disorder_with_conversion() -> None:
    decomposition = Decomposition(CONVENTIONAL)
    assert decomposition.cells == pytest.approx(Cells(2.82, 14.40, 8.15, 4.14))
    assert decomposition.cells_at(125.0).spinel_a == pytest.approx(8.15 * 1.0012)
    ratios, splits = [], []
    for at_c in np.arange(150.0, 262.0, 2.0):
        decomposition.advance(at_c, 30.0)
        cells = decomposition.cells_at(25.0)
        ratios.append(cells.layered_c / cells.layered_a)
        splits.append(cells.layered_a * math.sqrt(8))
    assert np.all(np.diff(ratios) <= 0)
    assert ratios[0] == pytest.approx(14.40 / 2.82, abs=1e-3)
    assert math.sqrt(24) < ratios[-1] < 4.95
    assert splits[-1] < 8.15
    cubic = Lattice(disorder=1.0).at(25.0, 1.0)
    assert cubic.layered_c / cubic.layered_a == pytest.approx(math.sqrt(24))
    assert cubic.layered_a * math.sqrt(8) == pytest.approx(8.15)


def test_the_state_is_what_the_beam_sees() -> None:
    decomposition = heated(CONVENTIONAL, [(230.0, 3000.0)])
    state = decomposition.state
    assert state == (230.0, decomposition.phases, decomposition.cells)


def test_moisture_and_electrolyte_come_before_and_beside() -> None:
    decomposition = Decomposition(CHARGED["stable"])
    rates = []
    for at_c in range(26, 501):
        decomposition.advance(float(at_c), 15.0)
        rates.append(decomposition.gas_rates)
    o2, co2, h2o = np.array(rates).T
    assert not o2.any()
    assert 100 < 26 + h2o.argmax() < 180
    assert 230 < 26 + co2.argmax() < 330
    assert decomposition.released == pytest.approx((0.0, 0.02, 0.03), rel=0.01)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"lithium": 0.6}, "lithium is 0.6"),
        ({"reactive": 1.5}, "reactive is 1.5"),
        ({"to_rock_salt": Reaction(100.0, 500.0, acceleration=1.0)}, "to_rock_salt is Reaction"),
    ],
)
def test_what_is_no_cathode_is_refused(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        replace(CONVENTIONAL, **wrong)  # type: ignore[arg-type]


def test_the_conventional_material_releases_in_a_peak_that_begins_near_190() -> None:
    known = truth(CONVENTIONAL)
    assert known["t_rate_c"] == pytest.approx(190, abs=6)
    assert 15 < known["fwhm_c"] < 30
    assert known["layered_fraction"] < 1e-6
    assert 0.1 < known["rock_salt_fraction"] < 0.4


def test_the_gradient_material_releases_over_a_wide_range() -> None:
    known, sharp = truth(CHARGED["gradient"]), truth(CONVENTIONAL)
    assert known["t_one_percent_c"] == pytest.approx(sharp["t_one_percent_c"], abs=10)
    assert known["fwhm_c"] > 100
    assert known["max_slope"] < sharp["max_slope"] / 5


def test_the_weak_release_is_small_beside_the_background() -> None:
    sample, gauge = CHARGED["weak"], Gauge()
    decomposition, largest = Decomposition(sample), 0.0
    for at_c in range(26, 300):
        decomposition.advance(float(at_c), 15.0)
        largest = max(largest, decomposition.gas_rates.o2)
    background_a = float(gauge.background_a(32, 15.0 * 210))
    assert gauge.sensitivity_a_s * largest / background_a == pytest.approx(0.08, rel=0.05)
