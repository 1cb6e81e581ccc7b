"""What an element emits: its K lines, and how many counts an atom gives."""

from dataclasses import dataclass


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
