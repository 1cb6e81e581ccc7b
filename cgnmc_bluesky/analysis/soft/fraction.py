"""Fractions of known standards in the yields of a soft X-ray scan."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.analysis.soft.composition import Composition, composed, wanted_shift
from cgnmc_bluesky.analysis.soft.sweeps import on_one_axis, part_of, sweeps_of
from cgnmc_bluesky.analysis.soft.yielded import Found, Sought, compose
from cgnmc_bluesky.analysis.xanes.absorption import Spectrum, Unusable
from cgnmc_bluesky.analysis.xanes.alignment import LEAST_GLITCH, Matcher
from cgnmc_bluesky.analysis.xanes.curves import jumps, point_noise
from cgnmc_bluesky.analysis.xanes.fraction import (
    LARGEST_DOUBT_EV,
    FractionAccumulator,
    fraction_units,
    valence_name,
)
from cgnmc_bluesky.analysis.xanes.joining import NotYet
from cgnmc_bluesky.analysis.xanes.scan import ABSORPTION, Axis, Said, glitch_notes

Floats = NDArray[np.float64]

LEAST_RANGE_EV = (-2.5, 8.0)
"""What every standard must hold, relative to the L3 edge."""

REACH_EV = (-1.5, 8.0)
"""How far to either side of the L3 edge a scan must reach to be combined."""

LARGEST_SIGMA = 0.2
"""While a scan grows, fractions less certain than this are not offered."""

LARGEST_MISFIT = 0.05
"""Standards that leave more than this share of the white line unexplained do not describe the
scan."""

SURE_AXIS_EV = 0.05
"""An axis that is less certain is fitted to the standards along with their amounts."""

POOR_CHI2 = 5.0
"""A scan that differs more from its standards than its noise tells is said to."""

SHOULD_SHOW_EV = 12.0
"""A reference sample that has shown no edge when a scan is so far behind L3 shows none."""

FARTHEST_EV = 0.25
"""A scan on a calibrated axis that lies farther from its standards is not believed: chemistry moves
the lines of a sum of standards by less."""

_DOUBTED_SIGMAS = 4.0
_FEWEST_POINTS = 10
_SCALE_EV = 80.0


def yield_units(
    edge: str, standards: Sequence[tuple[str, float | None]], mode: str | None
) -> dict[str, str]:
    """Every value that the composition of a yield has, with its unit.

    Parameters
    ----------
    edge
        The edge, "Ni L3".
    standards
        Name and valence of each standard.
    mode
        "tey" or "pfy".
    """
    units = {**fraction_units(edge, standards), "calibration_shift_ev": "eV"}
    if mode == "pfy":
        valences = sorted({valence for _, valence in standards if valence is not None})
        names = [valence_name(edge, valence) for valence in valences]
        units |= {f"{name}_uncorrected": "" for name in names}
        units["over_absorption"] = ""
    return units


class YieldAccumulator(FractionAccumulator):
    """Fractions of the standards in one yield of a soft X-ray scan.

    Notes
    -----
    The yield over the mesh's current is a sum of the standards (scaled to one edge step over L3 and
    L2, by cubic splines between their points) with an offset and a slope. The sum is
    flattened, fluorescence by over-absorption and electrons a little by what is absorbed above
    them, and that of fluorescence is tilted; how strongly is fitted along (`yielded.compose`).
    Where a reference sample tells the energies, each sweep is put on the calibrated axis by it;
    where none does, a shift common to all standards is fitted along.

    One sigma holds the noise of each point, whatever it is (from the residual, with leverages and
    correlation), the calibration, and that of each standard.
    """

    least_range_ev: ClassVar[tuple[float, float]] = LEAST_RANGE_EV
    reach_ev: ClassVar[tuple[float, float]] = REACH_EV
    calibrant: ClassVar[str] = "reference sample"
    strength: float | None = None
    """Edge step over all else that absorbs; `None` where it is fitted."""
    emission_window: slice | None = None
    """Channels of a spectrum that are summed."""
    composition: Composition | None = None
    """What the last result rests on."""
    matchers: list[Matcher] | None = None
    """Lay the reference sample of each sweep on the good one; what takes the other yield of a run
    may have the same, and then finds the answer there."""

    @cached_property
    def units(self) -> Mapping[str, str]:
        """Unit of each value."""
        standards = [(of.name, of.valence) for of in self.model.standards]
        return yield_units(self.model.edge, standards, self.mode)

    def add(self, block: Block) -> None:
        """Take in more rows of any stream."""
        counts = block.values.get("pfy")
        if counts is not None and counts.ndim > 1:
            if self.emission_window is not None:
                counts = counts[..., self.emission_window]
            summed = counts.reshape(len(counts), -1).sum(axis=1)
            block = replace(block, values={**block.values, "pfy": summed})
        super().add(block)

    def _placed(self, rows: Block) -> tuple[Spectrum, Axis]:
        """The yield, each sweep on the axis of all, and what puts that on the calibrated one."""
        spectrum = ABSORPTION[self.mode](rows, self._keys)
        sweeps = sweeps_of(rows.values["energy_ev"])
        axes: list[Axis] = []
        matchers = self.matchers = [] if self.matchers is None else self.matchers
        for at, sweep in enumerate(sweeps):
            if self.model.foil is not None and at == len(matchers):
                matchers.append(Matcher(self.model.foil))
            try:
                matched = matchers[at] if matchers else None
                axes.append(self._axis(part_of(rows, sweep), matched))
            except NotYet as wanting:
                if not at and spectrum.energy_ev[-1] < self.model.energy_ev + SHOULD_SHOW_EV:
                    raise
                axes.append(Axis(None) if at else self._without_foil(str(wanting)))
        return on_one_axis(spectrum, sweeps, axes)

    def _axis(self, rows: Block, matched: Matcher | None) -> Axis:
        """Put a sweep on the calibrated axis by the reference sample.

        No table says to a few hundredths of an eV where an L edge has its inflection: without a
        measured spectrum of the reference sample its channel tells nothing.
        """
        key = self._keys.get("irefer")
        if matched is None and key is not None:
            return self._without_foil(
                f"no file of [[foil]] {self.model.edge} says where {key} has its edge"
            )
        return super()._axis(rows, matched)

    def _say(self, spectrum: Spectrum, axis: Axis, *, ended: bool) -> Said:
        self.composition = None
        energy_ev = axis.calibrated(spectrum.energy_ev)
        inside = self._inside(energy_ev)
        energy_ev, measured, row = energy_ev[inside], spectrum.mu[inside], spectrum.row[inside]
        corrects = self.mode == "pfy" and self.strength != 0.0
        found, kept = self._compose(energy_ev, measured, axis, self._sought_strength)
        self._refuse_misfit_of(found, energy_ev[kept])
        axis = self._doubted(found, energy_ev[kept], axis)
        composition = composed(found, self.model.standards, energy_ev[kept], axis, row[kept])
        if not ended and np.sqrt(np.max(np.diag(composition.covariance))) > LARGEST_SIGMA:
            raise NotYet("the fractions are not determined yet")
        self.composition = composition
        values, sigmas = self._values(composition.fractions, composition.covariance)
        self._add_quality(found, energy_ev[kept], values, sigmas)
        values["calibration_shift_ev"] = axis.shift_ev
        sigmas["calibration_shift_ev"] = (
            None if axis.shift_ev is None else float(np.hypot(axis.sigma_ev, axis.scale_sigma_ev))
        )
        if self.mode == "pfy":
            values["over_absorption"], sigmas["over_absorption"] = composition.strength
            plain = composition
            if corrects:
                at_ev, rows = energy_ev[kept], row[kept]
                linear, still = self._compose(at_ev, measured[kept], axis, 0.0)
                plain = composed(linear, self.model.standards, at_ev[still], axis, rows[still])
            self._add_uncorrected(plain, values, sigmas)
        notes = (
            *axis.notes,
            *glitch_notes(self._absorption_key, tuple(energy_ev[~kept].tolist())),
            *self._outside(composition.fractions, composition.covariance),
            *self._said_of_axis(composition),
            *self._said_of_counts(),
            *_said_of_quality(values),
        )
        curves = self._curves_of(found, energy_ev[kept], measured[kept])
        return Said(values, sigmas, int(np.count_nonzero(kept)), curves, notes)

    @property
    def _sought_strength(self) -> float | None:
        """How strongly the yield is flattened; `None` where that is fitted. Of electrons it is
        little, and no number is given for it: light that is absorbed above sets fewer free below.
        """
        return None if self.mode == "tey" and self.strength != 0.0 else self.strength

    def _compose(
        self, energy_ev: Floats, measured: Floats, axis: Axis, strength: float | None
    ) -> tuple[Found, NDArray[np.bool_]]:
        """The composition, and which points it rests on: not those that stand out singly."""
        if len(measured) < len(self.model.standards) + _FEWEST_POINTS:
            raise NotYet(f"only {len(measured)} points in the fitted range")
        if not np.max(measured) > 0:
            raise Unusable("the scan shows no edge like the standards'")
        kept = np.ones(len(measured), dtype=bool)
        try:
            sought = self._sought(measured, axis, strength)
            found = compose(sought, energy_ev, measured)
            least = LEAST_GLITCH * float(np.max(found.x))
            kept = ~jumps(energy_ev, found.standardised, least=least)
            if not np.all(kept):
                sought = self._sought(measured[kept], axis, strength)
                found = compose(sought, energy_ev[kept], measured[kept])
        except ValueError as fault:
            raise Unusable(f"the scan is no sum of the standards ({fault})") from fault
        if not np.sum(found.amounts) > 0:
            raise Unusable("the scan shows no edge like the standards'")
        return found, kept

    def _sought(self, measured: Floats, axis: Axis, strength: float | None) -> Sought:
        """What the yield may be made up of.

        A mesh that shows the edge itself may show it in its reading alone, which the yield is then
        divided by, or in the light: so much of the yield as its edge would take off is fitted
        along.
        """
        foil = self.model.foil
        shown = "irefer" in self._keys and self._keys["irefer"] == self._keys.get("i0")

        def baseline(energy_ev: Floats) -> Floats:
            columns = self._baseline(energy_ev)
            if not shown or foil is None:
                return columns
            of_mesh = measured * np.interp(energy_ev, foil.energy_ev, foil.mu)
            return np.column_stack([columns, of_mesh])

        return Sought(
            curves=self._known,
            slopes=self._slopes,
            baseline=baseline,
            strength=strength,
            moves=axis.shift_ev is None or axis.sigma_ev > SURE_AXIS_EV,
            tilts_about_ev=self.model.energy_ev if self.mode == "pfy" else None,
        )

    @cached_property
    def _splines(self) -> list[CubicSpline]:
        """The standards between their points: lines as sharp as these are lose some percent of
        their height to straight ones.
        """
        return [CubicSpline(of.energy_ev, of.mu) for of in self.model.standards]

    def _known(self, energy_ev: Floats) -> Floats:
        return np.stack([spline(energy_ev) for spline in self._splines], axis=1)

    def _slopes(self, energy_ev: Floats) -> Floats:
        return np.stack([spline(energy_ev, 1) for spline in self._splines], axis=1)

    def _baseline(self, energy_ev: Floats) -> Floats:
        columns = [np.ones_like(energy_ev), (energy_ev - self.model.energy_ev) / _SCALE_EV]
        wanted = {"none": 0, "constant": 1, "linear": 2}[self.model.baseline]
        return np.stack(columns, axis=1)[:, :wanted]

    def _refuse_misfit_of(self, found: Found, energy_ev: Floats) -> None:
        noise = point_noise(energy_ev, found.standardised)
        height = float(np.ptp(found.fit))
        misfit = float(np.sqrt(max(found.noise**2 - noise**2, 0.0))) / height
        if misfit > LARGEST_MISFIT:
            raise Unusable(f"the standards leave {misfit:.0%} of the white line unexplained")

    def _doubted(self, found: Found, energy_ev: Floats, axis: Axis) -> Axis:
        """The axis with the doubt that a scan casts on it which would like to lie elsewhere."""
        if found.sought.moves:
            return axis
        shift_ev, sigma_ev = wanted_shift(found, energy_ev)
        if abs(shift_ev) < _DOUBTED_SIGMAS * float(np.hypot(sigma_ev, axis.sigma_ev)):
            return axis
        where = f"the {self.calibrant} puts the scan {-shift_ev:+.2f} eV from its standards"
        if abs(shift_ev) > FARTHEST_EV:
            raise Unusable(
                f"{where}: are [[foil]] {self.model.edge} and the standards on one axis?"
            )
        sigma_ev = float(np.hypot(axis.sigma_ev, shift_ev))
        return replace(axis, sigma_ev=sigma_ev, notes=(*axis.notes, f"{where}: sigmas hold that"))

    def _add_quality(
        self,
        found: Found,
        energy_ev: Floats,
        values: dict[str, float | None],
        sigmas: dict[str, float | None],
    ) -> None:
        noise = point_noise(energy_ev, found.standardised)
        if noise > 0:
            chi2, freedom = (found.noise / noise) ** 2, np.subtract(*found.design.shape)
            values["reduced_chi2"], sigmas["reduced_chi2"] = (
                chi2,
                chi2 * float(np.sqrt(2 / freedom)),
            )

    def _add_uncorrected(
        self,
        plain: Composition,
        values: dict[str, float | None],
        sigmas: dict[str, float | None],
    ) -> None:
        found, found_sigmas = self._values(plain.fractions, plain.covariance)
        for name in self._of_valence:
            values[f"{name}_uncorrected"] = found[name]
            sigmas[f"{name}_uncorrected"] = found_sigmas[name]

    def _said_of_axis(self, composition: Composition) -> tuple[str, ...]:
        if composition.shift_ev is None:
            return ()
        shift_ev, sigma_ev = composition.shift_ev
        if abs(shift_ev) > max(LARGEST_DOUBT_EV, 3 * sigma_ev):
            raise Unusable(
                f"the scan lies {-shift_ev:+.1f} eV from its standards, and no {self.calibrant} "
                "tells why"
            )
        return (f"energies are moved by {shift_ev:+.2f} ± {sigma_ev:.2f} eV to fit the standards",)

    def _said_of_counts(self) -> tuple[str, ...]:
        if self.mode != "pfy":
            return ()
        key = self._keys.get("pfy", "pfy")
        said = [] if "dead_time_factor" in self._keys else [f"{key} is uncorrected for dead time"]
        if self.strength == 0.0:
            said.append(f"{key} is uncorrected for over-absorption")
        return tuple(said)

    def _curves_of(self, found: Found, energy_ev: Floats, measured: Floats) -> dict[str, Floats]:
        at_ev = energy_ev + found.shift_ev
        baseline = self._baseline(energy_ev)
        below = np.einsum("nm,m->n", baseline, found.baseline[: baseline.shape[1]])
        curves = {
            "energy_ev": at_ev,
            "mu": measured,
            "fit": found.fit,
            "residual": found.residual,
            "baseline": below,
        }
        parts = self._known(at_ev) * found.amounts
        for at, standard in enumerate(self.model.standards):
            curves[f"component_{standard.name}"] = parts[:, at]
        if self.mode == "pfy":
            over = measured - below
            curves["mu_corrected"] = over / np.maximum(1.0 - found.absorbing * over, 0.05)
        return curves


def _said_of_quality(values: Mapping[str, float | None]) -> tuple[str, ...]:
    chi2 = values.get("reduced_chi2") or 0.0
    if chi2 < POOR_CHI2:
        return ()
    return (f"the standards do not describe the scan within its noise (reduced chi2 {chi2:.0f})",)
