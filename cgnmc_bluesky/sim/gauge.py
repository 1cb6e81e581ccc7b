"""How a residual gas analyser behaves: its backgrounds as the vacuum gets better, and its noise."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

PumpDown = Literal["power", "exponential", "logarithmic"]

MASSES = (18, 28, 32, 40, 44)
OUTGASSING_A: Mapping[int, float] = MappingProxyType(
    {18: 3.0e-9, 28: 2.5e-10, 32: 3.0e-11, 40: 2.0e-13, 44: 6.0e-11}
)
"""Currents from the walls when the analyser starts; they pump down."""
AIR_28_A = 2.6e-10
"""Nitrogen's current from the leak."""
AIR: Mapping[int, float] = MappingProxyType({28: 1.0, 32: 0.26, 40: 0.014})
"""Currents of air relative to nitrogen's, argon and oxygen with their sensitivities."""


@dataclass(frozen=True)
class Gauge:
    """How an analyser behaves.

    Parameters
    ----------
    pump_down
        The law by which outgassing falls: a power of time, two exponentials and a rest, or a
        logarithm.
    pumped_s
        How long it has been pumped when it starts.
    sensitivity_a_s
        Current for each molecule of O2 (of CO2, of water) for each transition metal and second.
    drift_per_h
        Relative growth of all currents in an hour.
    leak_per_h
        Relative growth of the air leak in an hour.
    slow_noise
        Standard deviation of the noise that is correlated over minutes, relative to the current at
        each mass; the air leak has twice as much of its own, which goes along at its masses.
    white_noise
        The same of a reading's own noise.
    electrometer_a
        Standard deviation of the electrometer's noise.
    multiplier
        Electrons for each ion: the charge whose number makes the shot noise.
    spikes_per_h
        Isolated readings that are far too high, at one mass each.
    stale
        Share of readings that repeat the one before, with its time.
    delay_s
        What the gas needs from the sample.
    mixing_s
        Time constant of the volume in which it mixes on the way.
    """

    pump_down: PumpDown = "power"
    pumped_s: float = 3600.0
    sensitivity_a_s: float = 5e-7
    drift_per_h: float = 0.01
    leak_per_h: float = 0.03
    slow_noise: float = 0.002
    white_noise: float = 0.003
    electrometer_a: float = 2e-14
    multiplier: float = 1000.0
    spikes_per_h: float = 4.0
    stale: float = 0.01
    delay_s: float = 8.0
    mixing_s: float = 3.0

    def __post_init__(self) -> None:
        if self.pump_down not in get_args(PumpDown):
            known = ", ".join(get_args(PumpDown))
            raise ValueError(f"no pump-down {self.pump_down!r}; there are {known}")
        if not (self.pumped_s > 0 and self.sensitivity_a_s > 0):
            raise ValueError(
                f"pumped_s is {self.pumped_s} and sensitivity_a_s {self.sensitivity_a_s}; "
                "give both above 0"
            )
        for name in ("slow_noise", "white_noise", "spikes_per_h", "stale", "delay_s", "mixing_s"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; give 0 or more")

    def gain_at(self, elapsed_s: ArrayLike) -> NDArray[np.float64]:
        """All currents relative to those at the start, of the shape of `elapsed_s`."""
        return 1 + self.drift_per_h * np.asarray(elapsed_s, float) / 3600

    def outgassing(self, elapsed_s: ArrayLike) -> NDArray[np.float64]:
        """Outgassing relative to that at the start, of the shape of `elapsed_s`."""
        return PUMP_DOWNS[self.pump_down](np.asarray(elapsed_s, float) / self.pumped_s)

    def background_a(self, mass: int, elapsed_s: ArrayLike) -> NDArray[np.float64]:
        """Current without the sample and without noise.

        Parameters
        ----------
        mass
            One of `MASSES`.
        elapsed_s
            Time since the analyser's start, of any shape.

        Returns
        -------
        NDArray[np.float64]
            In A, of the same shape.
        """
        elapsed_h = np.asarray(elapsed_s, float) / 3600
        air_a = AIR.get(mass, 0.0) * AIR_28_A * (1 + self.leak_per_h * elapsed_h)
        walls_a = OUTGASSING_A[mass] * self.outgassing(elapsed_s)
        currents_a: NDArray[np.float64] = (air_a + walls_a) * self.gain_at(elapsed_s)
        return currents_a


def _power(times: NDArray[np.float64]) -> NDArray[np.float64]:
    return (1 + times) ** -1.1


def _exponential(times: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.45 * np.exp(-2.5 * times) + 0.35 * np.exp(-0.5 * times) + 0.2


def _logarithmic(times: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(1 - 0.35 * np.log1p(times), 0.05)


PUMP_DOWNS: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = MappingProxyType(
    {"power": _power, "exponential": _exponential, "logarithmic": _logarithmic}
)
