"""Bragg positions of the three phases that a layered cathode goes through when it is heated."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CU_KA1_A = 1.5406
"""Wavelength of copper's Kα1, on whose axis patterns are compared with the literature."""

CUBIC_RATIO = 24.0**0.5
"""c/a of a layered cell whose oxygen and metal stand as in the cubic phases: 4.899."""

Index = tuple[int, int, int]


@dataclass(frozen=True)
class Reflections:
    """Lines of one phase, as functions of its cell.

    Parameters
    ----------
    phase
        "layered", "spinel" or "rock_salt".
    indices
        Miller indices of each line, on hexagonal axes where the phase is layered.

    Examples
    --------
    >>> spinel = Reflections("spinel", ((1, 1, 1), (4, 4, 0)))
    >>> two_theta_deg(spinel.inverse_d2(np.array([8.15])), 0.4522).round(3)
    array([ 5.508, 18.058])
    """

    phase: str
    indices: tuple[Index, ...]

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def is_cubic(self) -> bool:
        """Whether a alone is the cell."""
        return self.phase != "layered"

    @cached_property
    def quadratic(self) -> Floats:
        """Factors of 1/a² and, of a layered phase, 1/c² in 1/d², shape `(n, 1)` or `(n, 2)`."""
        return self.quadratic_of(np.array(self.indices, dtype=np.float64))

    def quadratic_of(self, indices: Floats) -> Floats:
        """Give such factors of any planes of the phase.

        Parameters
        ----------
        indices
            Miller indices, shape `(n, 3)`.
        """
        h, k, l = indices.T  # noqa: E741
        columns = [h * h + k * k + l * l]
        if not self.is_cubic:
            columns = [4.0 / 3.0 * (h * h + h * k + k * k), l * l]
        return np.stack(columns, axis=1)

    def inverse_d2(self, cell_a: Floats) -> Floats:
        """Give 1/d² of each line.

        Parameters
        ----------
        cell_a
            a, or a and c, in ångström, shape `(1,)` or `(2,)`; or many, shape `(m, 1)` or `(m, 2)`.

        Returns
        -------
        ndarray
            In 1/Å², shape `(n,)` or `(m, n)`.
        """
        found: Floats = np.einsum("...k,nk->...n", cell_a**-2.0, self.quadratic)
        return found

    def index_of(self, *indices: int) -> int:
        """Place of a line by its Miller indices."""
        return self.indices.index((indices[0], indices[1], indices[2]))


def two_theta_deg(inverse_d2: Floats, wavelength_a: float) -> Floats:
    """Scattering angle of lines, by Bragg's law.

    Parameters
    ----------
    inverse_d2
        1/d² in 1/Å², any shape.
    wavelength_a
        In ångström.

    Returns
    -------
    ndarray
        In degrees; NaN where the wavelength is too long for a line.
    """
    sine = 0.5 * wavelength_a * np.sqrt(inverse_d2)
    found: Floats = 2.0 * np.degrees(np.arcsin(np.where(sine <= 1.0, sine, np.nan)))
    return found


def positions(
    reflections: Reflections, cell_a: Floats, wavelength_a: float
) -> tuple[Floats, Floats]:
    """Scattering angles of a phase's lines, and how they move with its cell.

    Parameters
    ----------
    reflections
        The lines.
    cell_a
        a, or a and c, in ångström.
    wavelength_a
        In ångström.

    Returns
    -------
    tuple of ndarray
        2θ in degrees, shape `(n,)`, and its derivatives in degrees an ångström, shape `(n, 1)` or
        `(n, 2)`.
    """
    angle_deg = two_theta_deg(reflections.inverse_d2(cell_a), wavelength_a)
    # sin²θ = λ²/4 · 1/d², so d(2θ)/d(1/d²) = λ² / (2 sin 2θ)
    by_inverse_d2 = np.degrees(wavelength_a**2 / (2.0 * np.sin(np.radians(angle_deg))))
    return angle_deg, by_inverse_d2[:, None] * reflections.quadratic * -2.0 * cell_a**-3.0


def converted(angle_deg: Floats, from_a: float, to_a: float = CU_KA1_A) -> Floats:
    """Scattering angles as another wavelength would give them: an axis to compare by, no more.

    Parameters
    ----------
    angle_deg
        2θ in degrees, any shape.
    from_a, to_a
        The two wavelengths, in ångström.

    Returns
    -------
    ndarray
        In degrees; NaN where the other wavelength is too long.

    Examples
    --------
    >>> converted(np.array([5.400, 18.455]), 0.4522).round(2)
    array([18.47, 66.23])
    """
    sine = np.sin(np.radians(angle_deg) / 2.0) * to_a / from_a
    found: Floats = 2.0 * np.degrees(np.arcsin(np.where(np.abs(sine) <= 1.0, sine, np.nan)))
    return found
