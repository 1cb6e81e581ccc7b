"""A charged cathode that decomposes as it is heated: its phases, cells and gases."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from scipy.linalg import block_diag

from cgnmc_bluesky.sim.kinetics import Classes, Reaction
from cgnmc_bluesky.sim.lattice import ROOM_C, Cells, Lattice

STEP_C = 1.0
"""Longest step of an integration, in temperature."""
STEP_S = 30.0
"""Longest step of an integration, in time."""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(3)


class Gases(NamedTuple):
    """Molecules for each transition metal, or their rates in 1/s.

    Attributes
    ----------
    o2
        From the lattice.
    co2
        From the electrolyte left behind.
    h2o
        From moisture.
    """

    o2: float
    co2: float
    h2o: float


class Phases(NamedTuple):
    """Shares of the transition metal in each phase, which add up to 1."""

    layered: float
    spinel: float
    rock_salt: float


class State(NamedTuple):
    """What the beam sees.

    Attributes
    ----------
    temperature_c
        Of the sample.
    phases
        How much there is of each.
    cells
        Their lattice parameters at that temperature.
    """

    temperature_c: float
    phases: Phases
    cells: Cells


LATTICE = Lattice()
TO_ROCK_SALT = Reaction(110.0, 545.0)
CARBONATE = Reaction(105.0, 240.0, spread_kj_per_mol=15.0)
MOISTURE = Reaction(55.0, 95.0, spread_kj_per_mol=12.0)


@dataclass(frozen=True)
class ChargedCathode:
    """A layered oxide Li(x)MO2 without most of its lithium, and what clings to it.

    It loses oxygen in two steps (S.-M. Bak et al., ACS Appl. Mater. Interfaces 6 (2014) 22594):
    Li(x)MO2 → (1+x)/3 (Li,M)3O4 + (1−2x)/3 O2, a disordered spinel; and that
    → (1+x) (Li,M)O + (1+x)/6 O2, a rock salt.

    Parameters
    ----------
    name
        As it stands in a run's metadata.
    to_spinel
        The first step.
    to_rock_salt
        The second one, of sites all alike and without acceleration.
    lithium
        What is left: x.
    reactive
        Share of the material that decomposes; the rest stays layered at any temperature.
    carbonate, co2
        What gives CO2, and how many molecules for each transition metal.
    moisture, h2o
        What gives water, and how many molecules for each transition metal.
    lattice
        Its cells.
    """

    name: str
    to_spinel: Reaction
    to_rock_salt: Reaction = TO_ROCK_SALT
    lithium: float = 0.25
    reactive: float = 1.0
    carbonate: Reaction = CARBONATE
    co2: float = 0.02
    moisture: Reaction = MOISTURE
    h2o: float = 0.03
    lattice: Lattice = LATTICE

    def __post_init__(self) -> None:
        if not 0 <= self.lithium <= 0.5:
            raise ValueError(
                f"lithium is {self.lithium}; give 0 to 0.5: with more no oxygen is set free on "
                "the way to the spinel"
            )
        if not 0 <= self.reactive <= 1:
            raise ValueError(f"reactive is {self.reactive}; give a share of the material")
        if self.to_rock_salt.acceleration or self.to_rock_salt.spread_kj_per_mol:
            raise ValueError(
                f"to_rock_salt is {self.to_rock_salt}; the spinel's sites are all alike: leave "
                "acceleration and spread_kj_per_mol at 0"
            )

    @property
    def o2_to_spinel(self) -> float:
        """O2 for each transition metal that goes from the layered phase to the spinel."""
        return (1 - 2 * self.lithium) / 3

    @property
    def o2_to_rock_salt(self) -> float:
        """O2 for each transition metal that goes on to the rock salt."""
        return (1 + self.lithium) / 6


class Decomposition:
    """A cathode on its way through any history of temperature.

    Parameters
    ----------
    sample
        What it is.
    temperature_c
        Where it starts, all of it layered.

    Examples
    --------
    >>> decomposition = Decomposition(CHARGED["conventional"])
    >>> decomposition.advance(220.0, duration_s=60.0)  # as fast as a flash
    >>> decomposition.advance(220.0, duration_s=3600.0)
    >>> round(decomposition.phases.spinel, 2)
    1.0
    """

    def __init__(self, sample: ChargedCathode, *, temperature_c: float = ROOM_C) -> None:
        self.sample = sample
        self.temperature_c = temperature_c
        released = (sample.to_spinel, sample.carbonate, sample.moisture)
        parts = [reaction.classes() for reaction in (*released, sample.to_rock_salt)]
        self._classes = Classes.joined(parts)
        # Sums over the classes of those reactions of which there are several.
        self._sums = block_diag(*(part.weight for part in parts))[:-1]
        self._theta = np.zeros(len(self._classes.weight))
        self._reacted = np.zeros_like(self._theta)
        self._gone, self._co2, self._h2o, self._rock_salt = 0.0, 0.0, 0.0, 0.0

    def advance(self, temperature_c: float, duration_s: float) -> None:
        """Let time pass.

        Parameters
        ----------
        temperature_c
            The sample's temperature at the end; it has gone there in a straight line.
        duration_s
            How long that took; 0 is a jump.

        Raises
        ------
        ValueError
            If time goes backwards, or the temperature is none.
        """
        if not duration_s >= 0 or not math.isfinite(temperature_c):
            raise ValueError(
                f"{temperature_c} °C after {duration_s} s; give a temperature and a time from 0 on"
            )
        start_c, rise_c = self.temperature_c, temperature_c - self.temperature_c
        if duration_s > 0:
            steps = max(1, math.ceil(abs(rise_c) / STEP_C), math.ceil(duration_s / STEP_S))
            for step in range(steps):
                self._step(start_c + rise_c * step / steps, rise_c / steps, duration_s / steps)
        self.temperature_c = float(temperature_c)

    @property
    def phases(self) -> Phases:
        """Share of the transition metal in each phase."""
        reactive = self.sample.reactive
        return Phases(
            1 - reactive * self._gone,
            reactive * (self._gone - self._rock_salt),
            reactive * self._rock_salt,
        )

    @property
    def cells(self) -> Cells:
        """Lattice parameters at the temperature reached."""
        return self.cells_at(self.temperature_c)

    def cells_at(self, temperature_c: float) -> Cells:
        """Lattice parameters as they would be at a temperature, with nothing more converted."""
        return self.sample.lattice.at(temperature_c, 1 - self.phases.layered)

    @property
    def state(self) -> State:
        """What the beam sees now."""
        return State(self.temperature_c, self.phases, self.cells)

    @property
    def gas_rates(self) -> Gases:
        """Molecules that leave, for each transition metal and second."""
        constants = self._classes.rate_constants(self.temperature_c)
        gone, co2, h2o = self._sums @ (constants * self._classes.slopes(self._reacted))
        rock_salt = float(constants[-1]) * (self._gone - self._rock_salt)
        return self._gases(float(gone), float(co2), float(h2o), rock_salt)

    @property
    def released(self) -> Gases:
        """Molecules that have left so far, for each transition metal."""
        return self._gases(self._gone, self._co2, self._h2o, self._rock_salt)

    def _gases(self, gone: float, co2: float, h2o: float, rock_salt: float) -> Gases:
        """Give molecules from shares of what gives them, or rates from the shares' rates."""
        sample = self.sample
        o2 = sample.o2_to_spinel * gone + sample.o2_to_rock_salt * rock_salt
        return Gases(sample.reactive * o2, sample.co2 * co2, sample.h2o * h2o)

    def _step(self, start_c: float, rise_c: float, duration_s: float) -> None:
        """Integrate the rate constants by Gauss' rule, and turn spinel into rock salt."""
        at_c = start_c + rise_c * (1 + NODES[:, None]) / 2
        gain = (duration_s / 2 * WEIGHTS) @ self._classes.rate_constants(at_c)
        self._theta += gain
        self._reacted = self._classes.reacted(self._theta)
        before = self._gone
        self._gone, self._co2, self._h2o = (self._sums @ self._reacted).tolist()
        # What becomes a spinel in this step does so half way.
        old, fresh = before - self._rock_salt, self._gone - before
        turned = float(gain[-1])
        self._rock_salt -= old * math.expm1(-turned) + fresh * math.expm1(-turned / 2)


_CONVENTIONAL = ChargedCathode(
    "conventional NMC622, 4.4 V", Reaction(165.0, 222.0, acceleration=4.0)
)

CHARGED: Mapping[str, ChargedCathode] = MappingProxyType(
    {
        "conventional": _CONVENTIONAL,
        "gradient": ChargedCathode(
            "gradient NMC622, 4.4 V",
            Reaction(165.0, 212.0, acceleration=4.0, spread_kj_per_mol=75.0),
            to_rock_salt=Reaction(110.0, 610.0),
        ),
        "weak": replace(_CONVENTIONAL, name="conventional NMC622, hardly charged", reactive=0.0255),
        "stable": replace(_CONVENTIONAL, name="NMC622, discharged", reactive=0.0),
    }
)
"""Cathodes at hand: one that releases oxygen in a peak that begins near 190 °C, one that does so
over more than 100 °C, one whose release is small beside a gauge's background, and one that
releases none."""
