"""What an element emits: its K lines, and how many counts an atom gives."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import sqrt

NEAR_EV = 60.0
"""Lines of one group that are no farther from their neighbour are one peak to a silicon detector.
"""
FAINT = 2e-3
"""Lines of a smaller share are passed over."""


@dataclass(frozen=True)
class Line:
    """One emission line.

    Parameters
    ----------
    name
        As Siegbahn or IUPAC call it, "Ka1".
    energy_ev
        Energy of its photons, in eV.
    share
        Its part of the element's K counts.
    """

    name: str
    energy_ev: float
    share: float

    @property
    def is_beta(self) -> bool:
        """Whether it is above the alpha group."""
        return self.name.startswith("Kb")


@dataclass(frozen=True)
class Peak:
    """Lines that a silicon detector cannot tell apart.

    Parameters
    ----------
    energy_ev
        Their mean energy, in eV.
    spread_ev
        Standard deviation of their energies about it, in eV.
    share
        Their part of the element's K counts.
    is_beta
        Whether they are above the alpha group.
    """

    energy_ev: float
    spread_ev: float
    share: float
    is_beta: bool


@dataclass(frozen=True)
class Emitter:
    """An element under the beam.

    Parameters
    ----------
    element
        Its symbol.
    lines
        Its K lines; their shares add up to one.
    sensitivity
        K counts that an atom gives in a thin sample, in a unit that all emitters share.
    sensitivity_sigma
        One standard deviation of it where it was measured; 0 where it is from tables.
    """

    element: str
    lines: tuple[Line, ...]
    sensitivity: float
    sensitivity_sigma: float = 0.0

    @property
    def main_line_ev(self) -> float:
        """Energy of the strongest line, in eV."""
        return max(self.lines, key=lambda line: line.share).energy_ev

    @cached_property
    def peaks(self) -> tuple[Peak, ...]:
        """Its lines as far as a silicon detector tells them apart.

        Notes
        -----
        Of lines 15 eV apart under a resolution of 140 eV, mean and spread are all that shows: the
        next moment of the peak is 1e-3 of its width cubed.
        """
        lines = sorted(
            (line for line in self.lines if line.share > FAINT), key=lambda line: line.energy_ev
        )
        groups = [lines[:1]]
        for before, line in pairwise(lines):
            apart = line.energy_ev - before.energy_ev > NEAR_EV or line.is_beta != before.is_beta
            if apart:
                groups.append([])
            groups[-1].append(line)
        total = sum(line.share for line in lines)
        return tuple(_peak(group, total) for group in groups)


def _peak(lines: list[Line], total: float) -> Peak:
    share = sum(line.share for line in lines)
    mean_ev = sum(line.share * line.energy_ev for line in lines) / share
    variance = sum(line.share * (line.energy_ev - mean_ev) ** 2 for line in lines) / share
    return Peak(mean_ev, sqrt(variance), share / total, lines[0].is_beta)
