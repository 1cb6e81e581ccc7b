"""Lattice parameters of a charged cathode and of what becomes of it."""

import math
from dataclasses import dataclass
from typing import NamedTuple

ROOM_C = 25.0
CUBIC_C_OVER_A = math.sqrt(24)
"""What c/a is where the oxygen layers of the hexagonal cell are those of a cubic lattice."""


class Cells(NamedTuple):
    """Lattice parameters in Å.

    Attributes
    ----------
    layered_a, layered_c
        R-3m, hexagonal axes.
    spinel_a
        Fd-3m.
    rock_salt_a
        Fm-3m.
    """

    layered_a: float
    layered_c: float
    spinel_a: float
    rock_salt_a: float


NMC622 = Cells(2.82, 14.40, 8.15, 4.14)
"""At 25 °C, the layered phase charged to 4.4 V."""
EXPANSION_PER_K = Cells(1.3e-5, 2.1e-5, 1.2e-5, 1.4e-5)


@dataclass(frozen=True)
class Lattice:
    """Cells at 25 °C, and how they grow.

    Parameters
    ----------
    cells
        At 25 °C, the layered one before it disorders.
    expansion_per_k
        Relative growth of each, in the same order.
    disorder
        How far the layered cell has gone towards a cubic lattice of the spinel's size when the last
        of it turns into spinel.
    """

    cells: Cells = NMC622
    expansion_per_k: Cells = EXPANSION_PER_K
    disorder: float = 0.8

    def at(self, temperature_c: float, converted: float) -> Cells:
        """Cells at a temperature.

        Parameters
        ----------
        temperature_c
            Of the sample.
        converted
            Share of the layered phase that is gone.

        Returns
        -------
        Cells
            In Å.
        """
        cubic_a = self.cells.spinel_a / math.sqrt(8)
        gone = self.disorder * converted
        cold = self.cells._replace(
            layered_a=self.cells.layered_a + gone * (cubic_a - self.cells.layered_a),
            layered_c=self.cells.layered_c
            + gone * (CUBIC_C_OVER_A * cubic_a - self.cells.layered_c),
        )
        warmer_k = temperature_c - ROOM_C
        return Cells(
            *(
                length * (1 + growth * warmer_k)
                for length, growth in zip(cold, self.expansion_per_k, strict=True)
            )
        )
