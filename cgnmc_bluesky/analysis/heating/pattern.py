"""A diffraction pattern as a sum of three phases over a smooth background."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from cgnmc_bluesky.analysis.heating.bins import Bins
from cgnmc_bluesky.analysis.heating.cells import Index, Reflections, positions, two_theta_deg
from cgnmc_bluesky.analysis.heating.peaks import profile
from cgnmc_bluesky.analysis.heating.structures import (
    Structure,
    expected,
    layered,
    lorentz,
    rock_salt,
    spinel,
)

Floats = NDArray[np.float64]

KNOTS_DEG = 1.2
"""Distance of the background's knots at the usual wavelength, in degrees."""
USUAL_WAVELENGTH_A = 0.4522
_FAINT = 0.03
"""Lines of a smaller part of their phase's strongest keep the intensity that they should have."""
_REACH = 20.0
"""A line ends so many widths away from its maximum."""
_TETRAHEDRAL: Index = (2, 2, 0)
"""The spinel's line that only metal on tetrahedra gives."""
TAN_OF_WIDTH = 0.16
"""The tangent of θ at which `broadening` counts once."""
TAN_OF_SKEW = 0.05
"""The tangent of θ at which `divergence` counts once."""
_PRODUCT = 2**18
"""Multiplications that a BLAS makes in one thread, in one order."""

SHARED = ("zero_deg", "skew", "divergence", "lorentz", "b_a2")
"""Parameters that all phases share: error of the axis, shape of the lines (their skewness, and what
the beam's divergence adds to it at small angles), thermal motion."""


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

    def cell(self, phase: PhaseLines) -> slice:
        """Places of a phase's cell."""
        first = self.at[f"{phase.name}.a"]
        return slice(first, first + phase.lines.quadratic.shape[1])


def phases_at(wavelength_a: float) -> tuple[PhaseLines, ...]:
    """Give the three phases in patterns of a wavelength in ångström."""
    return tuple(PhaseLines(one(), wavelength_a) for one in (layered, spinel, rock_salt))


def background_columns(angle_deg: Floats, wavelength_a: float) -> Floats:
    """Smooth curves whose sum is the background.

    Parameters
    ----------
    angle_deg
        2θ, shape `(n,)`, ascending.
    wavelength_a
        In ångström.

    Returns
    -------
    ndarray
        Cubic B-splines, shape `(k, n)`.
    """
    span = float(angle_deg[-1] - angle_deg[0])
    n_spans = max(3, round(span / (KNOTS_DEG * wavelength_a / USUAL_WAVELENGTH_A)))
    inner = np.linspace(angle_deg[0], angle_deg[-1], n_spans + 1)
    knots = np.concatenate([[inner[0]] * 3, inner, [inner[-1]] * 3])
    columns = BSpline.design_matrix(angle_deg, knots, 3).toarray().T
    return np.ascontiguousarray(columns, dtype=np.float64)


@dataclass(frozen=True)
class Lines:
    """Where a phase's lines stand, and which bins they reach.

    Parameters
    ----------
    first, last
        Bins from and to which each line reaches, shape `(n,)`.
    """

    first: NDArray[np.intp]
    last: NDArray[np.intp]


@dataclass(frozen=True)
class PatternModel:
    """What a pattern should be, given parameters.

    Parameters
    ----------
    bins
        The pattern.
    phases
        The phases.
    wavelength_a
        In ångström.
    """

    bins: Bins
    phases: tuple[PhaseLines, ...]
    wavelength_a: float
    columns: Floats = field(repr=False)

    @cached_property
    def layout(self) -> Layout:
        """Where each parameter stands."""
        return Layout(self.phases, len(self.columns))

    def reach(self, values: Floats) -> list[Lines]:
        """Find the bins that the lines reach, so that they need not be evaluated elsewhere."""
        found = []
        for phase in self.phases:
            angle_deg, _, fwhm_deg, _ = self._lines(phase, values)
            room = _REACH * fwhm_deg
            known = np.isfinite(angle_deg)
            low = np.where(known, angle_deg - room, 181.0)
            high = np.where(known, angle_deg + room, 181.0)
            edges = np.searchsorted(self.bins.angle_deg, [low, high])
            found.append(Lines(edges[0], edges[1]))
        return found

    def _lines(self, phase: PhaseLines, values: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Positions, their slopes by the cell, widths, and what `broadening` multiplies."""
        layout = self.layout
        angle_deg, by_cell = positions(phase.lines, values[layout.cell(phase)], self.wavelength_a)
        tangent = np.tan(np.radians(angle_deg) / 2.0) / TAN_OF_WIDTH
        log_fwhm = values[layout.at[f"{phase.name}.log_fwhm"]]
        broadening = values[layout.at[f"{phase.name}.broadening"]]
        fwhm_deg = np.exp(np.clip(log_fwhm + broadening * tangent, -8.0, 2.0))
        return angle_deg + values[layout.at["zero_deg"]], by_cell, fwhm_deg, tangent

    def heights(self, phase: PhaseLines, values: Floats) -> Floats:
        """Integrated intensity of each line, without thermal motion, shape `(n,)`."""
        at = self.layout.at
        factor = np.ones(len(phase.lines))
        for n in phase.adjusted:
            factor[n] += values[at[f"{phase.name}.line{n}"]]
        found: Floats = values[at[f"{phase.name}.amount"]] * phase.intensity * factor
        if phase.tetrahedral is not None:
            own = values[at[f"{phase.name}.tetrahedral"]]
            found[phase.tetrahedral] = own * phase.intensity.max()
        return found

    def measured_heights(self, phase: PhaseLines, values: Floats) -> tuple[Floats, Floats]:
        """Integrated intensity of each line as it is measured, and its slopes.

        Parameters
        ----------
        phase
            The phase.
        values
            The parameters, shape `(p,)`.

        Returns
        -------
        tuple of ndarray
            Shapes `(n,)` and `(n, p)`.
        """
        at, name = self.layout.at, phase.name
        thermal = np.exp(-2.0 * values[at["b_a2"]] * phase.s2)
        height = self.heights(phase, values) * thermal
        slopes = np.zeros((len(height), self.layout.size))
        slopes[:, at["b_a2"]] = -2.0 * phase.s2 * height
        unit = phase.intensity * thermal
        amount = values[at[f"{name}.amount"]]
        slopes[:, at[f"{name}.amount"]] = unit
        for n in phase.adjusted:
            place = at[f"{name}.line{n}"]
            slopes[n, at[f"{name}.amount"]] = unit[n] * (1.0 + values[place])
            slopes[n, place] = unit[n] * amount
        if phase.tetrahedral is not None:
            n = phase.tetrahedral
            slopes[n, at[f"{name}.amount"]] = 0.0
            slopes[n, at[f"{name}.tetrahedral"]] = phase.intensity.max() * thermal[n]
        return height, slopes

    def parts(self, values: Floats) -> dict[str, Floats]:
        """Give what each phase and the background contribute, each of shape `(n,)`."""
        reach = self.reach(values)
        found = {
            phase.name: self._phase(phase, values, lines, None)
            for phase, lines in zip(self.phases, reach, strict=True)
        }
        smooth = np.einsum("kn,k->n", self.columns, values[self.layout.background])
        return {"background": smooth, **found}

    def evaluate(self, values: Floats, reach: Sequence[Lines]) -> tuple[Floats, Floats]:
        """Give the pattern and its slopes.

        Parameters
        ----------
        values
            The parameters, shape `(p,)`.
        reach
            The bins that the lines reach.

        Returns
        -------
        tuple of ndarray
            Shapes `(n,)` and `(p, n)`.
        """
        slopes = np.zeros((self.layout.size, len(self.bins)))
        slopes[self.layout.background] = self.columns
        total = np.einsum("kn,k->n", self.columns, values[self.layout.background])
        for phase, lines in zip(self.phases, reach, strict=True):
            total += self._phase(phase, values, lines, slopes)
        return total, slopes

    def _phase(
        self, phase: PhaseLines, values: Floats, reach: Lines, slopes: Floats | None
    ) -> Floats:
        at, name = self.layout.at, phase.name
        angle_deg, by_cell, fwhm_deg, tangent = self._lines(phase, values)
        length = np.maximum(reach.last - reach.first, 0)
        line = np.repeat(np.arange(len(length)), length)
        starts = np.concatenate([[0], np.cumsum(length)])
        bin_ = np.arange(len(line)) - starts[line] + reach.first[line]
        away = self.bins.angle_deg[bin_] - angle_deg[line]
        cotangent = TAN_OF_SKEW / TAN_OF_WIDTH / tangent
        skew = np.clip(values[at["skew"]] + values[at["divergence"]] * cotangent, -0.8, 0.8)
        shape = profile(away, fwhm_deg[line], skew[line], float(values[at["lorentz"]]))
        thermal = np.exp(-2.0 * values[at["b_a2"]] * phase.s2)
        height = self.heights(phase, values) * thermal
        n_bins = len(self.bins)

        def summed(weights: Floats, of: Floats) -> Floats:
            return np.asarray(np.bincount(bin_, weights[line] * of, n_bins), dtype=np.float64)

        total = summed(height, shape.value)
        if slopes is None:
            return total
        slopes[at["zero_deg"]] += summed(height, shape.by_position)
        slopes[at["skew"]] += summed(height, shape.by_skew)
        slopes[at["divergence"]] += summed(height * cotangent, shape.by_skew)
        slopes[at["lorentz"]] += summed(height, shape.by_lorentz)
        slopes[at["b_a2"]] += summed(-2.0 * phase.s2 * height, shape.value)
        for n, place in enumerate(range(*self.layout.cell(phase).indices(self.layout.size))):
            slopes[place] = summed(height * by_cell[:, n], shape.by_position)
        slopes[at[f"{name}.log_fwhm"]] = summed(height, shape.by_log_fwhm)
        slopes[at[f"{name}.broadening"]] = summed(height * tangent, shape.by_log_fwhm)
        self._intensity_slopes(phase, values, thermal, (reach, starts, shape.value), slopes)
        return total

    def _intensity_slopes(
        self,
        phase: PhaseLines,
        values: Floats,
        thermal: Floats,
        lines: tuple[Lines, NDArray[np.intp], Floats],
        slopes: Floats,
    ) -> None:
        """How the pattern changes with the amount of a phase, and with its lines' intensities."""
        at, name = self.layout.at, phase.name
        reach, starts, shape = lines
        amount = values[at[f"{name}.amount"]]
        of_amount = slopes[at[f"{name}.amount"]]
        adjusted = set(phase.adjusted.tolist())
        for n in range(len(phase.lines)):
            part = slice(reach.first[n], max(reach.first[n], reach.last[n]))
            unit = thermal[n] * phase.intensity[n] * shape[starts[n] : starts[n + 1]]
            if n == phase.tetrahedral:
                slopes[at[f"{name}.tetrahedral"], part] = (
                    unit * phase.intensity.max() / phase.intensity[n]
                )
            elif n in adjusted:
                place = at[f"{name}.line{n}"]
                of_amount[part] += (1.0 + values[place]) * unit
                slopes[place, part] = amount * unit
            else:
                of_amount[part] += unit


def normal_of(slopes: Floats, weights: Floats) -> Floats:
    """Normal matrix of weighted least squares, with the same bits however many threads there are.

    Parameters
    ----------
    slopes
        Shape `(p, n)`.
    weights
        Shape `(n,)`.
    """
    n_parameters, n_bins = slopes.shape
    width = max(1, _PRODUCT // n_parameters**2)
    rooted = slopes * np.sqrt(weights)
    found = np.zeros((n_parameters, n_parameters))
    for first in range(0, n_bins, width):
        part = rooted[:, first : first + width]
        found += part @ part.T
    return found
