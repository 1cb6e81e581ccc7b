"""A diffraction pattern as a sum of three phases over a smooth background."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.heating.bins import Bins
from cgnmc_bluesky.analysis.heating.cells import positions
from cgnmc_bluesky.analysis.heating.layout import Layout, PhaseLines
from cgnmc_bluesky.analysis.heating.peaks import Profile, Shape, profile

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

TAN_OF_WIDTH = 0.16
"""The tangent of θ at which `broadening` counts once."""
TAN_OF_SKEW = 0.05
"""The tangent of θ at which `divergence` counts once."""
_UNSEEN = 0.2
"""A line ends where its tail is smaller than this part of the noise of a bin."""
_REACH = (4.0, 25.0)
"""But not nearer to its maximum than so many widths, nor farther."""


@dataclass(frozen=True)
class Reach:
    """Which bins the lines of a phase reach.

    Parameters
    ----------
    first, last
        Bins from and to which, shape `(n,)`.
    """

    first: Places
    last: Places

    @cached_property
    def starts(self) -> Places:
        """Where each line's bins begin among those of all lines, shape `(n + 1,)`."""
        return np.concatenate([[0], np.cumsum(self.last - self.first)])

    @cached_property
    def line(self) -> Places:
        """The line that each bin of all lines is of."""
        return np.repeat(np.arange(len(self.first)), self.last - self.first)

    @cached_property
    def bin(self) -> Places:
        """Each bin of all lines, in the pattern."""
        return np.arange(len(self.line)) + (self.first - self.starts[:-1])[self.line]


@dataclass(frozen=True)
class _Drawn:
    """Lines of a phase at some parameters.

    Parameters
    ----------
    reach
        Bins of each line.
    shape
        The lines in these bins.
    height
        Integrated intensity of each line as it is measured, shape `(n,)`.
    thermal
        What of it thermal motion leaves.
    by_cell
        How the lines move with the cell, shape `(n, 1)` or `(n, 2)`.
    tangent
        Of θ, over that at which `broadening` counts once.
    """

    reach: Reach
    shape: Profile
    height: Floats
    thermal: Floats
    by_cell: Floats
    tangent: Floats


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
    columns
        Curves that the background is a sum of, shape `(k, n)`.
    """

    bins: Bins
    phases: tuple[PhaseLines, ...]
    wavelength_a: float
    columns: Floats = field(repr=False)

    @cached_property
    def layout(self) -> Layout:
        """Where each parameter stands."""
        return Layout(self.phases, len(self.columns))

    @cached_property
    def noise(self) -> float:
        """Standard deviation of a usual bin."""
        return float(np.sqrt(np.median(self.bins.variance)))

    def reach(self, values: Floats) -> list[Reach]:
        """Find the bins that the lines reach, so that they need not be evaluated elsewhere.

        Parameters
        ----------
        values
            The parameters, shape `(p,)`.
        """
        found = []
        for phase in self.phases:
            angle_deg, _, fwhm_deg, _ = self._lines(phase, values)
            top = np.abs(self.heights(phase, values)) / fwhm_deg
            room = np.clip(0.5 * np.sqrt(top / (_UNSEEN * self.noise)), *_REACH) * fwhm_deg
            known = np.isfinite(angle_deg)
            low = np.where(known, angle_deg - room, 181.0)
            high = np.where(known, angle_deg + room, 181.0)
            edges = np.searchsorted(self.bins.angle_deg, [low, high])
            found.append(Reach(edges[0], edges[1]))
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
        factor[phase.adjusted] += values[self.layout.adjusted(phase)]
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
        lines, places = phase.adjusted, self.layout.adjusted(phase)
        slopes[lines, at[f"{name}.amount"]] *= 1.0 + values[places]
        slopes[lines, places] = unit[lines] * amount
        if phase.tetrahedral is not None:
            n = phase.tetrahedral
            slopes[n, at[f"{name}.amount"]] = 0.0
            slopes[n, at[f"{name}.tetrahedral"]] = phase.intensity.max() * thermal[n]
        return height, slopes

    def parts(self, values: Floats) -> dict[str, Floats]:
        """Give what each phase and the background contribute, each of shape `(n,)`.

        Parameters
        ----------
        values
            The parameters, shape `(p,)`.
        """
        found = {"background": self._background(values)}
        for phase, reach in zip(self.phases, self.reach(values), strict=True):
            drawn = self._drawn(phase, values, reach)
            found[phase.name] = self._summed(reach, drawn.height, drawn.shape.value)
        return found

    def evaluate(
        self, values: Floats, reach: Sequence[Reach], fitted: NDArray[np.bool_]
    ) -> tuple[Floats, Floats]:
        """Give the pattern and its slopes.

        Parameters
        ----------
        values
            The parameters, shape `(p,)`.
        reach
            The bins that the lines of each phase reach.
        fitted
            Parameters whose slopes are wanted, shape `(p,)`; those of the background are.

        Returns
        -------
        tuple of ndarray
            Shapes `(n,)` and `(f, n)` for f wanted slopes.
        """
        # a parameter that is not fitted has its slope in the last row, which is not given out
        rows = np.where(fitted, np.cumsum(fitted) - 1, np.count_nonzero(fitted))
        slopes = np.zeros((np.count_nonzero(fitted) + 1, len(self.bins)))
        slopes[rows[self.layout.background]] = self.columns
        total = self._background(values)
        for phase, bins in zip(self.phases, reach, strict=True):
            drawn = self._drawn(phase, values, bins)
            total += self._summed(bins, drawn.height, drawn.shape.value)
            if fitted[self.layout.cell(phase)].any():
                self._shape_slopes(phase, drawn, slopes, rows)
            self._intensity_slopes(phase, values, drawn, slopes, rows)
        return total, slopes[:-1]

    def _background(self, values: Floats) -> Floats:
        found: Floats = np.einsum("kn,k->n", self.columns, values[self.layout.background])
        return found

    def _drawn(self, phase: PhaseLines, values: Floats, reach: Reach) -> _Drawn:
        at = self.layout.at
        angle_deg, by_cell, fwhm_deg, tangent = self._lines(phase, values)
        away_deg = self.bins.angle_deg[reach.bin] - angle_deg[reach.line]
        divergence = values[at["divergence"]] * TAN_OF_SKEW / TAN_OF_WIDTH / tangent
        skew = np.clip(values[at["skew"]] + divergence, -0.8, 0.8)
        form = Shape(float(values[at["tailed"]]), float(values[at["tail"]]))
        shape = profile(away_deg, fwhm_deg[reach.line], skew[reach.line], form)
        thermal = np.exp(-2.0 * values[at["b_a2"]] * phase.s2)
        height = self.heights(phase, values) * thermal
        return _Drawn(reach, shape, height, thermal, by_cell, tangent)

    def _summed(self, reach: Reach, weights: Floats, of: Floats) -> Floats:
        """Sum over the lines, each with a weight."""
        by_bin = np.bincount(reach.bin, weights[reach.line] * of, len(self.bins))
        return np.asarray(by_bin, dtype=np.float64)

    def _shape_slopes(self, phase: PhaseLines, drawn: _Drawn, slopes: Floats, rows: Places) -> None:
        """How the pattern changes with where a phase's lines stand and what they look like."""
        at, height, shape = self.layout.at, drawn.height, drawn.shape
        cotangent = TAN_OF_SKEW / TAN_OF_WIDTH / drawn.tangent
        for name, weights, of in (
            ("zero_deg", height, shape.by_position),
            ("skew", height, shape.by_skew),
            ("divergence", height * cotangent, shape.by_skew),
            ("tailed", height, shape.by_tailed),
            ("tail", height, shape.by_tail),
            ("b_a2", -2.0 * phase.s2 * height, shape.value),
            (f"{phase.name}.a", height * drawn.by_cell[:, 0], shape.by_position),
            (f"{phase.name}.c", height * drawn.by_cell[:, -1], shape.by_position),
            (f"{phase.name}.log_fwhm", height, shape.by_log_fwhm),
            (f"{phase.name}.broadening", height * drawn.tangent, shape.by_log_fwhm),
        ):
            if name in at:
                slopes[rows[at[name]]] += self._summed(drawn.reach, weights, of)

    def _intensity_slopes(
        self, phase: PhaseLines, values: Floats, drawn: _Drawn, slopes: Floats, rows: Places
    ) -> None:
        """How the pattern changes with the amount of a phase, and with its lines' intensities."""
        layout, reach = self.layout, drawn.reach
        amount = values[layout.at[f"{phase.name}.amount"]]
        of_amount = slopes[rows[layout.at[f"{phase.name}.amount"]]]
        unit = drawn.thermal * phase.intensity
        adjusted = dict(zip(phase.adjusted.tolist(), layout.adjusted(phase), strict=True))
        for n in range(len(phase.lines)):
            part = slice(reach.first[n], reach.last[n])
            shape = drawn.shape.value[reach.starts[n] : reach.starts[n + 1]]
            if n == phase.tetrahedral:
                own = rows[layout.at[f"{phase.name}.tetrahedral"]]
                slopes[own, part] = drawn.thermal[n] * phase.intensity.max() * shape
            elif n in adjusted:
                of_amount[part] += unit[n] * (1.0 + values[adjusted[n]]) * shape
                slopes[rows[adjusted[n]], part] = unit[n] * amount * shape
            else:
                of_amount[part] += unit[n] * shape
