"""A cell of an NMC cathode against lithium that ages while it is cycled."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LITHIATED_V = 2.0
"""Where a cathode holds all its lithium: the potential that charge is counted from."""
GRID_V = np.arange(LITHIATED_V, 5.0, 2e-4)


@dataclass(frozen=True)
class Redox:
    """A transition of the cathode, spread over potentials as a Fermi function's derivative.

    Parameters
    ----------
    centre_v
        Its potential against lithium.
    spread_v
        Its width: it is 3.53 times as wide at half its height.
    share
        Its part of the cathode's charge.
    """

    centre_v: float
    spread_v: float
    share: float


@dataclass(frozen=True)
class AgeingCell:
    """A cathode, and what cycling does to it.

    Parameters
    ----------
    name
        What it is called.
    mah_per_g
        Charge of all its transitions when it is new, that comes back on discharge.
    transitions
        These; what their shares leave of 1 is spread evenly from 3.5 to 4.6 V. The first one is the
        oxidation peak.
    lost_a_cycle
        Share of the charge that each cycle takes away for good.
    lost_at_first
        Share of the first charge that does not come back.
    efficiency
        Discharge over charge in all other cycles.
    polarisation_v, polarisation_growth
        Overpotential at one C-rate third (C/3) when new, and its relative growth a cycle.
    fades_from, fade, drift_v
        Cycle from which the first transition fades, the share of it that is gone 40 cycles later,
        and by how much its potential has risen then.
    """

    name: str
    mah_per_g: float
    transitions: tuple[Redox, ...]
    lost_a_cycle: float
    lost_at_first: float
    efficiency: float
    polarisation_v: float
    polarisation_growth: float
    fades_from: int
    fade: float
    drift_v: float

    def density(self, cycle: int) -> Floats:
        """Charge a volt of equilibrium potential in a cycle, on `GRID_V`, in mAh/(g V)."""
        age = np.clip((cycle - self.fades_from) / 40.0, 0.0, None)
        first, *others = self.transitions
        amount = first.share * max(0.0, 1.0 - self.fade * age)
        spread = np.clip((GRID_V - 3.5) / 0.05, 0.0, 1.0) * np.clip((4.6 - GRID_V) / 0.05, 0.0, 1.0)
        even = 1.0 - sum(one.share for one in self.transitions) + 0.5 * (first.share - amount)
        shape = even * spread / (spread.sum() * _STEP_V)
        shape += amount * _fermi(first.centre_v + self.drift_v * age, first.spread_v)
        for one in others:
            shape += one.share * _fermi(one.centre_v, one.spread_v)
        left = (1.0 - self.lost_a_cycle) ** (cycle - 1)
        return np.asarray(self.mah_per_g * left * shape)

    def overpotential_v(self, cycle: int, c_rate: float) -> float:
        """By how much the cell's voltage is above the equilibrium's on charge."""
        grown = 1.0 + self.polarisation_growth * (cycle - 1)
        return self.polarisation_v * grown * 3.0 * c_rate


_STEP_V = 2e-4

CELLS: Mapping[str, AgeingCell] = MappingProxyType(
    {
        "conventional": AgeingCell(
            name="conventional",
            mah_per_g=214.0,
            transitions=(Redox(3.72, 0.022, 0.26), Redox(3.92, 0.070, 0.22)),
            lost_a_cycle=0.0016,
            lost_at_first=0.11,
            efficiency=0.997,
            polarisation_v=0.035,
            polarisation_growth=0.006,
            fades_from=60,
            fade=0.75,
            drift_v=0.045,
        ),
        "gradient": AgeingCell(
            name="gradient",
            mah_per_g=212.0,
            transitions=(Redox(3.73, 0.024, 0.25), Redox(3.93, 0.070, 0.22)),
            lost_a_cycle=0.0005,
            lost_at_first=0.10,
            efficiency=0.999,
            polarisation_v=0.035,
            polarisation_growth=0.0012,
            fades_from=60,
            fade=0.12,
            drift_v=0.006,
        ),
    }
)
"""The paper's two cathodes, cycled between 2.7 and 4.4 V at C/3."""


@dataclass(frozen=True)
class CellTruth:
    """What a cycle really passes, and where its oxidation peak really is.

    Parameters
    ----------
    cycle
        Its number, from 1.
    charge_mah_per_g, discharge_mah_per_g
        Charge that passes.
    peak_v, peak_height
        Voltage at which most charge passes a volt on charge, around the first transition, and how
        much, in mAh/(g V); NaN where no maximum is left there.
    """

    cycle: int
    charge_mah_per_g: float
    discharge_mah_per_g: float
    peak_v: float
    peak_height: float


@dataclass(frozen=True)
class HalfCycle:
    """Charge against voltage of one half cycle, without noise.

    Parameters
    ----------
    sign
        1 on charge, -1 on discharge.
    passed_mah_per_g
        Charge that has passed through the wires since it began, ascending.
    voltage_v
        The cell's voltage at each.
    """

    sign: int
    passed_mah_per_g: Floats
    voltage_v: Floats


def half_cycles(
    cell: AgeingCell, cycle: int, c_rate: float, low_v: float, high_v: float
) -> tuple[HalfCycle, HalfCycle]:
    """Charge and discharge of a cycle between two voltages.

    Parameters
    ----------
    cell
        The cell.
    cycle
        Number of the cycle, from 1.
    c_rate
        Current over the one that charges the new cell in an hour.
    low_v, high_v
        Where the current is turned.
    """
    over_v = cell.overpotential_v(cycle, c_rate)
    stored = np.cumsum(cell.density(cycle)) * _STEP_V
    inside = (low_v + over_v <= GRID_V) & (high_v - over_v >= GRID_V)
    potential_v, charge = GRID_V[inside], stored[inside] - stored[inside][0]
    efficiency = 1.0 - cell.lost_at_first if cycle == 1 else cell.efficiency
    return (
        HalfCycle(1, charge / efficiency, potential_v + over_v),
        HalfCycle(-1, charge[-1] - charge[::-1], potential_v[::-1] - over_v),
    )


def truth_of(cell: AgeingCell, cycle: int, c_rate: float, low_v: float, high_v: float) -> CellTruth:
    """What a cycle really passes; parameters as for `half_cycles`."""
    up, down = half_cycles(cell, cycle, c_rate, low_v, high_v)
    density = np.gradient(up.passed_mah_per_g, up.voltage_v)
    near = np.flatnonzero(np.abs(up.voltage_v - cell.transitions[0].centre_v - 0.05) < 0.13)
    top = near[int(np.argmax(density[near]))]
    is_peak = near[0] < top < near[-1]
    return CellTruth(
        cycle=cycle,
        charge_mah_per_g=float(up.passed_mah_per_g[-1]),
        discharge_mah_per_g=float(down.passed_mah_per_g[-1]),
        peak_v=float(up.voltage_v[top]) if is_peak else np.nan,
        peak_height=float(density[top]) if is_peak else np.nan,
    )


def _fermi(centre_v: float, spread_v: float) -> Floats:
    """Derivative of a Fermi function, of area 1."""
    away = np.clip((GRID_V - centre_v) / (2.0 * spread_v), -300.0, 300.0)
    return np.asarray(1.0 / (4.0 * spread_v * np.cosh(away) ** 2))
