"""Powder patterns of a cathode that decomposes: peaks, background and counting noise."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.sim.decomposition import Phases, State
from cgnmc_bluesky.sim.lattice import ROOM_C, Cells

WAVELENGTH_A = 0.4522
BINS = 3000
START_DEG = 3.0
STEP_DEG = 19.0 / BINS
TWO_THETA_DEG = START_DEG + STEP_DEG * np.arange(0.5, BINS)
"""Middles of the bins, shape `(3000,)`."""
TWO_THETA_DEG.setflags(write=False)

LAYERED: Mapping[tuple[int, int, int], float] = MappingProxyType(
    {
        (0, 0, 3): 157.0,
        (1, 0, 1): 64.0,
        (0, 0, 6): 7.0,
        (0, 1, 2): 16.5,
        (1, 0, 4): 100.0,
        (0, 1, 5): 23.0,
        (0, 0, 9): 3.5,
        (1, 0, 7): 30.0,
        (0, 1, 8): 29.5,
        (1, 1, 0): 29.5,
        (1, 1, 3): 28.5,
        (0, 2, 1): 8.0,
    }
)
"""Areas for each transition metal relative to (104) of the layered phase. These and the next two
were calculated once from the structures (kinematic, with the Lorentz factor): R-3m with O at
z = 0.262; Fd-3m with u = 0.2625 and an eighth of the tetrahedral sites taken by transition metal;
Fm-3m with metal and lithium mixed."""
SPINEL: Mapping[tuple[int, int, int], float] = MappingProxyType(
    {
        (1, 1, 1): 111.0,
        (2, 2, 0): 2.0,
        (3, 1, 1): 76.0,
        (2, 2, 2): 16.5,
        (4, 0, 0): 78.5,
        (3, 3, 1): 15.0,
        (4, 2, 2): 0.5,
        (5, 1, 1): 36.5,
        (4, 4, 0): 57.0,
        (5, 3, 1): 21.5,
    }
)
ROCK_SALT: Mapping[tuple[int, int, int], float] = MappingProxyType(
    {(1, 1, 1): 65.5, (2, 0, 0): 125.5, (2, 2, 0): 77.5, (3, 1, 1): 32.0, (2, 2, 2): 23.5}
)
SCHERRER = 0.9
VIBRATION_A2_PER_K = 1.2e-3
"""Growth of the mean isotropic B with temperature."""
NEAR = 480
"""Bins in which a peak is drawn: at their ends it has less than a thousandth of its height."""
WINDOWS_DEG = np.lib.stride_tricks.sliding_window_view(TWO_THETA_DEG, NEAR)
GROUPS = 4
"""An exposure's moments are taken together in so many parts."""


@dataclass(frozen=True)
class _Lines:
    """Reflections of one phase, n of them."""

    squares: NDArray[np.float64]
    """Of (1/a)² and (1/c)² in (1/d)², shape `(2, n)`."""
    area: NDArray[np.float64]


def _hexagonal(table: Mapping[tuple[int, int, int], float]) -> _Lines:
    h, k, third = np.array(list(table), float).T
    squares = np.stack([4 / 3 * (h * h + h * k + k * k), third * third])
    return _Lines(squares, np.array([*table.values()]))


def _cubic(table: Mapping[tuple[int, int, int], float]) -> _Lines:
    squares = np.square(np.array(list(table), float)).sum(axis=1)
    return _Lines(np.stack([squares, np.zeros_like(squares)]), np.array([*table.values()]))


@dataclass(frozen=True)
class PowderInstrument:
    """An area detector behind a capillary, its rings averaged over the azimuth.

    Peaks are pseudo-Voigt functions; their width is the instrument's (G. Caglioti et al., Nucl.
    Instrum. 3 (1958) 223) and the crystallites' (Scherrer) in quadrature.

    Parameters
    ----------
    counts_per_s
        Counts in the layered phase's (104) peak, each second.
    wavelength_a
        Of the beam.
    caglioti_deg2
        U, V and W in FWHM² = U tan²θ + V tanθ + W.
    lorentz
        Share of the Lorentzian in a peak.
    size_a
        Crystallites of the layered phase, the spinel and the rock salt, in Å.
    air_per_s, glass_per_s, floor_per_s
        Background in a bin each second: what air scatters at the lowest angle, the capillary's
        halo, and what is there everywhere.

    Examples
    --------
    >>> from cgnmc_bluesky.sim.decomposition import CHARGED, Decomposition
    >>> expected = PowderInstrument().expected([Decomposition(CHARGED["gradient"]).state])
    >>> float(TWO_THETA_DEG[expected.argmax()].round(2))
    5.4
    """

    counts_per_s: float = 2000.0
    wavelength_a: float = WAVELENGTH_A
    caglioti_deg2: tuple[float, float, float] = (0.012, -0.002, 0.0021)
    lorentz: float = 0.45
    size_a: tuple[float, float, float] = (900.0, 320.0, 200.0)
    air_per_s: float = 30.0
    glass_per_s: float = 9.0
    floor_per_s: float = 6.0

    def __post_init__(self) -> None:
        if not (self.counts_per_s >= 0 and self.wavelength_a > 0 and min(self.size_a) > 0):
            raise ValueError(
                f"counts_per_s is {self.counts_per_s}, wavelength_a {self.wavelength_a} and size_a "
                f"{self.size_a}; give a rate from 0 on, and lengths above 0"
            )

    def expected(
        self, states: Sequence[State], weights: Sequence[float] | None = None
    ) -> NDArray[np.float64]:
        """Counts that are expected each second.

        Parameters
        ----------
        states
            What the beam saw in the course of an exposure, in order of time.
        weights
            How long it saw each, in any unit; all alike unless given.

        Returns
        -------
        NDArray[np.float64]
            Shape `(3000,)`, over `TWO_THETA_DEG`.
        """
        total = self.background.copy()
        for weight, state in _grouped(states, weights):
            self._add_peaks(total, state, weight)
        return total

    def pattern(
        self,
        states: State | Sequence[State],
        exposure_s: float,
        rng: np.random.Generator | None,
        weights: Sequence[float] | None = None,
    ) -> NDArray[np.float64]:
        """Expose.

        Parameters
        ----------
        states
            What the beam saw, in order of time; or all the time.
        exposure_s
            How long it lasts.
        rng
            Of the counting noise; `None` for none.
        weights
            How long it saw each, in any unit; all alike unless given.

        Returns
        -------
        NDArray[np.float64]
            Counts, shape `(3000,)`.
        """
        seen = [states] if isinstance(states, State) else states
        mean = self.expected(seen, weights) * exposure_s
        return mean if rng is None else rng.poisson(mean).astype(float)

    @cached_property
    def background(self) -> NDArray[np.float64]:
        """Counts in each bin and second that are no peak's, shape `(3000,)`."""
        x = TWO_THETA_DEG
        air = self.air_per_s * np.exp(-(x - x[0]) / 2.2)
        glass = self.glass_per_s * np.exp(-0.5 * ((x - 6.8) / 1.9) ** 2)
        glass += 0.35 * self.glass_per_s * np.exp(-0.5 * ((x - 12.5) / 3.0) ** 2)
        floor = self.floor_per_s * (1 + 0.015 * (x - x[0]))
        background: NDArray[np.float64] = air + glass + floor
        return background

    def positions_deg(self, cells: Cells) -> tuple[NDArray[np.float64], ...]:
        """Scattering angles 2θ of each phase's reflections, in the order of their tables."""
        return tuple(self._angles_deg(inverse_a) for inverse_a in _inverse_spacings(cells))

    def fwhm_deg(self, two_theta_deg: NDArray[np.float64], size_a: float) -> NDArray[np.float64]:
        """Full width at half maximum of peaks at scattering angles 2θ, shape `(n,)`."""
        theta = np.radians(two_theta_deg) / 2
        u, v, w = self.caglioti_deg2
        instrument_deg2 = u * np.tan(theta) ** 2 + v * np.tan(theta) + w
        size_deg = np.degrees(SCHERRER * self.wavelength_a / (size_a * np.cos(theta)))
        fwhm_deg: NDArray[np.float64] = np.sqrt(instrument_deg2 + size_deg**2)
        return fwhm_deg

    def _add_peaks(self, total: NDArray[np.float64], state: State, weight: float) -> None:
        hotter_k = state.temperature_c - ROOM_C
        for share, lines, inverse_a, size_a in zip(
            state.phases, LINES, _inverse_spacings(state.cells), self.size_a, strict=True
        ):
            if share <= 0:
                continue
            at_deg = self._angles_deg(inverse_a)
            damping = np.exp(-0.5 * VIBRATION_A2_PER_K * hotter_k * inverse_a**2)
            counts = lines.area / 100 * damping * (self.counts_per_s * share * weight * STEP_DEG)
            begin = np.clip((at_deg - START_DEG) / STEP_DEG - NEAR / 2, 0, BINS - NEAR).astype(int)
            x_deg = WINDOWS_DEG[begin] - at_deg[:, None]
            peaks = self._peak(x_deg, self.fwhm_deg(at_deg, size_a)[:, None])
            for first, peak, area in zip(begin, peaks, counts, strict=True):
                total[first : first + NEAR] += area * peak

    def _angles_deg(self, inverse_a: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scattering angles 2θ by Bragg's law, from 1/d."""
        angles_deg: NDArray[np.float64] = np.degrees(
            2 * np.arcsin(self.wavelength_a / 2 * inverse_a)
        )
        return angles_deg

    def _peak(
        self, x_deg: NDArray[np.float64], fwhm_deg: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Pseudo-Voigt function of unit area."""
        squares = (2 * x_deg / fwhm_deg) ** 2
        gauss = 2 * math.sqrt(math.log(2) / math.pi) / fwhm_deg
        peak: NDArray[np.float64] = (1 - self.lorentz) * gauss * np.exp(-math.log(2) * squares)
        return peak + self.lorentz * 2 / (math.pi * fwhm_deg) / (1 + squares)


LINES = (_hexagonal(LAYERED), _cubic(SPINEL), _cubic(ROCK_SALT))


def _inverse_spacings(cells: Cells) -> list[NDArray[np.float64]]:
    """1/d of each phase's reflections, in 1/Å."""
    axes = (
        (cells.layered_a, cells.layered_c),
        (cells.spinel_a, cells.spinel_a),
        (cells.rock_salt_a, cells.rock_salt_a),
    )
    return [
        np.sqrt(lines.squares[0] / a**2 + lines.squares[1] / c**2)
        for lines, (a, c) in zip(LINES, axes, strict=True)
    ]


def _grouped(states: Sequence[State], weights: Sequence[float] | None) -> list[tuple[float, State]]:
    """Take moments together: as many as `GROUPS`, with weights that add up to 1."""
    if not states:
        raise ValueError("an exposure without a state; give what the beam saw at least once")
    shares = np.ones(len(states)) if weights is None else np.asarray(weights, float)
    shares = shares / shares.sum()
    rows = np.array([[s.temperature_c, *s.phases, *s.cells] for s in states])
    groups = []
    for part in np.array_split(np.arange(len(states)), min(GROUPS, len(states))):
        weight = float(shares[part].sum())
        if weight > 0:
            mean = (shares[part] @ rows[part] / weight).tolist()
            groups.append((weight, State(mean[0], Phases(*mean[1:4]), Cells(*mean[4:]))))
    return groups
