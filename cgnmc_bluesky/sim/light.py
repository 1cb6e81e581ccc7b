"""The light at a scan's points, seen by all the channels that count together."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.sim.clock import Clock
from cgnmc_bluesky.sim.faults import Fault, FaultKind, Faults
from cgnmc_bluesky.sim.ring import StorageRing

GRID_STEP_EV = 0.02
Spectrum = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass
class Moment:
    """The light at one point of a scan, seen by all the channels that count together.

    Parameters
    ----------
    start_s
        When the count began, in simulated seconds since the epoch.
    point
        Its number since staging, from 1; 0 with the shutter closed.
    energy_ev
        True photon energy.
    photons_s
        Photons (of a current, electrons) a second that each channel detects.
    ring_ma
        Current in the ring.
    counting
        Channels that take part.
    """

    start_s: float
    point: int
    energy_ev: float
    photons_s: Mapping[str, float]
    ring_ma: float
    counting: set[str] = field(default_factory=set)


class Light(ABC):
    """What is behind a monochromator, as light meets it, moment by moment.

    Parameters
    ----------
    clock
        The simulation's clock.
    ring
        Where the light comes from.
    true_energy_ev
        Photon energy as it really is.
    faults
        What goes wrong.
    glitch_leaves
        Light left in each channel at a glitch; the names are those of all channels.
    """

    def __init__(
        self,
        clock: Clock,
        ring: StorageRing,
        true_energy_ev: Callable[[], float],
        *,
        faults: Iterable[Fault],
        glitch_leaves: Mapping[str, float],
    ) -> None:
        self.clock = clock
        self.ring = ring
        self.faults = Faults(tuple(faults))
        self.shutter_open = True
        self._true_energy_ev = true_energy_ev
        self._glitch_leaves = glitch_leaves
        self._point = 0
        self._moment: Moment | None = None

    def restart(self) -> None:
        """Count the points from 1 again."""
        self._point = 0
        self._moment = None

    def disturb(self) -> None:
        """Something moved: the next count is another moment."""
        self._moment = None

    def moment(self, channel: str) -> Moment:
        """Begin a count, or join the one that other channels have begun.

        Parameters
        ----------
        channel
            Who counts.

        Returns
        -------
        Moment
            The light that it sees.
        """
        if self._moment is None or channel in self._moment.counting:
            self._moment = self._next_moment()
        self._moment.counting.add(channel)
        return self._moment

    def _next_moment(self) -> Moment:
        energy_ev = self._true_energy_ev()
        now_s = self.clock.now_s()
        if not self.shutter_open:
            dark = dict.fromkeys(self._glitch_leaves, 0.0)
            return Moment(now_s, 0, energy_ev, dark, self.ring.current_ma(now_s))
        self._point += 1
        struck = self.faults.at(self._point, energy_ev)
        ring_ma = 0.0 if "dump" in struck else self.ring.current_ma(now_s)
        photons_s = self._photons_s(energy_ev, ring_ma, struck)
        if "glitch" in struck:
            leaves = self._glitch_leaves
            photons_s = {name: seen * leaves[name] for name, seen in photons_s.items()}
        return Moment(now_s, self._point, energy_ev, photons_s, ring_ma)

    @abstractmethod
    def _photons_s(
        self, energy_ev: float, ring_ma: float, struck: Mapping[FaultKind, Fault]
    ) -> dict[str, float]:
        """Photons a second in each channel, at a true energy and a current in the ring."""


class Curve:
    """A spectrum computed once, in pieces of a few hundred eV as the energies come by.

    Parameters
    ----------
    function
        Gives the spectrum at energies of shape `(n,)`.
    """

    PIECE_EV = 256.0

    def __init__(self, function: Spectrum) -> None:
        self._function = function
        self._pieces: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def at(self, energy_ev: float) -> float:
        """Give its value at one energy."""
        number = int(energy_ev // self.PIECE_EV)
        if number not in self._pieces:
            begin_ev = number * self.PIECE_EV
            grid_ev = np.arange(begin_ev, begin_ev + self.PIECE_EV + GRID_STEP_EV, GRID_STEP_EV)
            self._pieces[number] = grid_ev, self._function(grid_ev)
        return float(np.interp(energy_ev, *self._pieces[number]))
