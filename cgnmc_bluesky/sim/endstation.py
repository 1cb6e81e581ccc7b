"""The light's way through ion chambers, sample and foil."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.sim.clock import Clock
from cgnmc_bluesky.sim.faults import Fault, Faults
from cgnmc_bluesky.sim.ring import StorageRing
from cgnmc_bluesky.sim.sample import Sample, foil
from cgnmc_bluesky.sim.spectra import ELEMENTS

GAS_ABSORBS: Mapping[str, float] = {"i0": 0.13, "it": 0.7, "ir": 2.0}
"""Absorption of each chamber's gas at 8333 eV; it falls with the third power of the energy."""
FLUORESCENCE_SEEN = 0.01
"""Share of the fluorescence photons that the detector sees."""
SCATTER_SEEN = 2e-5
"""Photons scattered into the fluorescence detector, of those that reach the sample."""
GLITCH_LEAVES: Mapping[str, float] = {"i0": 0.6, "it": 0.57, "ir": 0.55, "if": 0.58}
"""Light left in each channel at a glitch; unlike in each, so that it does not cancel in ratios."""
GRID_STEP_EV = 0.02


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
        Photons a second that each channel detects.
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


class Endstation:
    """Everything behind the monochromator, as light meets it.

    Parameters
    ----------
    clock
        The simulation's clock.
    ring
        Where the light comes from.
    true_energy_ev
        Photon energy as it really is.
    sample
        What stands in the beam first.
    foil_element
        The foil between the second and third chamber; `None` for none.
    flux_ph_s
        Photons a second before the first chamber, at a full ring.
    faults
        What goes wrong.
    """

    def __init__(
        self,
        clock: Clock,
        ring: StorageRing,
        true_energy_ev: Callable[[], float],
        *,
        sample: Sample,
        foil_element: str | None,
        flux_ph_s: float,
        faults: Iterable[Fault] = (),
    ) -> None:
        self.clock = clock
        self.ring = ring
        self.sample = sample
        self.foil_element = foil_element
        self.flux_ph_s = flux_ph_s
        self.faults = Faults(tuple(faults))
        self.shutter_open = True
        self._true_energy_ev = true_energy_ev
        self._curves: dict[tuple[str, str], _Curve] = {}
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
            dark = dict.fromkeys((*GAS_ABSORBS, "if"), 0.0)
            return Moment(now_s, 0, energy_ev, dark, self.ring.current_ma(now_s))
        self._point += 1
        struck = self.faults.at(self._point, energy_ev)
        ring_ma = 0.0 if "dump" in struck else self.ring.current_ma(now_s)
        flux_ph_s = self.flux_ph_s * ring_ma / self.ring.full_ma * _undulation(energy_ev)
        foil_element = struck["foil"].element if "foil" in struck else self.foil_element
        photons_s = self._photons_s(energy_ev, flux_ph_s, foil_element)
        if "glitch" in struck:
            photons_s = {name: seen * GLITCH_LEAVES[name] for name, seen in photons_s.items()}
        return Moment(now_s, self._point, energy_ev, photons_s, ring_ma)

    def _photons_s(
        self, energy_ev: float, flux_ph_s: float, foil_element: str | None
    ) -> dict[str, float]:
        gas = (energy_ev / 8333.0) ** -3
        sample = self.sample
        absorption = self._curve("absorption", sample.name, sample.absorption)
        fluorescence = self._curve("fluorescence", sample.name, partial(_fluorescence, sample))
        i0, left = _absorbed(flux_ph_s, GAS_ABSORBS["i0"] * gas)
        seen = {"i0": i0, "if": left * fluorescence.at(energy_ev)}
        left *= np.exp(-absorption.at(energy_ev))
        seen["it"], left = _absorbed(left, GAS_ABSORBS["it"] * gas)
        if foil_element is not None:
            behind = self._curve("foil", foil_element, foil(foil_element).absorption)
            left *= np.exp(-behind.at(energy_ev))
        seen["ir"], _ = _absorbed(left, GAS_ABSORBS["ir"] * gas)
        return seen

    def _curve(self, kind: str, name: str, function: "Spectrum") -> "_Curve":
        if (kind, name) not in self._curves:
            self._curves[kind, name] = _Curve(function)
        return self._curves[kind, name]


Spectrum = Callable[[NDArray[np.float64]], NDArray[np.float64]]


class _Curve:
    """A spectrum computed once, in pieces of a few hundred eV as the energies come by."""

    PIECE_EV = 256.0

    def __init__(self, function: Spectrum) -> None:
        self._function = function
        self._pieces: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def at(self, energy_ev: float) -> float:
        number = int(energy_ev // self.PIECE_EV)
        if number not in self._pieces:
            begin_ev = number * self.PIECE_EV
            grid_ev = np.arange(begin_ev, begin_ev + self.PIECE_EV + GRID_STEP_EV, GRID_STEP_EV)
            self._pieces[number] = grid_ev, self._function(grid_ev)
        return float(np.interp(energy_ev, *self._pieces[number]))


def _absorbed(photons_s: float, absorption: float) -> tuple[float, float]:
    left = photons_s * np.exp(-absorption)
    return photons_s - left, left


def _undulation(energy_ev: float) -> float:
    """Flux against energy: it falls, with the slow ripple of mirrors."""
    ripple = 1 + 0.01 * np.sin(energy_ev / 60.0)
    return float((energy_ev / 8000.0) ** -1.5 * ripple)


def _fluorescence(sample: Sample, energy_ev: NDArray[np.float64]) -> NDArray[np.float64]:
    """Photons seen for each that reaches the sample, at 45° in and out, with self-absorption."""
    into = sample.absorption(energy_ev)
    total = np.full_like(energy_ev, SCATTER_SEEN)
    for element in sample.valences:
        out = sample.absorption(np.array([ELEMENTS[element].emission_ev]))[0]
        made = sample.k_absorption(element, energy_ev) * ELEMENTS[element].fluorescence_yield
        path = np.sqrt(2) * (into + out)
        escapes = np.where(path > 1e-9, -np.expm1(-path) / np.maximum(path, 1e-9), 1.0)
        total += FLUORESCENCE_SEEN * np.sqrt(2) * made * escapes
    return total
