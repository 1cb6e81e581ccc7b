import numpy as np
import pytest
import xraydb

from cgnmc_bluesky.beamline import ConfigurationError, SelfAbsorption
from cgnmc_bluesky.standards.fluorescence import attenuation_of, emitters_of, tables

METALS = ("Mn", "Co", "Ni")
INCIDENT_EV = 9000.0


def counts_relative_to_nickel(**fractions: float) -> dict[str, float]:
    """K counts of a thin sample, by element."""
    emitters = emitters_of(list(fractions), INCIDENT_EV)
    counts = {one.element: one.sensitivity * fractions[one.element] for one in emitters}
    return {element: count / counts["Ni"] for element, count in counts.items()}


@pytest.mark.parametrize(
    ("fractions", "manganese", "cobalt"),
    [
        ({"Mn": 0.2, "Co": 0.2, "Ni": 0.6}, 0.179, 0.276),
        ({"Mn": 0.1, "Co": 0.1, "Ni": 0.8}, 0.067, 0.104),
        ({"Mn": 0.27, "Co": 0.27, "Ni": 0.46}, 0.316, 0.486),
    ],
)
def test_a_count_ratio_is_no_atomic_ratio(fractions, manganese, cobalt):
    relative = counts_relative_to_nickel(**fractions)
    assert relative["Mn"] == pytest.approx(manganese, abs=6e-4)
    assert relative["Co"] == pytest.approx(cobalt, abs=6e-4)


@pytest.mark.parametrize(
    ("element", "absorption_cm2_g", "jump", "fluorescence_yield", "weight"),
    [
        ("Mn", 199.5, 8.00, 0.319, 54.938),
        ("Co", 240.3, 7.80, 0.382, 58.933),
        ("Ni", 270.6, 7.71, 0.412, 58.693),
    ],
)
def test_sensitivity_is_the_cross_section_of_an_atom(
    element, absorption_cm2_g, jump, fluorescence_yield, weight
):
    [emitter] = emitters_of([element], INCIDENT_EV)
    barn = absorption_cm2_g * weight / 0.60221 * (1 - 1 / jump) * fluorescence_yield
    assert emitter.sensitivity == pytest.approx(barn, rel=2e-3)
    assert emitter.sensitivity_sigma == 0.0


@pytest.mark.parametrize(
    ("element", "alpha_ev", "beta_ev"), [("Mn", 5900, 6492), ("Co", 6931, 7649), ("Ni", 7480, 8266)]
)
def test_lines_and_their_shares(element, alpha_ev, beta_ev):
    [emitter] = emitters_of([element], INCIDENT_EV)
    assert sum(line.share for line in emitter.lines) == pytest.approx(1.0, abs=1e-12)
    assert emitter.main_line_ev == pytest.approx(alpha_ev, abs=1.0)
    beta = [line for line in emitter.lines if line.name.startswith("Kb")]
    assert all(line.energy_ev == pytest.approx(beta_ev, abs=70.0) for line in beta)
    assert sum(line.share for line in beta) == pytest.approx(0.125, abs=0.004)


def test_elements_keep_their_order():
    assert [one.element for one in emitters_of(METALS[::-1], INCIDENT_EV)] == ["Ni", "Co", "Mn"]
    assert emitters_of((), INCIDENT_EV) == ()


@pytest.mark.parametrize(
    ("element", "message"),
    [
        ("Zn", "the K edge of Zn at 9659 eV is not below the incident energy of 9000 eV"),
        ("H", "H has no K line"),
    ],
)
def test_what_cannot_fluoresce_is_refused_by_name(element, message):
    with pytest.raises(ConfigurationError, match=message):
        emitters_of(["Mn", element], INCIDENT_EV)


def test_attenuation_is_that_of_the_whole_compound():
    geometry = SelfAbsorption(density_g_cm3=4.5, incidence_deg=30.0, takeoff_deg=60.0)
    found = attenuation_of(METALS, INCIDENT_EV, geometry)
    per_um, emitted_per_um = found.linear(np.array([0.2, 0.2, 0.6]))
    formula = "LiMn0.2Co0.2Ni0.6O2"
    assert per_um == pytest.approx(1e-4 * xraydb.material_mu(formula, INCIDENT_EV, density=4.5))
    alpha, beta = (
        1e-4 * xraydb.material_mu(formula, np.array(lines_ev), density=4.5)
        for lines_ev in ([5897.0, 6926.0, 7474.0], [6492.0, 7649.0, 8266.0])
    )
    # nickel's Kb is absorbed by cobalt, its Ka is not
    assert emitted_per_um == pytest.approx(0.874 * alpha + 0.126 * beta, rel=2e-3)
    assert (found.incidence_deg, found.takeoff_deg) == (30.0, 60.0)
    assert found.emitted.shape == (5, 3)


def test_the_tables_are_named():
    assert f"xraydb {xraydb.__version__}" in tables()
