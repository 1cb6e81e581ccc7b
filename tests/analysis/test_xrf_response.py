import numpy as np
import pytest
import xraydb
from scipy.integrate import quad

from cgnmc_bluesky.analysis.xrf.calibration import Unusable, calibrate, explain, nominal
from cgnmc_bluesky.analysis.xrf.lines import Emitter, Line
from cgnmc_bluesky.analysis.xrf.response import Response, components, compton_ev, escape_share
from cgnmc_bluesky.standards import emitters_of

CHANNELS = np.arange(520, 930)
TRUTH = Response(
    gain_ev=10.013,
    zero_ev=-12.0,
    noise_ev=110.0,
    fano=0.12,
    tail_share=0.02,
    tail_ev=200.0,
    step_share=0.006,
    beta_scale=1.03,
    compton_ev=8840.0,
    compton_sigma_ev=70.0,
    elastic_ev=9000.0,
)
AMOUNTS = np.array([2000.0, 2500.0, 9000.0, 800.0, 1500.0, 1.0, -0.3, 0.2])


@pytest.fixture(scope="module")
def emitters():
    return emitters_of(["Mn", "Co", "Ni"], 9000.0)


def spectrum(emitters, scale, response=TRUTH, seed=0):
    expected = components(response, emitters, CHANNELS).columns @ (AMOUNTS * scale)
    return np.random.default_rng(seed).poisson(expected).astype(float)


def test_all_counts_of_a_line_are_one():
    line = Emitter("X", (Line("Ka1", 7000.0, 1.0),), 1.0)
    whole = components(TRUTH, [line], np.arange(4096)).columns[:, 0]
    # the shelf reaches down to no energy, half a channel of it beyond channel 0
    assert whole.sum() == pytest.approx(1.0, abs=1e-4)


def test_a_line_is_the_integral_of_its_tail_and_its_resolution():
    response = Response(10.0, tail_share=0.3, step_share=0.0, tail_ev=150.0)
    line_ev, at_ev = 7000.0, 6800.0
    sigma = float(response.sigma_ev(np.array(line_ev)))

    def density(shift_ev):
        tail = np.exp(-shift_ev / 150.0) / 150.0
        gaussian = np.exp(-0.5 * ((at_ev - line_ev + shift_ev) / sigma) ** 2)
        return tail * gaussian / (np.sqrt(2 * np.pi) * sigma)

    expected = 10.0 * 0.3 * quad(density, 0.0, 3000.0)[0]
    full = np.exp(-0.5 * (200.0 / sigma) ** 2) / (np.sqrt(2 * np.pi) * sigma)
    expected += 10.0 * 0.7 * full
    expected *= 1.0 - escape_share(line_ev)
    emitter = Emitter("X", (Line("Ka1", line_ev, 1.0),), 1.0)
    found = components(response, [emitter], np.array([680])).columns[0, 0]
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("symbol", "line_ev"), [("Mn", 5900.0), ("Ni", 7478.0)])
def test_escape_is_what_attenuation_in_silicon_gives(symbol, line_ev):
    into = xraydb.mu_elam("Si", line_ev)
    out = xraydb.mu_elam("Si", 1739.5)
    k_share = 1 - 1 / xraydb.xray_edge("Si", "K").jump_ratio
    fluorescence_yield = xraydb.xray_edge("Si", "K").fyield
    expected = 0.5 * k_share * fluorescence_yield * (1 - out / into * np.log1p(into / out))
    assert escape_share(line_ev) == pytest.approx(expected, rel=0.12)
    assert escape_share(1700.0) == 0.0


def test_compton_at_a_right_angle():
    assert compton_ev(9000.0) == pytest.approx(8844.2, abs=0.1)


@pytest.mark.parametrize("scale", [3.0, 300.0])
def test_gain_and_width_come_back(emitters, scale):
    found = calibrate(spectrum(emitters, scale), CHANNELS, emitters, nominal(10.0, 0.0, 9000.0))
    middle = CHANNELS.mean()
    truth_ev = TRUTH.zero_ev + TRUTH.gain_ev * middle
    assert found.response.zero_ev + found.response.gain_ev * middle == pytest.approx(
        truth_ev, abs=3.0
    )
    assert found.response.gain_ev == pytest.approx(TRUTH.gain_ev, rel=2e-3)
    widths = found.response.sigma_ev(np.array([5900.0, 7478.0]))
    np.testing.assert_allclose(widths, TRUTH.sigma_ev(np.array([5900.0, 7478.0])), rtol=0.02)
    sigmas = np.sqrt(np.diagonal(found.covariance))[:3]
    assert np.all(
        np.abs(found.amounts[:3] - AMOUNTS[:3] * scale) < 4 * sigmas + 0.004 * scale * 9000
    )


def test_amounts_with_a_known_response_are_right_on_average(emitters):
    pulls = []
    known = components(TRUTH, emitters, CHANNELS)
    for seed in range(60):
        found = explain(spectrum(emitters, 1.0, seed=seed), known, TRUTH)
        pulls.append((found.amounts - AMOUNTS)[:3] / np.sqrt(np.diagonal(found.covariance)[:3]))
    assert np.all(np.abs(np.mean(pulls, axis=0)) < 0.45)
    assert np.all((np.std(pulls, axis=0) > 0.75) & (np.std(pulls, axis=0) < 1.25))


def test_a_wrong_width_of_the_channels_is_named_with_the_right_one(emitters):
    with pytest.raises(Unusable, match="with 10 eV a channel they would be"):
        calibrate(spectrum(emitters, 100.0), CHANNELS, emitters, nominal(5.0, 0.0, 9000.0))


def test_a_spectrum_without_the_elements_is_refused(emitters):
    flat = np.random.default_rng(0).poisson(30.0, len(CHANNELS)).astype(float)
    with pytest.raises(Unusable, match="does not show Mn, Co, Ni"):
        calibrate(flat, CHANNELS, emitters, nominal(10.0, 0.0, 9000.0))


def test_another_element_is_no_line_of_these(emitters):
    iron = emitters_of(["Fe"], 9000.0)
    other = components(TRUTH, iron, CHANNELS).columns[:, :1] @ np.array([3e5])
    counts = np.random.default_rng(0).poisson(other + 5.0).astype(float)
    with pytest.raises(Unusable, match="check elements"):
        calibrate(counts, CHANNELS, emitters, nominal(10.0, 0.0, 9000.0))
