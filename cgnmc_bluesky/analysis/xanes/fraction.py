"""Fractions of known standards in a scan, by a joint fit of its raw absorption."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.mixture import Amounts, combine
from cgnmc_bluesky.analysis.xanes.absorption import Spectrum, Unusable
from cgnmc_bluesky.analysis.xanes.alignment import LEAST_GLITCH
from cgnmc_bluesky.analysis.xanes.curves import correlation_length, jumps, point_noise
from cgnmc_bluesky.analysis.xanes.joining import NotYet
from cgnmc_bluesky.analysis.xanes.model import Standard
from cgnmc_bluesky.analysis.xanes.scan import Axis, Said, ScanAccumulator, glitch_notes

Floats = NDArray[np.float64]

FIT_RANGE_EV = (-20.0, 80.0)
"""The usual range of the combination, relative to the foil's first inflection."""

LEAST_RANGE_EV = (-10.0, 30.0)
"""What of that range every standard must hold."""

REACH_EV = (-10.0, 10.0)
"""How far to either side of the foil's first inflection a scan must reach to be combined."""

LARGEST_SIGMA = 0.2
"""While a scan grows, fractions less certain than this are not offered."""

LARGEST_MISFIT = 0.1
"""Standards that leave more than this share of the edge step unexplained do not describe the
scan."""

LARGEST_DOUBT_EV = 1.0
"""Without a foil, a scan that would like to be moved by more gives no fractions."""

_FEWEST_POINTS = 6
_MOVES = 12
_FARTHEST_MOVE_EV = 8.0
_FAR_OUTSIDE = 3.0


def valence_name(edge: str, valence: float | None) -> str:
    """What the fraction of a valence is called.

    Examples
    --------
    >>> valence_name("Ni K", 2), valence_name("Au L3", None)
    ('ni2_fraction', 'au_fraction')
    """
    number = "" if valence is None else f"{valence:g}"
    return f"{edge.split(maxsplit=1)[0].lower()}{number}_fraction"


def fraction_units(edge: str, standards: Sequence[tuple[str, float | None]]) -> dict[str, str]:
    """Every value that a combination has, with its unit.

    Parameters
    ----------
    edge
        The edge, "Ni K".
    standards
        Name and valence of each standard.
    """
    names = [f"fraction_{name}" for name, _ in standards]
    valences = sorted({valence for _, valence in standards if valence is not None})
    sums = [valence_name(edge, valence) for valence in valences]
    return dict.fromkeys([*names, *sums, "mean_valence", "reduced_chi2"], "")


class FractionAccumulator(ScanAccumulator):
    """Fractions of the standards, of each valence, and the mean valence, of an energy scan.

    Notes
    -----
    The raw absorption is a sum of the standards (scaled to an edge step of one, interpolated
    linearly between their points), an offset and a slope. Fractions are ratios of the amounts, so
    that neither the scan's thickness nor its edge step is needed: a growing scan gives them as
    soon as it has passed the edge.

    One sigma holds the noise (from the residual, with its correlation), the calibration of the
    scan by its foil, and the calibration of each standard: a shift by δ of a standard changes the
    sum by its amount times its slope times δ, projected on the amounts. Differences between real
    and recorded standards show in `reduced_chi2`.
    """

    curve_units: Mapping[str, str] = {"energy_ev": "eV"}
    least_range_ev: ClassVar[tuple[float, float]] = LEAST_RANGE_EV
    reach_ev: ClassVar[tuple[float, float]] = REACH_EV

    @cached_property
    def units(self) -> Mapping[str, str]:
        """Unit of each value."""
        return fraction_units(
            self.model.edge, [(of.name, of.valence) for of in self.model.standards]
        )

    @cached_property
    def _of_valence(self) -> dict[str, Floats]:
        """Which standards each `<element><valence>_fraction` sums."""
        valences = [standard.valence for standard in self.model.standards]
        return {
            valence_name(self.model.edge, valence): np.array(
                [float(v == valence) for v in valences]
            )
            for valence in sorted({valence for valence in valences if valence is not None})
        }

    @cached_property
    def _range_ev(self) -> tuple[float, float]:
        """The fitted range on the calibrated axis, where all standards are known."""
        wanted = self.model.fit_range_ev
        usual = [self.model.energy_ev + side for side in FIT_RANGE_EV]
        low, high = wanted or usual
        for standard in self.model.standards:
            first, last = float(standard.energy_ev[0]), float(standard.energy_ev[-1])
            if wanted and (first > low or last < high):
                raise Unusable(
                    f"standard {standard.name} holds {first:.1f} to {last:.1f} eV, "
                    f"fit_range_ev asks for {low:.1f} to {high:.1f} eV"
                )
            low, high = max(low, first), min(high, last)
        if wanted is None:
            self._refuse_short_standards()
        return low, high

    def _refuse_short_standards(self) -> None:
        low, high = (self.model.energy_ev + side for side in self.least_range_ev)
        for standard in self.model.standards:
            first, last = float(standard.energy_ev[0]), float(standard.energy_ev[-1])
            if first > low or last < high:
                raise Unusable(
                    f"standard {standard.name} holds {first:.1f} to {last:.1f} eV only, "
                    f"not {low:.1f} to {high:.1f} eV"
                )

    def _say(self, spectrum: Spectrum, axis: Axis, *, ended: bool) -> Said:
        energy_ev = axis.calibrated(spectrum.energy_ev)
        inside = self._inside(energy_ev)
        energy_ev, mu = energy_ev[inside], spectrum.mu[inside]
        fit, glitches = self._combine(energy_ev, mu)
        kept_ev = energy_ev[~glitches]
        if axis.shift_ev is None:
            axis = replace(axis, sigma_ev=self._axis_doubt(kept_ev, mu[~glitches]))
        fractions, covariance = self._fractions(kept_ev, fit, axis)
        if not ended and np.sqrt(np.max(np.diag(covariance))) > LARGEST_SIGMA:
            raise NotYet("the fractions are not determined yet")
        values, sigmas = self._values(fractions, covariance)
        noise = point_noise(kept_ev, fit.residual)
        self._refuse_misfit(fit, noise)
        if noise > 0:
            chi2 = (fit.noise / noise) ** 2
            freedom = len(kept_ev) - len(fit.values)
            values["reduced_chi2"] = chi2
            sigmas["reduced_chi2"] = chi2 * float(np.sqrt(2 / freedom))
        notes = (
            *glitch_notes(self._absorption_key, tuple(energy_ev[glitches].tolist())),
            *self._outside(fractions, covariance),
        )
        return Said(values, sigmas, len(kept_ev), self._curves(kept_ev, mu[~glitches], fit), notes)

    def _inside(self, energy_ev: Floats) -> NDArray[np.bool_]:
        """Which points are combined; a scan that has not passed the edge has none yet."""
        low, high = self._range_ev
        first_ev, last_ev = (self.model.energy_ev + side for side in self.reach_ev)
        if not (energy_ev[0] < first_ev and energy_ev[-1] >= last_ev):
            before, behind = self.reach_ev
            raise NotYet(
                f"the scan has not covered {-before:g} eV before and {behind:g} eV behind the edge"
            )
        inside: NDArray[np.bool_] = (energy_ev >= low) & (energy_ev <= high)
        return inside

    def _refuse_misfit(self, fit: Amounts, noise: float) -> None:
        total = float(np.sum(fit.values[: len(self.model.standards)]))
        misfit = float(np.sqrt(max(fit.noise**2 - noise**2, 0.0))) / total
        if misfit > LARGEST_MISFIT:
            raise Unusable(f"the standards leave {misfit:.0%} of the edge step unexplained")

    def _outside(self, fractions: Floats, covariance: Floats) -> tuple[str, ...]:
        """Say which fractions cannot be: below 0 or above 1 by more than their uncertainty
        bears.
        """
        far = _FAR_OUTSIDE * np.sqrt(np.diag(covariance)) + 1e-6
        outside = (fractions < -far) | (fractions > 1 + far)
        names = [
            of.name for of, is_out in zip(self.model.standards, outside, strict=True) if is_out
        ]
        said = f"the fraction of {', '.join(names)} is outside 0 to 1: standards or axis do not fit"
        return (said,) if names else ()

    def _combine(self, energy_ev: Floats, mu: Floats) -> tuple[Amounts, NDArray[np.bool_]]:
        """The fit, and which points stand out singly and were left out of it."""
        none = np.zeros(len(mu), dtype=bool)
        columns = self._columns(energy_ev)
        summed = len(self.model.standards) if self.model.sum_to_one else 0
        if len(mu) < columns.shape[1] + _FEWEST_POINTS:
            raise NotYet(f"only {len(mu)} points in the fitted range")
        try:
            fit = combine(columns, mu, sums_to_one=summed)
            least = LEAST_GLITCH * abs(float(np.sum(fit.values[: len(self.model.standards)])))
            glitches = jumps(energy_ev, fit.residual, least=least)
            if not np.any(glitches):
                return fit, none
            return combine(columns[~glitches], mu[~glitches], sums_to_one=summed), glitches
        except ValueError as fault:
            raise Unusable(str(fault)) from fault

    def _axis_doubt(self, energy_ev: Floats, mu: Floats) -> float:
        """How far the scan itself would like to be moved, where no foil tells, in eV.

        The standards and a shift are fitted together. The numbers are not those of that fit, since
        standards are never quite the sample's; but they cannot be more certain than it allows.
        """
        count, shift_ev, sigma_ev = len(self.model.standards), 0.0, 0.0
        for _ in range(_MOVES):
            at_ev = energy_ev + shift_ev
            columns = self._columns(at_ev)
            try:
                amounts = combine(columns, mu).values[:count]
                slopes = [_slope(standard, at_ev) for standard in self.model.standards]
                together = combine(np.column_stack([columns, np.transpose(slopes) @ amounts]), mu)
            except ValueError:
                break
            inflation = correlation_length(together.residual)
            sigma_ev = float(np.sqrt(together.covariance[-1, -1] * inflation))
            step_ev = float(np.clip(together.values[-1], -1, 1))
            shift_ev += step_ev
            if abs(step_ev) < 0.01 or abs(shift_ev) > _FARTHEST_MOVE_EV:
                break
        if abs(shift_ev) > max(LARGEST_DOUBT_EV, 3 * sigma_ev):
            raise Unusable(
                f"the scan lies {-shift_ev:+.1f} eV from its standards, and no foil tells why"
            )
        return float(np.hypot(shift_ev, sigma_ev))

    def _columns(self, energy_ev: Floats) -> Floats:
        """The standards, and the baseline where one is fitted, at the energies."""
        known = [np.interp(energy_ev, of.energy_ev, of.mu) for of in self.model.standards]
        if self.model.baseline != "none":
            known.append(np.ones_like(energy_ev))
        if self.model.baseline == "linear":
            known.append((energy_ev - self.model.energy_ev) / FIT_RANGE_EV[1])
        return np.stack(known, axis=1)

    def _fractions(self, energy_ev: Floats, fit: Amounts, axis: Axis) -> tuple[Floats, Floats]:
        """Fractions of the standards and their covariance."""
        standards = self.model.standards
        amounts = fit.values[: len(standards)]
        total = float(np.sum(amounts))
        if not total > 0:
            raise Unusable("the scan shows no edge like the standards'")
        moved = self._moved(energy_ev, fit)
        shifts_ev = np.array([*(of.sigma_ev for of in standards), axis.sigma_ev])
        moves = np.column_stack([moved, -moved.sum(axis=1)]) * shifts_ev
        inflation = correlation_length(fit.residual)
        of_amounts = (fit.covariance * inflation + moves @ moves.T)[
            : len(standards), : len(standards)
        ]
        fractions = amounts / total
        gradient: Floats = (np.eye(len(standards)) - fractions[:, None]) / total
        return fractions, gradient @ of_amounts @ gradient.T

    def _moved(self, energy_ev: Floats, fit: Amounts) -> Floats:
        """Change of the amounts for each standard moved up by 1 eV, shape `(k, standards)`."""
        slopes = [_slope(of, energy_ev) for of in self.model.standards]
        change = np.stack(slopes, axis=1) * fit.values[: len(slopes)]
        moved: Floats = fit.inverse @ np.einsum("ij,ik->jk", self._columns(energy_ev), change)
        return moved

    @cached_property
    def sums(self) -> dict[str, Floats]:
        """What each valence, and the mean of them, is of the standards' fractions."""
        sums = dict(self._of_valence)
        valences = [standard.valence for standard in self.model.standards]
        if None not in valences:
            sums["mean_valence"] = np.array(valences, dtype=np.float64)
        return sums

    def _values(
        self, fractions: Floats, covariance: Floats
    ) -> tuple[dict[str, float | None], dict[str, float | None]]:
        names = [f"fraction_{standard.name}" for standard in self.model.standards]
        sums = {**dict(zip(names, np.eye(len(names)), strict=True)), **self.sums}
        values: dict[str, float | None] = {n: float(of @ fractions) for n, of in sums.items()}
        sigmas: dict[str, float | None] = {
            name: float(np.sqrt(np.abs(of @ covariance @ of))) for name, of in sums.items()
        }
        return values, sigmas

    def _curves(self, energy_ev: Floats, mu: Floats, fit: Amounts) -> dict[str, Floats]:
        parts = self._columns(energy_ev) * fit.values
        curves = {"energy_ev": energy_ev, "mu": mu, "fit": mu - fit.residual}
        curves["residual"] = fit.residual
        for at, standard in enumerate(self.model.standards):
            curves[f"component_{standard.name}"] = parts[:, at]
        return curves


def _slope(standard: Standard, energy_ev: Floats) -> Floats:
    """Derivative of a standard at the energies, in 1/eV."""
    half_ev = 0.25
    ahead = np.interp(energy_ev + half_ev, standard.energy_ev, standard.mu)
    behind = np.interp(energy_ev - half_ev, standard.energy_ev, standard.mu)
    return (ahead - behind) / (2 * half_ev)
