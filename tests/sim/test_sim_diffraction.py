"""Powder patterns: where peaks are, how strong and wide, and how they scatter."""

from collections.abc import Iterable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from cgnmc_bluesky.sim.decomposition import CHARGED, Decomposition, Phases, State
from cgnmc_bluesky.sim.diffraction import (
    LAYERED,
    ROCK_SALT,
    SPINEL,
    TWO_THETA_DEG,
    PowderInstrument,
)
from cgnmc_bluesky.sim.lattice import NMC622

STEP_DEG = TWO_THETA_DEG[1] - TWO_THETA_DEG[0]
NOTHING_ELSE = PowderInstrument(air_per_s=0.0, glass_per_s=0.0, floor_per_s=0.0)
PURE = [State(25.0, Phases(*shares), NMC622) for shares in np.eye(3).tolist()]


def near(two_theta_deg: float, width_deg: float = 0.25) -> NDArray[np.bool_]:
    return np.abs(TWO_THETA_DEG - two_theta_deg) < width_deg


def middles_deg(instrument: PowderInstrument) -> list[dict[tuple[int, int, int], float]]:
    return [
        dict(zip(table, positions.tolist(), strict=True))
        for table, positions in zip(
            (LAYERED, SPINEL, ROCK_SALT), instrument.positions_deg(NMC622), strict=True
        )
    ]


@pytest.mark.parametrize(
    ("phase", "expected_deg"),
    [
        (
            0,
            {
                (0, 0, 3): 5.400,
                (1, 0, 1): 10.776,
                (1, 0, 4): 12.847,
                (0, 1, 8): 17.955,
                (1, 1, 0): 18.455,
            },
        ),
        (
            1,
            {
                (1, 1, 1): 5.508,
                (2, 2, 0): 9.001,
                (3, 1, 1): 10.559,
                (4, 0, 0): 12.742,
                (4, 4, 0): 18.058,
            },
        ),
        (2, {(1, 1, 1): 10.856, (2, 0, 0): 12.542, (2, 2, 0): 17.772}),
    ],
)
def test_peaks_are_where_they_belong(
    phase: int, expected_deg: dict[tuple[int, int, int], float]
) -> None:
    positions_deg = middles_deg(PowderInstrument())[phase]
    pattern = NOTHING_ELSE.expected([PURE[phase]])
    for index, at_deg in expected_deg.items():
        assert positions_deg[index] == pytest.approx(at_deg, abs=0.001), index
        around = near(at_deg, 0.02)
        top_deg = TWO_THETA_DEG[around][pattern[around].argmax()]
        assert top_deg == pytest.approx(at_deg, abs=STEP_DEG), index


def test_peaks_have_their_areas() -> None:
    layered = NOTHING_ELSE.expected([PURE[0]])
    of_104, of_003 = (layered[near(at_deg, 0.35)].sum() for at_deg in (12.847, 5.400))
    assert of_104 == pytest.approx(2000, rel=0.06)
    assert 1.2 < of_003 / of_104 < 1.7
    assert layered.sum() == pytest.approx(20 * sum(LAYERED.values()), rel=0.02)
    spinel = NOTHING_ELSE.expected([PURE[1]])
    assert 0.01 < spinel[near(9.001)].sum() / spinel[near(18.058)].sum() < 0.06


def test_the_wavelength_moves_peaks() -> None:
    other = PowderInstrument(wavelength_a=0.4)
    for ours, theirs in zip(middles_deg(PowderInstrument()), middles_deg(other), strict=True):
        for index, at_deg in ours.items():
            sines = [np.sin(np.radians(angle / 2)) for angle in (theirs[index], at_deg)]
            assert sines[0] / sines[1] == pytest.approx(0.4 / 0.4522)


def test_peaks_are_as_wide_as_instrument_and_crystallites_make_them() -> None:
    instrument = PowderInstrument(
        air_per_s=0.0, glass_per_s=0.0, floor_per_s=0.0, size_a=(300.0, 100.0, 100.0)
    )
    pattern = instrument.expected([PURE[0]])
    for at_deg in (5.400, 18.455):
        around = near(at_deg, 0.3)
        x_deg = np.linspace(at_deg - 0.3, at_deg + 0.3, 20_001)
        shape = np.interp(x_deg, TWO_THETA_DEG[around], pattern[around])
        above_deg = np.ptp(x_deg[shape > shape.max() / 2])
        expected_deg = float(instrument.fwhm_deg(np.array([at_deg]), 300.0)[0])
        assert above_deg == pytest.approx(expected_deg, abs=0.004)
    scherrer_deg = np.degrees(0.9 * 0.4522 / (300.0 * np.cos(np.radians(2.7))))
    assert instrument.fwhm_deg(np.array([5.4]), 300.0)[0] > scherrer_deg


def test_counts_are_poisson_about_what_is_expected() -> None:
    instrument, rng, exposures = PowderInstrument(), np.random.default_rng(3), 400
    mean = instrument.expected(PURE[:1]) * 10.0
    counts = np.array([instrument.pattern(PURE[0], 10.0, rng) for _ in range(exposures)])
    assert counts.shape == (exposures, 3000)
    assert not np.modf(counts)[0].any()
    pulls = (counts.mean(axis=0) - mean) / np.sqrt(mean / exposures)
    assert stats.kstest(pulls, "norm").pvalue > 1e-3
    assert np.mean(counts.var(axis=0) / mean) == pytest.approx(1.0, abs=0.01)


def test_one_seed_gives_one_pattern() -> None:
    instrument = PowderInstrument()
    first, same, other = (
        instrument.pattern(PURE[0], 60.0, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()
    np.testing.assert_array_equal(
        instrument.pattern(PURE[0], 60.0, None), 60.0 * instrument.expected([PURE[0]])
    )


def states(sample: str, temperatures_c: Iterable[float]) -> list[State]:
    decomposition, found = Decomposition(CHARGED[sample]), []
    for at_c in temperatures_c:
        decomposition.advance(at_c, 15.0)
        found.append(decomposition.state)
    return found


def test_a_pattern_is_the_average_over_its_exposure() -> None:
    instrument = PowderInstrument()
    seen = states("conventional", np.arange(26.0, 236.0))[-4:]
    weights = [1.0, 2.0, 3.0, 2.0]
    each = [instrument.expected([state]) for state in seen]
    average = np.average(each, axis=0, weights=weights)
    np.testing.assert_allclose(instrument.expected(seen, weights), average, rtol=1e-12)
    assert np.abs(each[0] - average).max() > 0.02 * average.max()


def test_many_moments_taken_together_give_the_same_pattern() -> None:
    instrument = PowderInstrument()
    seen = states("conventional", np.arange(26.0, 234.0, 0.2))[-20:]
    average = 60 * np.mean([instrument.expected([state]) for state in seen], axis=0)
    together = instrument.pattern(seen, 60.0, None)
    assert np.abs((together - average) / np.sqrt(average)).max() < 1.5


def test_layered_peaks_merge_and_become_the_spinel_s() -> None:
    instrument = NOTHING_ELSE
    cold, *_, hot = states("conventional", np.arange(26.0, 262.0))
    splits_deg = []
    for state in (cold, hot):
        positions_deg = dict(zip(LAYERED, instrument.positions_deg(state.cells)[0], strict=True))
        splits_deg.append(positions_deg[1, 1, 0] - positions_deg[0, 1, 8])
    assert splits_deg[0] == pytest.approx(0.500, abs=0.002)
    assert splits_deg[1] < 0.15
    tops_deg = [
        TWO_THETA_DEG[near(5.45)][instrument.expected([state])[near(5.45)].argmax()]
        for state in (cold, hot)
    ]
    assert tops_deg[1] - tops_deg[0] == pytest.approx(0.09, abs=0.03)
    appeared = instrument.expected([hot])[near(8.98, 0.1)].max()
    assert appeared > 3 * instrument.expected([cold])[near(8.98, 0.1)].max()


def test_heat_moves_and_damps_peaks() -> None:
    cold, hot = (states("stable", [at_c])[0] for at_c in (25.0, 425.0))
    at_deg = [
        dict(zip(LAYERED, NOTHING_ELSE.positions_deg(s.cells)[0], strict=True)) for s in (cold, hot)
    ]
    assert at_deg[1][1, 1, 0] < at_deg[0][1, 1, 0] - 0.05
    of_110 = [
        NOTHING_ELSE.expected([state])[near(where[1, 1, 0])].sum()
        for state, where in zip((cold, hot), at_deg, strict=True)
    ]
    assert of_110[1] / of_110[0] == pytest.approx(np.exp(-0.5 * 1.2e-3 * 400 / 1.41**2), rel=0.03)


def test_there_is_background_everywhere() -> None:
    background = PowderInstrument().background
    assert background.min() > 5.0
    assert background.argmax() == 0
    assert np.sum(np.diff(np.sign(np.diff(background, 2))) != 0) >= 2


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"counts_per_s": -1.0}, "counts_per_s is -1.0"),
        ({"wavelength_a": 0.0}, "wavelength_a 0.0"),
        ({"size_a": (900.0, 0.0, 200.0)}, "size_a"),
    ],
)
def test_what_is_no_instrument_is_refused(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        PowderInstrument(**wrong)  # type: ignore[arg-type]


def test_an_exposure_sees_something() -> None:
    with pytest.raises(ValueError, match="an exposure without a state"):
        PowderInstrument().expected([])
