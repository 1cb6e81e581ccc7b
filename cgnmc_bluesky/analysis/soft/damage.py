"""Whether the beam changes the sample: repeats of one scan compared."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.mixture import combine
from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.analysis.soft.fraction import YieldAccumulator
from cgnmc_bluesky.analysis.soft.sweeps import sweeps_of
from cgnmc_bluesky.analysis.xanes.absorption import Spectrum, Unusable
from cgnmc_bluesky.analysis.xanes.joining import NotYet
from cgnmc_bluesky.analysis.xanes.scan import Axis, Said

Floats = NDArray[np.float64]

DRIFTS_SIGMAS = 3.0
"""A drift of so many sigmas is called one."""


@dataclass(frozen=True)
class Repeats:
    """One sweep after the other.

    Parameters
    ----------
    sweep
        Number of each sweep, from 1, shape `(s,)`.
    dose
        What had fallen on the sample by the middle of each, shape `(s,)`.
    fraction, sigma
        Fraction of the lowest valence and its sigma, shape `(s,)`.
    """

    sweep: Floats
    dose: Floats
    fraction: Floats
    sigma: Floats


class DamageAccumulator(YieldAccumulator):
    """Drift of the fraction of the lowest valence with dose, over the sweeps of one run.

    Notes
    -----
    Each sweep is combined by itself, on the axis of its own reference, with the strength of
    over-absorption that all sweeps have together; a line over the dose is fitted to the fractions,
    weighted by their sigmas. What standards err by is common to all sweeps and not in the sigmas.
    The dose is the integral of the mesh's reading over the time of the run.
    """

    @cached_property
    def units(self) -> Mapping[str, str]:
        """Unit of each value."""
        names = [f"{self.lowest}_first", f"{self.lowest}_last", "fraction_drift"]
        return dict.fromkeys([*names, "drift_per_dose", "dose", "sweeps"], "")

    @property
    def lowest(self) -> str:
        """Name of the fraction that is followed."""
        return next(iter(self._of_valence), "fraction")

    @property
    def repeats(self) -> bool:
        """Whether there is more than one sweep yet."""
        return self._sweeps > 1

    curve_group: ClassVar[str] = "sweeps"
    _sweeps = 0
    _rows: Block | None = None

    def add(self, block: Block) -> None:
        """Take in more rows of any stream, timed by the devices' clock where they have one."""
        if block.stamp_s is not None:
            known = np.isfinite(block.stamp_s)
            block = replace(block, time_s=np.where(known, block.stamp_s, block.time_s))
        super().add(block)

    def _placed(self, rows: Block) -> tuple[Spectrum, Axis]:
        self._rows, self._sweeps = rows, len(sweeps_of(rows.values["energy_ev"]))
        if not self.repeats:
            raise NotYet("the energies were scanned once: repeat the scan to see a drift")
        return super()._placed(rows)

    def _say(self, spectrum: Spectrum, axis: Axis, *, ended: bool) -> Said:
        assert self._rows is not None
        whole = super()._say(spectrum, axis, ended=ended)
        assert self.composition is not None
        repeats, left_out = self._repeats(self._rows, self.composition.strength[0], ended=ended)
        if len(repeats.sweep) < 2:
            raise NotYet("; ".join(["fewer than two whole sweeps", *left_out]))
        if not repeats.dose[-1] > repeats.dose[0]:
            raise Unusable("the sweeps have no dose between them: no mesh reading, or no time")
        values, sigmas = _drift(repeats, self.lowest)
        values["dose"], sigmas["dose"] = float(_dose(self._rows)[-1]), 0.0
        curves = {
            "sweep": repeats.sweep,
            "dose": repeats.dose,
            "fraction": repeats.fraction,
            "fraction_sigma": repeats.sigma,
        }
        notes = (*left_out, _verdict(values["fraction_drift"], sigmas["fraction_drift"]))
        return Said(values, sigmas, whole.n_points, curves, notes)

    def _repeats(
        self, rows: Block, strength: float, *, ended: bool
    ) -> tuple[Repeats, tuple[str, ...]]:
        """The fraction in each sweep; and why some have none."""
        dose = _dose(rows)
        found: list[tuple[float, ...]] = []
        left_out = []
        lowest = self._of_valence[self.lowest]
        for number, sweep in enumerate(sweeps_of(rows.values["energy_ev"]), start=1):
            alone = YieldAccumulator(self.model, self._keys, self.mode, self._constants)
            alone.strength = strength if self.strength is None else self.strength
            values = {role: column[sweep] for role, column in rows.values.items()}
            numbers = np.arange(1, len(values["energy_ev"]) + 1)
            alone.add(Block("primary", numbers, rows.time_s[sweep], values))
            estimate = alone.result(ended=ended)
            if alone.composition is None:
                left_out.append(f"sweep {number} left out ({estimate.reason})")
                continue
            own = alone.composition
            noise = np.einsum("k,kn->n", lowest, own.influence)
            moved = float(lowest @ own.moves["axis"])
            sigma = float(np.sqrt(np.einsum("n,n->", noise, noise) + moved**2))
            middle = float(np.mean(dose[sweep]))
            found.append((float(number), middle, float(lowest @ own.fractions), sigma))
        columns = np.array(found).reshape(-1, 4).T
        return Repeats(*columns), tuple(left_out)


def _dose(rows: Block) -> Floats:
    """Integral of the mesh's reading over time up to each row, shape `(n,)`."""
    i0 = np.abs(np.nan_to_num(rows.values["i0"]))
    between = 0.5 * (i0[1:] + i0[:-1]) * np.diff(rows.time_s)
    return np.concatenate([[0.0], np.cumsum(between)])


def _drift(
    repeats: Repeats, lowest: str
) -> tuple[dict[str, float | None], dict[str, float | None]]:
    """First and last fraction, and the line through all."""
    weights = 1.0 / repeats.sigma
    columns = np.stack([np.ones_like(repeats.dose), repeats.dose - repeats.dose[0]], axis=1)
    slope, slope_sigma = _line(columns * weights[:, None], repeats.fraction * weights)
    span = float(repeats.dose[-1] - repeats.dose[0])
    values: dict[str, float | None] = {
        f"{lowest}_first": float(repeats.fraction[0]),
        f"{lowest}_last": float(repeats.fraction[-1]),
        "fraction_drift": slope * span,
        "drift_per_dose": slope,
        "sweeps": float(len(repeats.sweep)),
    }
    sigmas: dict[str, float | None] = {
        f"{lowest}_first": float(repeats.sigma[0]),
        f"{lowest}_last": float(repeats.sigma[-1]),
        "fraction_drift": slope_sigma * span,
        "drift_per_dose": slope_sigma,
        "sweeps": 0.0,
    }
    return values, sigmas


def _line(columns: Floats, curve: Floats) -> tuple[float, float]:
    """Slope of a weighted line and its sigma, of points whose own sigmas are known."""
    if len(curve) == 2:
        slope = np.linalg.solve(columns, curve)
        inverse = np.linalg.inv(columns.T @ columns)
        return float(slope[1]), float(np.sqrt(inverse[1, 1]))
    fit = combine(columns, curve)
    return float(fit.values[1]), float(np.sqrt(fit.inverse[1, 1]))


def _verdict(drift: float | None, sigma: float | None) -> str:
    if drift is None or not sigma:
        return ""
    if abs(drift) > DRIFTS_SIGMAS * sigma:
        sigmas = abs(drift) / sigma
        return f"the fraction drifts by {sigmas:.0f} sigmas: the beam may change the sample"
    return "no drift beyond its uncertainty"
