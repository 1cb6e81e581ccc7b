"""The simulated detector: where its counts are, how they scatter, and what it does wrong."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from cgnmc_bluesky.sim.emission import Emission, Source, continuum, k_lines, scatter
from cgnmc_bluesky.sim.fluorescence import CHANNELS, DetectorElement, escape_share
from cgnmc_bluesky.sim.nanobeam import Nanobeam
from cgnmc_bluesky.sim.particle import METALS, PARTICLES

IDEAL = DetectorElement(tail=0.0, shelf=0.0, dead_time_s=0.0, threshold_ev=0.0)
NI_KA = k_lines("Ni")[0]
ENERGY_EV = 10.0 * np.arange(CHANNELS)


def line(energy_ev: float) -> Source:
    return Source("line", (energy_ev,), (1.0,))


def spectrum(element: DetectorElement, source: Source, **when: float) -> NDArray[np.float64]:
    return element.response((source,), **when)[0]


def of(*photons: float, source: Source = NI_KA) -> Emission:
    return Emission((source,), np.array(photons)[:, None])


@pytest.mark.parametrize("metal", METALS)
def test_lines_are_where_they_belong(metal: str) -> None:
    table_ev = {"Mn": (5899, 6492), "Co": (6930, 7649), "Ni": (7478, 8265)}[metal]
    alpha, beta = (np.argmax(spectrum(IDEAL, lines)) * 10.0 for lines in k_lines(metal))
    assert (alpha, beta) == pytest.approx(table_ev, abs=8.0)


@pytest.mark.parametrize(
    "source", [*k_lines("Mn"), *k_lines("Co"), *scatter(9000.0), continuum(9000.0)]
)
def test_every_photon_is_counted_once(source: Source) -> None:
    assert sum(source.shares) == pytest.approx(1.0)
    # What the shelf and the continuum have below no energy is lost.
    whole = spectrum(DetectorElement(threshold_ev=0.0), source)
    assert whole.sum() == pytest.approx(1.0, abs=5e-4)


def test_width_follows_noise_and_fano() -> None:
    element = replace(IDEAL, noise_ev=80.0, fano=0.11)
    for energy_ev in (3000.0, 5895.0, 8000.0):
        whole = spectrum(element, line(energy_ev))
        near = np.abs(ENERGY_EV - energy_ev) < 600
        variance = np.average((ENERGY_EV - energy_ev)[near] ** 2, weights=whole[near])
        variance -= 10.0**2 / 12
        expected = (80.0 / 2.35482) ** 2 + 3.63 * 0.11 * energy_ev
        assert variance == pytest.approx(expected, rel=1e-3)
        assert element.fwhm_ev(energy_ev) == pytest.approx(2.35482 * math.sqrt(expected))
    assert DetectorElement().fwhm_ev(5895.0) == pytest.approx(137, abs=2)


def test_nickel_escapes_under_manganese() -> None:
    whole = spectrum(IDEAL, NI_KA)
    escape = (ENERGY_EV > 5400) & (ENERGY_EV < 6100)
    assert np.average(ENERGY_EV[escape], weights=whole[escape]) == pytest.approx(5738, abs=8)
    assert whole[escape].sum() == pytest.approx(escape_share(7472.0), rel=0.01)
    assert 0.001 < escape_share(7472.0) < escape_share(5895.0) < 0.01
    assert escape_share(1800.0) == 0.0


def test_tail_and_shelf_lie_on_the_low_side() -> None:
    source = line(7000.0)
    assert escape_share(7000.0) < 0.004
    element = replace(IDEAL, tail=0.05, tail_ev=200.0)
    tail = spectrum(element, source) - 0.95 * spectrum(IDEAL, source)
    near = (ENERGY_EV > 5600) & (ENERGY_EV < 7600)
    assert tail[near].sum() == pytest.approx(0.05, rel=0.01)
    assert np.average(ENERGY_EV[near], weights=tail[near]) == pytest.approx(6800, abs=5)
    shelf = spectrum(replace(IDEAL, shelf=0.02), source) - 0.98 * spectrum(IDEAL, source)
    flat = (ENERGY_EV > 1000) & (ENERGY_EV < 4500)
    np.testing.assert_allclose(shelf[flat], 0.02 * 10 / 7000, rtol=0.01)
    assert abs(shelf[ENERGY_EV > 7500]).sum() < 1e-6


def test_gain_and_offset_say_where_a_channel_is() -> None:
    element = replace(IDEAL, gain_ev=12.0, offset_ev=-60.0)
    whole = spectrum(element, line(6000.0))
    near = slice(450, 560)
    mean = np.average(np.arange(CHANNELS)[near], weights=whole[near])
    assert -60.0 + 12.0 * mean == pytest.approx(6000.0, abs=0.1)


def test_gain_drifts_with_time() -> None:
    element = replace(IDEAL, drift_per_h=1e-3)
    near = slice(540, 660)
    means = [
        np.average(
            np.arange(CHANNELS)[near],
            weights=spectrum(element, line(6000.0), elapsed_s=elapsed_s)[near],
        )
        for elapsed_s in (0.0, 3600.0)
    ]
    assert means[0] / means[1] == pytest.approx(1.001, abs=1e-5)


def test_nothing_is_recorded_below_the_threshold() -> None:
    whole = spectrum(DetectorElement(threshold_ev=2000.0), NI_KA)
    assert not whole[:199].any()
    assert whole[202:400].all()


def test_counts_are_poisson_about_what_is_expected() -> None:
    element = DetectorElement(share=0.5)
    pixels = 4000
    emission = of(*[2000.0] * pixels)
    recording = element.record(emission, 0.01, np.random.default_rng(3))
    expected = 1000.0 * spectrum(element, NI_KA) / recording.dead_time_factor[0]
    bright = expected > 2
    mean, variance = (moment(recording.counts[:, bright], axis=0) for moment in (np.mean, np.var))
    pulls = (mean - expected[bright]) / np.sqrt(expected[bright] / pixels)
    assert stats.kstest(pulls, "norm").pvalue > 1e-3
    np.testing.assert_allclose(variance, expected[bright], rtol=0.15)
    assert np.mean(variance / expected[bright]) == pytest.approx(1.0, abs=0.02)
    assert recording.counts.sum() == pytest.approx(expected.sum() * pixels, rel=0.002)
    assert not recording.counts[:, expected < 1e-12].any()


def test_a_recording_has_the_shape_and_type_of_the_hardware_s() -> None:
    recording = DetectorElement().record(of(10.0, 20.0), 0.01, np.random.default_rng(0))
    assert recording.counts.shape == (2, 4096)
    assert recording.counts.dtype == np.uint32
    assert recording.dead_time_factor.shape == (2,)


@given(st.integers(0, 2**32 - 1))
def test_one_seed_gives_one_recording(seed: int) -> None:
    element = DetectorElement(fault="noisy")
    first, second = (
        element.record(of(500.0, 0.0), 0.01, np.random.default_rng(seed)) for _ in range(2)
    )
    np.testing.assert_array_equal(first.counts, second.counts)
    np.testing.assert_array_equal(first.dead_time_factor, second.dead_time_factor)


@pytest.mark.parametrize("paralysable", [True, False])
def test_the_factor_makes_up_for_the_dead_time(paralysable: bool) -> None:
    element = DetectorElement(dead_time_s=1e-6, paralysable=paralysable)
    dwell_s = np.array([0.01, 0.02, 0.01])
    emission = of(1e5 * 0.01, 5e5 * 0.02, 8e5 * 0.01)
    counts, factor = element.record(emission, dwell_s, np.random.default_rng(7))
    load = np.array([0.1, 0.5, 0.8])
    expected = np.exp(load) if paralysable else 1 + load
    np.testing.assert_allclose(factor, expected, rtol=2e-3)
    photons = emission.photons[:, 0]
    pulls = (counts.sum(axis=1) * factor - photons) / np.sqrt(photons * factor)
    assert np.abs(pulls).max() < 4


def test_a_dead_element_counts_nothing() -> None:
    counts, factor = DetectorElement(fault="dead").record(of(1e4), 0.01, np.random.default_rng(0))
    assert not counts.any()
    assert factor == pytest.approx(1.0)


def test_a_noisy_element_counts_without_light() -> None:
    noisy = DetectorElement(fault="noisy")
    counts, factor = noisy.record(of(*[0.0] * 500), 0.01, np.random.default_rng(0))
    each = counts.sum(axis=1)
    assert (each * factor).mean() == pytest.approx(3000, rel=0.2)
    assert each.var() > 10 * each.mean()
    assert factor.max() > 1.1


def test_an_element_with_the_wrong_gain_has_its_lines_elsewhere() -> None:
    peak = np.argmax(spectrum(DetectorElement(fault="gain"), NI_KA))
    assert peak == pytest.approx(747 / 1.2, abs=2)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"fault": "tired"}, "no fault 'tired' .* dead, noisy, gain"),
        ({"gain_ev": 0.0}, "gain_ev is 0.0"),
        ({"share": -0.1}, "share -0.1"),
    ],
)
def test_what_is_no_detector_is_refused(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        DetectorElement(**wrong)  # type: ignore[arg-type]


def test_spectra_of_nmc622_have_its_count_ratio() -> None:
    beam = Nanobeam([PARTICLES["conventional"]], self_absorption=False)
    emission = beam.emission(np.zeros(200), np.zeros(200), dwell_s=0.01)
    assert emission.of("Mn")[0] / emission.of("Ni")[0] == pytest.approx(0.179, abs=0.0005)
    no_dead_time = DetectorElement(dead_time_s=0.0)
    total = no_dead_time.record(emission, 0.01, np.random.default_rng(1)).counts.sum(axis=0)
    mn_alpha = total[(ENERGY_EV > 5795) & (ENERGY_EV < 6000)].sum()
    ni_alpha = total[(ENERGY_EV > 7370) & (ENERGY_EV < 7585)].sum()
    assert mn_alpha / ni_alpha == pytest.approx(0.179, rel=0.05)


def test_another_flux_scales_all_photons() -> None:
    emission = of(10.0, 20.0).scaled(np.array([2.0, 0.5]))
    np.testing.assert_array_equal(emission.photons, [[20.0], [10.0]])
    np.testing.assert_array_equal(emission.scaled(2.0).of("Ni"), [40.0, 20.0])
