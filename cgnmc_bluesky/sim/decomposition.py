"""A charged cathode that decomposes as it is heated: its phases, cells and gases."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

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
        reactions = (sample.to_spinel, sample.carbonate, sample.moisture, sample.to_rock_salt)
        parts = [reaction.classes() for reaction in reactions]
        ends = np.cumsum([len(part.weight) for part in parts]).tolist()
        self._of = [slice(begin, end) for begin, end in zip([0, *ends], ends, strict=False)]
        self._classes = Classes.joined(parts)
        self._theta = np.zeros(ends[-1])
        self._reacted = np.zeros(ends[-1])
        self._rock_salt = 0.0

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
        gone = self._share(0)
        reactive = self.sample.reactive
        return Phases(
            1 - reactive * gone,
            max(0.0, reactive * (gone - self._rock_salt)),
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
        sample, classes = self.sample, self._classes
        constants = classes.rate_constants(self.temperature_c)
        rates = classes.weight * constants * classes.slopes(self._reacted)
        spinel = max(0.0, self._share(0) - self._rock_salt)
        return Gases(
            sample.reactive
            * (
                sample.o2_to_spinel * float(rates[self._of[0]].sum())
                + sample.o2_to_rock_salt * float(constants[-1]) * spinel
            ),
            sample.co2 * float(rates[self._of[1]].sum()),
            sample.h2o * float(rates[self._of[2]].sum()),
        )

    @property
    def released(self) -> Gases:
        """Molecules that have left so far, for each transition metal."""
        sample = self.sample
        return Gases(
            sample.reactive
            * (sample.o2_to_spinel * self._share(0) + sample.o2_to_rock_salt * self._rock_salt),
            sample.co2 * self._share(1),
            sample.h2o * self._share(2),
        )

    def _share(self, reaction: int) -> float:
        """How much of a reaction's sites has reacted."""
        of = self._of[reaction]
        return float(self._classes.weight[of] @ self._reacted[of])

    def _step(self, start_c: float, rise_c: float, duration_s: float) -> None:
        """Integrate the rate constants by Gauss' rule, and turn spinel into rock salt."""
        at_c = start_c + rise_c * (1 + NODES[:, None]) / 2
        gain = (duration_s / 2 * WEIGHTS) @ self._classes.rate_constants(at_c)
        gone = self._share(0)
        self._theta += gain
        self._reacted = self._classes.reacted(self._theta)
        fresh = self._share(0) - gone
        # What becomes a spinel in this step does so half way.
        turned = float(gain[-1])
        spinel = (gone - self._rock_salt) * math.exp(-turned) + fresh * math.exp(-turned / 2)
        self._rock_salt = gone + fresh - spinel


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
