"""Reactions: against an integrator of differential equations, and against textbook results."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cgnmc_bluesky.sim.kinetics import Classes, Reaction

R_KJ = 8.314462618e-3


def constant_per_s(reaction: Reaction, temperature_c: float) -> float:
    return float(reaction.classes().rate_constants(temperature_c)[0])


@pytest.mark.parametrize("acceleration", [0.0, 4.0, 40.0])
def test_the_closed_form_solves_the_rate_law(acceleration: float) -> None:
    reaction = Reaction(165.0, 222.0, acceleration=acceleration)

    def slope(time_s: float, both: list[float]) -> list[float]:
        k = constant_per_s(reaction, 215.0 + 15.0 * np.sin(time_s / 100.0))
        return [k * (1 - both[0]) * (1 + acceleration * both[0]), k]

    solved = solve_ivp(slope, (0, 1500.0), [0.0, 0.0], rtol=1e-9, atol=1e-12, max_step=10.0)
    reacted, theta = solved.y
    np.testing.assert_allclose(reaction.classes().reacted(theta), reacted, atol=1e-7)
    assert reacted[-1] > 0.5


def test_a_long_wait_ends_the_reaction() -> None:
    classes = Reaction(165.0, 222.0, acceleration=4.0).classes()
    np.testing.assert_array_equal(classes.reacted(np.array([0.0, 1e6])), [0.0, 1.0])
    np.testing.assert_array_equal(classes.slopes(np.array([0.0, 1.0])), [1.0, 0.0])


def test_rate_constants_follow_arrhenius() -> None:
    reaction = Reaction(120.0, 300.0)
    assert constant_per_s(reaction, 300.0) == pytest.approx(1e-3)
    inverse_k = 1 / 623.15 - 1 / 573.15
    expected = 1e-3 * np.exp(-120.0 / R_KJ * inverse_k)
    assert constant_per_s(reaction, 350.0) == pytest.approx(expected)


def test_peaks_at_several_rates_give_the_activation_energy() -> None:
    """Kissinger's method: ln(rate / T²) over 1/T falls with E/R."""
    reaction = Reaction(165.0, 222.0)
    peaks_k = []
    rates_k_s = np.array([1.0, 2.0, 4.0, 8.0]) / 60
    for rate_k_s in rates_k_s:
        temperature_c = np.arange(100.0, 400.0, 0.01)
        k = reaction.classes().rate_constants(temperature_c[:, None])[:, 0]
        reacted = reaction.classes().reacted(np.cumsum(k) * 0.01 / rate_k_s)
        peaks_k.append(temperature_c[(k * (1 - reacted)).argmax()] + 273.15)
    peak_k = np.array(peaks_k)
    slope = np.polyfit(1 / peak_k, np.log(rates_k_s / peak_k**2), 1)[0]
    assert -slope * R_KJ == pytest.approx(165.0, rel=0.005)


def test_spread_sites_share_what_there_is() -> None:
    classes = Reaction(165.0, 222.0, spread_kj_per_mol=75.0).classes()
    assert classes.weight.sum() == pytest.approx(1.0)
    assert len(classes.weight) == 50
    activation_kj = classes.activation_k * R_KJ
    assert 165.0 < activation_kj[0] < activation_kj[-1] < 240.0
    assert np.ptp(classes.log_frequency) == 0.0
    joined = Classes.joined([classes, Reaction(100.0, 100.0).classes()])
    assert joined.weight.shape == (51,)
    assert joined.weight[-1] == 1.0


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"activation_kj_per_mol": 0.0, "reference_c": 200.0}, "activation_kj_per_mol is 0.0"),
        ({"activation_kj_per_mol": 10.0, "reference_c": -300.0}, "reference_c -300.0"),
        (
            {"activation_kj_per_mol": 10.0, "reference_c": 200.0, "acceleration": -1.0},
            "acceleration is -1.0",
        ),
    ],
)
def test_what_is_no_reaction_is_refused(wrong: dict[str, float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Reaction(**wrong)
