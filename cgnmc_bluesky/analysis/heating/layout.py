"""Lines of the three phases, and the parameters that a pattern of them has."""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.heating.cells import Index, Reflections, two_theta_deg
from cgnmc_bluesky.analysis.heating.structures import (
    Structure,
    expected,
    layered,
    lorentz,
    rock_salt,
    spinel,
)

Floats = NDArray[np.float64]

_FAINT = 0.03
"""Lines of a smaller part of their phase's strongest keep the intensity that they should have."""
_TETRAHEDRAL: Index = (2, 2, 0)
"""The spinel's line that only metal on tetrahedra gives."""

SHARED = ("zero_deg", "skew", "divergence", "tailed", "tail", "b_a2")
"""Parameters that all phases share: error of the axis, shape of the lines (their skewness, and what
the beam's divergence adds to it at small angles; the share of their part with tails, and how short
these are), thermal motion."""


@dataclass(frozen=True)
class PhaseLines:
    """One phase's lines in the patterns of a run.

    Parameters
    ----------
    structure
        The phase.
    wavelength_a
        In ångström.
    """

    structure: Structure
    wavelength_a: float

    @property
    def name(self) -> str:
        """Name of the phase."""
        return self.structure.phase

    @cached_property
    def lines(self) -> Reflections:
        """The lines."""
        return expected(self.structure).lines

    @cached_property
    def intensity(self) -> Floats:
        """What a metal atom gives each line."""
        cell_a = np.array(self.structure.cell_a)
        angle_deg = two_theta_deg(self.lines.inverse_d2(cell_a), self.wavelength_a)
        return expected(self.structure).strength * np.nan_to_num(lorentz(angle_deg))

    @cached_property
    def s2(self) -> Floats:
        """(sin θ / λ)² of each line, in 1/Å²."""
        return self.lines.inverse_d2(np.array(self.structure.cell_a)) / 4.0

    @cached_property
    def adjusted(self) -> NDArray[np.intp]:
        """Lines whose intensity may differ from what the structure gives."""
        is_strong = self.intensity >= _FAINT * self.intensity.max()
        return np.flatnonzero(is_strong)

    @property
    def tetrahedral(self) -> int | None:
        """The line that has an amplitude of its own, if there is one."""
        if self.name != "spinel":
            return None
        return self.lines.index_of(*_TETRAHEDRAL)


@dataclass(frozen=True)
class Layout:
    """Where each parameter stands.

    Parameters
    ----------
    phases
        The phases.
    n_background
        Coefficients of the background.
    """

    phases: tuple[PhaseLines, ...]
    n_background: int

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all parameters but the background's, in order."""
        names = list(SHARED)
        for phase in self.phases:
            cell = ("a",) if phase.lines.is_cubic else ("a", "c")
            own = ["amount", *cell, "log_fwhm", "broadening"]
            own += ["tetrahedral"] if phase.tetrahedral is not None else []
            own += [f"line{n}" for n in phase.adjusted]
            names += [f"{phase.name}.{name}" for name in own]
        return tuple(names)

    @cached_property
    def at(self) -> dict[str, int]:
        """Place of a parameter by its name."""
        return {name: n for n, name in enumerate(self.names)}

    @property
    def size(self) -> int:
        """Number of parameters."""
        return len(self.names) + self.n_background

    @property
    def background(self) -> slice:
        """Places of the background's coefficients."""
        return slice(len(self.names), self.size)

    def adjusted(self, phase: PhaseLines) -> NDArray[np.intp]:
        """Places of the intensities of a phase's lines that may differ from what they should be."""
        return self._adjusted[phase.name]

    @cached_property
    def _adjusted(self) -> dict[str, NDArray[np.intp]]:
        return {
            phase.name: np.array([self.at[f"{phase.name}.line{n}"] for n in phase.adjusted])
            for phase in self.phases
        }

    def cell(self, phase: PhaseLines) -> slice:
        """Places of a phase's cell."""
        first = self.at[f"{phase.name}.a"]
        return slice(first, first + phase.lines.quadratic.shape[1])


@cache
def phases_at(wavelength_a: float) -> tuple[PhaseLines, ...]:
    """Give the three phases in patterns of a wavelength in ångström."""
    return tuple(PhaseLines(one(), wavelength_a) for one in (layered, spinel, rock_salt))
