"""The light's way through the gold mesh and the reference sample to the sample."""

import math
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import numpy as np

from cgnmc_bluesky.sim.clock import Clock
from cgnmc_bluesky.sim.faults import Fault, FaultKind
from cgnmc_bluesky.sim.light import Light
from cgnmc_bluesky.sim.ring import StorageRing
from cgnmc_bluesky.sim.soft.sample import SoftSample
from cgnmc_bluesky.sim.soft.spectra import L_SHELLS, edge_steps
from cgnmc_bluesky.sim.soft.yields import Geometry, Target

EMITTERS = ("O", "Mn", "Co", "Ni")
SCATTER = "scatter"
GLITCH_LEAVES: Mapping[str, float] = MappingProxyType(
    {
        "gold_mesh": 0.60,
        "reference_current": 0.58,
        "sample_current": 0.57,
        **dict.fromkeys((*EMITTERS, SCATTER), 0.50),
    }
)
"""Light left in each channel at a glitch; unlike in each, so that it does not cancel in ratios."""
SOLID_ANGLE = 1.5e-3
"""Part of all directions in which the fluorescence detector is."""
SCATTERED = 2e-6
"""Photons scattered into all directions, of those that reach the sample."""
MESH_ELECTRONS = 0.02
"""Electrons from the mesh for each photon, at 800 eV."""
REFERENCE_ELECTRONS = 0.015
"""The same from the reference sample, before an edge."""
REFERENCE_STEP = 0.35
"""Growth of its electrons by each metal's edge step."""
FLICKER = 0.003
"""Standard deviation of the light from point to point, the same in all channels."""
CONTAMINATION: Mapping[str, float] = MappingProxyType({"NiO": 4e-4, "CoO": 1e-4})
"""What has settled on the mesh: growth of its electrons by an edge step."""


class SoftEndstation(Light):
    """Everything behind the grating, as light meets it.

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
    geometry
        How it stands.
    flux_ph_s
        Photons a second on the sample, at a full ring and 800 eV.
    reference
        Metals of the reference sample; none for no such sample.
    contamination
        What has settled on the mesh, by the name of a spectrum: how much its edge step adds.
    mesh_drift_per_h
        Relative growth of the mesh's electrons in an hour.
    damage_s
        Time in the beam of a full ring after which 1/e of the higher valences is left.
    seed
        Of the light's flicker; `None` for light without any.
    faults
        What goes wrong.
    begins_again
        Called when the points are counted from 1 again after there have been some.
    """

    def __init__(
        self,
        clock: Clock,
        ring: StorageRing,
        true_energy_ev: Callable[[], float],
        *,
        sample: SoftSample,
        geometry: Geometry,
        flux_ph_s: float,
        reference: Iterable[str],
        contamination: Mapping[str, float],
        mesh_drift_per_h: float,
        damage_s: float,
        seed: np.random.SeedSequence | None,
        faults: Iterable[Fault] = (),
        begins_again: Callable[[], None],
    ) -> None:
        super().__init__(clock, ring, true_energy_ev, faults=faults, glitch_leaves=GLITCH_LEAVES)
        self.sample = sample
        self.geometry = geometry
        self.flux_ph_s = flux_ph_s
        self.damage_s = damage_s
        self._reference = tuple(reference)
        self._contamination = dict(contamination)
        self._mesh_drift_per_h = mesh_drift_per_h
        self._random = None if seed is None else np.random.default_rng(seed)
        self._begins_again = begins_again
        self._start_s = clock.now_s()
        self._targets: dict[str, Target] = {}
        self._doses_s: dict[str, float] = {}
        self._lit_since_s: float | None = None

    @property
    def target(self) -> Target:
        """The sample as it stands in the beam."""
        name = self.sample.name
        if name not in self._targets:
            self._targets[name] = Target(self.sample, self.geometry)
        return self._targets[name]

    @property
    def dose_s(self) -> float:
        """For how long the sample has been in the beam of a full ring."""
        return self._doses_s.get(self.sample.name, 0.0)

    @property
    def left(self) -> float:
        """Part of the sample's atoms that the beam has not reduced."""
        return math.exp(-self.dose_s / self.damage_s)

    def restart(self) -> None:
        """Count the points from 1 again; between scans no light falls on the sample."""
        if self._point:
            self._begins_again()
        self._lit_since_s = None
        super().restart()

    def _photons_s(
        self, energy_ev: float, ring_ma: float, struck: Mapping[FaultKind, Fault]
    ) -> dict[str, float]:
        ring_share = ring_ma / self.ring.full_ma
        self._expose(ring_share)
        flux_ph_s = self.flux_ph_s * ring_share * _optics(energy_ev)
        if self._random is not None:
            flux_ph_s *= 1 + FLICKER * self._random.standard_normal()
        electrons, photons = self.target.yields(energy_ev, self.left)
        seen = dict.fromkeys((*EMITTERS, SCATTER), 0.0)
        seen |= {name: SOLID_ANGLE * flux_ph_s * part for name, part in photons.items()}
        seen[SCATTER] = SOLID_ANGLE * SCATTERED * flux_ph_s
        return {
            "gold_mesh": flux_ph_s * self._mesh(energy_ev),
            "reference_current": flux_ph_s * self._of_reference(energy_ev),
            "sample_current": flux_ph_s * electrons,
            **seen,
        }

    def _expose(self, ring_share: float) -> None:
        now_s = self.clock.now_s()
        since_s = now_s if self._lit_since_s is None else self._lit_since_s
        self._doses_s[self.sample.name] = self.dose_s + ring_share * (now_s - since_s)
        self._lit_since_s = now_s

    def _mesh(self, energy_ev: float) -> float:
        """Electrons from the mesh for each photon that passes it."""
        steps = edge_steps(energy_ev)
        settled = sum(step * steps[name] for name, step in self._contamination.items())
        hours = (self.clock.now_s() - self._start_s) / 3600
        drifted = 1 + self._mesh_drift_per_h * hours
        return float(MESH_ELECTRONS * (energy_ev / 800.0) ** -0.6 * (1 + settled) * drifted)

    def _of_reference(self, energy_ev: float) -> float:
        """Electrons from the reference sample for each photon that passes it."""
        grown = 1.0
        for metal in self._reference:
            falls = L_SHELLS[metal].step(energy_ev) / L_SHELLS[metal].jump_cm2_g
            grown += REFERENCE_STEP * falls * edge_steps(energy_ev)[metal]
        return float(REFERENCE_ELECTRONS * (energy_ev / 800.0) ** -0.8 * grown)


def _optics(energy_ev: float) -> float:
    """Flux against energy: it falls, with the slow ripple of mirrors and gratings."""
    ripple = 1 + 0.015 * math.sin(energy_ev / 23.0)
    return float((energy_ev / 800.0) ** -1.2 * ripple)
