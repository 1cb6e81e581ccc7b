import numpy as np
import pytest
from simulated_patterns import (
    TWO_THETA_DEG,
    WAVELENGTH_A,
    Truth,
    expected,
    measured,
    ramp,
)

from cgnmc_bluesky.analysis.heating.bins import NoPattern, bins_of
from cgnmc_bluesky.analysis.heating.fitting import normal_of
from cgnmc_bluesky.analysis.heating.lattice import lattice_of
from cgnmc_bluesky.analysis.heating.layout import phases_at
from cgnmc_bluesky.analysis.heating.peaks import Shape, profile
from cgnmc_bluesky.analysis.heating.search import matched, rough_fwhm
from cgnmc_bluesky.analysis.heating.shares import amounts_of, balanced, shares_of
from cgnmc_bluesky.analysis.heating.smooth import background_columns, rough_background
from cgnmc_bluesky.analysis.heating.tracking import follow

PHASES = phases_at(WAVELENGTH_A)


def bins(pattern, axis_deg=TWO_THETA_DEG):
    return bins_of(np.asarray(pattern, dtype=float), axis_deg, WAVELENGTH_A)


def followed(pattern, before=None, axis_deg=TWO_THETA_DEG):
    return follow(bins(pattern, axis_deg), PHASES, WAVELENGTH_A, before)


@pytest.mark.parametrize("shape", [Shape(0.45, 1.0), Shape(1.0, 1.6), Shape(0.7, 3.0)])
def test_lines_have_the_slopes_that_they_should(shape):
    away = np.linspace(-0.3, 0.3, 302)
    fwhm, skew = np.full(302, 0.06), np.full(302, 0.1)

    def value(x=away, w=fwhm, s=skew, tailed=shape.tailed, tail=shape.tail):
        return profile(x, w, s, Shape(tailed, tail)).value

    step, found = 1e-6, profile(away, fwhm, skew, shape)
    for slope, above, below in (
        (found.by_position, value(away - step), value(away + step)),
        (found.by_log_fwhm, value(w=fwhm * np.exp(step)), value(w=fwhm * np.exp(-step))),
        (found.by_skew, value(s=skew + step), value(s=skew - step)),
        (found.by_tailed, value(tailed=shape.tailed + step), value(tailed=shape.tailed - step)),
        (found.by_tail, value(tail=shape.tail + step), value(tail=shape.tail - step)),
    ):
        numeric = (above - below) / (2 * step)
        np.testing.assert_allclose(slope, numeric, atol=1e-5 * np.abs(numeric).max() + 1e-6)


@pytest.mark.parametrize("shape", [Shape(0.45, 1.0), Shape(1.0, 1.6), Shape(0.0, 1.0)])
def test_lines_have_unit_area_and_the_width_that_they_should(shape):
    away = np.linspace(-30, 30, 600_001)
    line = profile(away, np.full(len(away), 0.06), np.full(len(away), 0.2), shape).value
    assert np.sum(line) * 1e-4 == pytest.approx(1.0, abs=2e-3)
    above = away[line > line.max() / 2]
    assert above[-1] - above[0] == pytest.approx(0.06, abs=3e-4)
    assert above[0] == pytest.approx(-0.036, abs=3e-4)


@pytest.fixture(scope="module")
def mixed():
    truth = Truth(shares=(0.5, 0.35, 0.15))
    found = followed(measured(np.random.default_rng(3), truth))
    return truth, found.fitted


def test_patterns_have_the_slopes_that_they_should(mixed):
    model, values = mixed[1].model, mixed[1].values
    reach, every = model.reach(values), np.ones(len(values), bool)
    _, slopes = model.evaluate(values, reach, every)
    for place, name in enumerate(model.layout.names):
        step = np.zeros(len(values))
        step[place] = 1e-6 * (abs(values[place]) if name.endswith("amount") else 1.0)
        above, _ = model.evaluate(values + step, reach, every)
        below, _ = model.evaluate(values - step, reach, every)
        numeric = (above - below) / (2 * step[place])
        error = np.abs(slopes[place] - numeric).max()
        # a skewed line bends at its maximum
        assert error <= 5e-3 * np.abs(numeric).max() + 1e-6, name


def test_parameters_that_are_not_fitted_change_nothing_else(mixed):
    model, values = mixed[1].model, mixed[1].values
    reach, every = model.reach(values), np.ones(len(values), bool)
    some = every.copy()
    some[[model.layout.at["tail"], model.layout.at["layered.line3"]]] = False
    whole, slopes = model.evaluate(values, reach, every)
    part, fewer = model.evaluate(values, reach, some)
    np.testing.assert_array_equal(whole, part)
    np.testing.assert_array_equal(slopes[some], fewer)


def test_a_pattern_is_the_sum_of_its_parts(mixed):
    model, values = mixed[1].model, mixed[1].values
    total, _ = model.evaluate(values, model.reach(values), np.ones(len(values), bool))
    parts = model.parts(values)
    np.testing.assert_allclose(sum(parts.values()), total, rtol=1e-10)
    assert set(parts) == {"background", "layered", "spinel", "rock_salt"}


def test_the_normal_matrix_is_that_of_weighted_least_squares():
    rng = np.random.default_rng(0)
    slopes, weights = rng.normal(size=(20, 1500)), rng.random(1500)
    np.testing.assert_allclose(normal_of(slopes, weights), slopes * weights @ slopes.T)


def test_the_background_can_be_anything_smooth():
    columns = background_columns(TWO_THETA_DEG, WAVELENGTH_A)
    smooth = 3 + 5 * np.exp(-TWO_THETA_DEG / 4)
    found = columns.T @ np.linalg.lstsq(columns.T, smooth, rcond=None)[0]
    np.testing.assert_allclose(found, smooth, rtol=1e-4)


@pytest.mark.parametrize("gain", [1.0, 0.02, 37.0])
def test_noise_is_that_of_counts_or_as_neighbours_differ(gain):
    truth = Truth(counts=1500)
    counts = measured(np.random.default_rng(1), truth)
    found = bins(counts * gain)
    np.testing.assert_allclose(
        np.median(found.variance / expected(truth)[found.place]), gain**2, rtol=0.12
    )


def test_bins_may_come_in_any_order_and_some_be_missing():
    counts = measured(np.random.default_rng(1), Truth())
    backwards = bins(counts[::-1], TWO_THETA_DEG[::-1])
    np.testing.assert_array_equal(backwards.intensity, bins(counts).intensity)
    counts[900:950] = np.nan
    assert len(bins(counts)) == len(backwards) - 50


@pytest.mark.parametrize(
    ("pattern", "axis_deg", "why"),
    [
        (np.zeros(3000), TWO_THETA_DEG, "nothing but zeros"),
        (np.full(3000, 7.0), TWO_THETA_DEG, "all bins are alike"),
        (np.full(3000, np.nan), TWO_THETA_DEG, "0 bins"),
        (np.ones(2999), TWO_THETA_DEG, "2999 bins, but 3000 angles"),
        (np.arange(3000.0), TWO_THETA_DEG + 60, "0 bins"),
    ],
)
def test_what_is_no_pattern_is_said_to_be_none(pattern, axis_deg, why):
    with pytest.raises(NoPattern, match=why):
        bins(pattern, axis_deg)


@pytest.mark.parametrize(
    ("cell", "shares", "of"),
    [
        ((2.82, 14.40), (1, 0, 0), 0),
        ((2.87, 14.22), (1, 0, 0), 0),
        ((2.82, 14.40), (0, 1, 0), 1),
        ((2.82, 14.40), (0, 0, 1), 2),
    ],
)
def test_cells_are_found_without_being_known(cell, shares, of):
    truth = Truth(a=cell[0], c=cell[1], shares=shares, counts=500, background=50)
    some = bins(measured(np.random.default_rng(2), truth))
    columns = background_columns(some.angle_deg, WAVELENGTH_A)
    net = some.intensity - columns.T @ rough_background(some, columns)
    fwhm_deg = rough_fwhm(some, net)
    assert 0.04 < fwhm_deg < 0.12
    hit = matched(some, net, PHASES[of], fwhm_deg, wavelength_a=WAVELENGTH_A)
    known = [cell, (8.15,), (4.14,)][of]
    np.testing.assert_allclose(hit.cell_a, known, rtol=2e-3)
    assert hit.significance > 50


@pytest.mark.parametrize("cell", [(2.82, 14.40), (2.865, 14.20), (2.81, 14.1)])
def test_the_layered_cell_is_that_of_the_pattern(cell):
    truth = Truth(a=cell[0], c=cell[1], counts=5000, background=400, zero_deg=0.002)
    found = followed(measured(np.random.default_rng(4), truth))
    assert found.present == {"layered"}
    told = lattice_of(found)
    assert told["c_over_a"][0] == pytest.approx(cell[1] / cell[0], abs=5e-4)
    assert told["split_108_110_deg"][0] == pytest.approx(truth.split_deg(), abs=0.01)
    assert told["a_angstrom"][0] == pytest.approx(cell[0], abs=5e-4)
    value, sigma = told["i220_spinel"]
    assert abs(value) < 4 * sigma


def test_sigmas_cover_what_other_lines_and_backgrounds_leave():
    """Four patterns of each sample, so that most begin where the one before them ended."""
    rng = np.random.default_rng(7)
    pulls = {"a_angstrom": [], "c_angstrom": [], "c_over_a": [], "split_108_110_deg": []}
    for _ in range(24):
        counts = np.exp(rng.uniform(np.log(300), np.log(8000)))
        truth = Truth(
            a=rng.uniform(2.81, 2.86),
            c=rng.uniform(14.15, 14.45),
            counts=counts,
            background=counts * rng.uniform(0.05, 0.2),
            fwhm_deg=rng.uniform(0.045, 0.08),
            tail=rng.uniform(1.3, 3.0),
            skew=rng.uniform(-0.05, 0.2),
            zero_deg=rng.normal() * 0.002,
            strain=(rng.uniform(0.03, 0.2), 0.3, 0.3),
        )
        before = None
        for _ in range(4):
            before = followed(measured(rng, truth), before)
            told = lattice_of(before)
            known = {
                "a_angstrom": truth.a,
                "c_angstrom": truth.c,
                "c_over_a": truth.c / truth.a,
                "split_108_110_deg": truth.split_deg(),
            }
            for name, value in known.items():
                pulls[name].append((told[name][0] - value) / told[name][1])
    for name, pull in pulls.items():
        # 96 of them: one standard deviation of the share is 0.05
        assert 0.55 < np.mean(np.abs(pull) < 1) < 0.80, name
        assert np.max(np.abs(pull)) < 4.5, name


def test_shares_balance_whatever_an_atom_scatters_in_each_phase():
    """The spinel's atoms scatter a fifth more than the structure says, the rock salt's less."""
    rng = np.random.default_rng(11)
    before, balance, series, truths = None, None, [], []
    for _, truth in ramp(40, counts=4000, background=300):
        layered, spinel, rock_salt = truths_of = truth.shares
        truth.shares = (layered, spinel * 1.2, rock_salt * 0.85)
        before = followed(measured(rng, truth), before)
        series.append(amounts_of(before.fitted))
        balance = balanced(balance, series[-1])
        truths.append(truths_of)
    shares, sigmas = shares_of(series, balance)
    errors = shares - np.array(truths)
    assert np.abs(errors).max() < 0.03
    assert np.sqrt(np.mean(errors**2)) < 0.01
    assert 0.45 < np.mean(np.abs(errors) < sigmas) < 0.85
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-12)


def test_manganese_oxide_is_a_rock_salt_of_the_right_cell(shared):
    """Measured with Cu Kα: each line is two, which are no part of the model."""
    file = shared / "xrd" / "xrdauto_MnO.xy"
    angle_deg, counts = np.loadtxt(file, usecols=(0, 1), unpack=True)
    found = follow(bins_of(counts, angle_deg, 1.5406), phases_at(1.5406), 1.5406, None)
    assert found.present == {"rock_salt"}
    value, sigma = lattice_of(found)["rock_salt_a_angstrom"]
    assert value == pytest.approx(4.446, abs=0.003)
    assert abs(value - 4.446) < 2 * sigma < 0.01


@pytest.mark.parametrize("name", ["MnO2", "LiMnO2"])
def test_a_pattern_of_another_structure_is_none_of_the_phases(shared, name):
    file = shared / "xrd" / f"xrdauto_{name}.xy"
    angle_deg, counts = np.loadtxt(file, usecols=(0, 1), unpack=True)
    found = follow(bins_of(counts, angle_deg, 1.5406), phases_at(1.5406), 1.5406, None)
    assert found.present == frozenset()
