"""Diffraction patterns of a heated cathode whose lines, tables and backgrounds are their own."""

from dataclasses import dataclass, field

import numpy as np
from scipy.special import gamma

from cgnmc_bluesky.analysis.rows import Block

WAVELENGTH_A = 0.4522
TWO_THETA_DEG = np.linspace(4.0, 22.0, 3000)

# h, k, l and integrated intensity of one metal atom, as a table of measured patterns would have it
LAYERED = {
    (0, 0, 3): 95, (1, 0, 1): 44, (0, 0, 6): 5, (0, 1, 2): 10, (1, 0, 4): 60, (0, 1, 5): 13,
    (0, 0, 9): 3, (1, 0, 7): 17, (0, 1, 8): 19, (1, 1, 0): 20, (1, 1, 3): 18, (0, 2, 1): 5,
    (1, 1, 6): 3, (2, 0, 2): 2, (1, 0, 10): 2,
}  # fmt: skip
SPINEL = {
    (1, 1, 1): 70, (2, 2, 0): 3, (3, 1, 1): 32, (2, 2, 2): 9, (4, 0, 0): 50, (3, 3, 1): 8,
    (5, 1, 1): 18, (4, 4, 0): 38, (5, 3, 1): 12, (6, 2, 2): 4,
}  # fmt: skip
ROCK_SALT = {(1, 1, 1): 52, (2, 0, 0): 80, (2, 2, 0): 54, (3, 1, 1): 20, (2, 2, 2): 15}


@dataclass
class Truth:
    """What a pattern is made of."""

    a: float = 2.820
    c: float = 14.40
    spinel_a: float = 8.15
    rock_salt_a: float = 4.14
    shares: tuple[float, float, float] = (1.0, 0.0, 0.0)
    counts: float = 2000.0
    """Of the layered (003) in its highest bin."""
    background: float = 150.0
    fwhm_deg: float = 0.06
    strain: tuple[float, float, float] = (0.1, 0.3, 0.3)
    """Width that a phase's lines have besides, in degrees at 2θ = 45°."""
    tail: float = 1.6
    """Exponent of the Pearson VII: 1 is a Lorentzian, large a Gaussian."""
    skew: float = 0.1
    zero_deg: float = 0.0
    b_a2: float = 0.0
    texture: dict = field(default_factory=dict)
    """Factor of a line, by its indices."""

    def split_deg(self):
        angle = angles_deg([(0, 1, 8), (1, 1, 0)], (self.a, self.c))
        return angle[1] - angle[0]


def angles_deg(indices, cell, wavelength_a=WAVELENGTH_A):
    h, k, l = np.array(indices, dtype=float).T  # noqa: E741
    if len(cell) == 2:
        inverse_d2 = 4 * (h * h + h * k + k * k) / (3 * cell[0] ** 2) + (l / cell[1]) ** 2
    else:
        inverse_d2 = (h * h + k * k + l * l) / cell[0] ** 2
    return 2 * np.degrees(np.arcsin(wavelength_a * np.sqrt(inverse_d2) / 2))


def pearson(x, fwhm, tail, skew):
    """Split Pearson VII of unit area whose left side is the wider."""
    half = fwhm / 2 * np.where(x < 0, 1 + skew, 1 - skew)
    width = half / np.sqrt(2 ** (1 / tail) - 1)
    area = np.sqrt(np.pi) * gamma(tail - 0.5) / gamma(tail) * fwhm / 2
    area /= np.sqrt(2 ** (1 / tail) - 1)
    return (1 + (x / width) ** 2) ** -tail / area


def expected(truth, axis_deg=TWO_THETA_DEG):
    """Mean counts of a pattern, shape `(n,)`."""
    x = axis_deg - truth.zero_deg
    unit = truth.counts * truth.fwhm_deg / 95
    phases = (
        (LAYERED, (truth.a, truth.c)),
        (SPINEL, (truth.spinel_a,)),
        (ROCK_SALT, (truth.rock_salt_a,)),
    )
    total = np.zeros_like(x)
    for (table, cell), share, strain in zip(phases, truth.shares, truth.strain, strict=True):
        for indices, intensity in table.items():
            at = angles_deg([indices], cell)[0]
            fwhm = np.hypot(truth.fwhm_deg, strain * np.tan(np.radians(at / 2)) * 2)
            s2 = (np.sin(np.radians(at / 2)) / WAVELENGTH_A) ** 2
            height = intensity * np.exp(-2 * truth.b_a2 * s2) * truth.texture.get(indices, 1.0)
            # skewness of axial divergence dies out towards larger angles
            skew = truth.skew * 5.4 / at
            total += share * unit * height * pearson(x - at, fwhm, truth.tail, skew)
    hump = 0.5 * np.exp(-(((x - 9.0) / 3.5) ** 2)) + 0.2 / (1 + ((x - 14.0) / 1.5) ** 2)
    return total + truth.background * (0.4 + 1.5 * np.exp(-x / 3.0) + hump)


def measured(rng, truth, axis_deg=TWO_THETA_DEG):
    """Poisson counts of one pattern."""
    return rng.poisson(expected(truth, axis_deg)).astype(float)


def ramp(n, **how):
    """Truths of the patterns of a ramp, with their temperatures: layered, spinel, rock salt."""
    for temperature_c in np.linspace(25.0, 500.0, n):
        hotter = temperature_c - 25.0
        converted = 1 / (1 + np.exp(-(temperature_c - 220.0) / 15.0))
        reduced = 1 / (1 + np.exp(-(temperature_c - 400.0) / 25.0))
        yield (
            temperature_c,
            Truth(
                a=2.820 * (1 + 1.3e-5 * hotter),
                c=14.40 * (1 + 2.1e-5 * hotter) - 0.1 * converted,
                spinel_a=8.15 * (1 + 1.2e-5 * hotter),
                rock_salt_a=4.14 * (1 + 1.4e-5 * hotter),
                shares=(1 - converted, converted * (1 - reduced), converted * reduced),
                b_a2=1.2e-3 * hotter,
                **how,
            ),
        )


def block_of(number, pattern, axis_deg=TWO_THETA_DEG, *, stream="primary", **others):
    """One pattern as a block of one row, a minute after the one before."""
    values = {"pattern": np.asarray(pattern, dtype=float)[None]}
    if axis_deg is not None:
        values["two_theta_deg"] = np.asarray(axis_deg, dtype=float)[None]
    values |= {role: np.array([value]) for role, value in others.items()}
    return Block(stream, np.array([number]), np.array([60.0 * number]), values)
