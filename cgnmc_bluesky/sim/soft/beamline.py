"""A whole soft X-ray beamline in a computer: devices, their roles, and the truth behind them."""

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from cgnmc_bluesky.sim.clock import Clock
from cgnmc_bluesky.sim.faults import Fault
from cgnmc_bluesky.sim.metadata import NOTHING, Informed
from cgnmc_bluesky.sim.optics import mounted, sample_holder, shutter
from cgnmc_bluesky.sim.ring import StorageRing
from cgnmc_bluesky.sim.soft.detectors import DriftDetector, Electrometer
from cgnmc_bluesky.sim.soft.endstation import CONTAMINATION, SoftEndstation
from cgnmc_bluesky.sim.soft.grating import GratingMonochromator
from cgnmc_bluesky.sim.soft.sample import MATERIALS, SoftSample
from cgnmc_bluesky.sim.soft.spectra import L_SHELLS
from cgnmc_bluesky.sim.soft.yields import Geometry

STANDARDS: Mapping[str, tuple[tuple[str, int], ...]] = MappingProxyType(
    {
        "Ni": (("NiO", 2), ("LiNiO2", 3)),
        "Mn": (("MnO", 2), ("Mn2O3", 3), ("MnO2", 4)),
        "Co": (("CoO", 2), ("LiCoO2", 3)),
    }
)
"""Standards at each L edge that are shipped as measured on this beamline, with their valences."""
WINDOWS_EV: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"Mn": (590.0, 690.0), "Co": (735.0, 815.0), "Ni": (805.0, 905.0)}
)
"""Energies about each metal's emission that are counted."""
DARK_A: Mapping[str, float] = MappingProxyType(
    {"gold_mesh": 4e-13, "sample_current": -7e-13, "reference_current": 3e-13}
)
GAIN_V_PER_A = 2e9
GEOMETRY = Geometry()
DWELL_S = 1.0


class SimulatedSoftBeamline(Informed):
    """Simulated devices over a sample's surface and bulk, ready for anybody's RunEngine.

    Parameters
    ----------
    sample
        What stands in the beam first: a name among `samples`, or a sample of your own.
    edge
        The edge that it is set up for, such as "Ni L3": it chooses where the monochromator stands
        and the detector's window. All edges can be scanned.
    seed
        Of all noise.
    clock
        The simulation's clock; without it a new one of this speed and pace.
    speed
        Simulated seconds for each real one; at infinity nothing waits.
    points_per_s
        Real counts a second at most, at infinite speed.
    faults
        What goes wrong, and when; channels are named by their data keys.
    samples
        What is mounted, by name; your own `sample` comes on top.
    noise
        Whether readings have any.
    flux_ph_s
        Photons a second on the sample at a full ring and 800 eV: it sets the signal to noise.
    geometry
        Angles of beam and detector with the surface, and the electrons' escape depth.
    reference
        Metals of the reference sample before the sample; none for no such sample.
    contamination
        What has settled on the gold mesh: the name of a spectrum, and how much its edge step adds
        to the mesh's current. With some per cent of "Ni" the mesh shows that edge itself.
    mesh_drift_per_h
        Relative growth of the mesh's current in an hour.
    damage_s
        Time in the beam of a full ring after which 1/e of the higher valences is left; the rest is
        the lowest one of an oxide.
    energy_offset_ev, energy_drift_ev_per_scan
        True energy minus the readback, at 800 eV and the start, and the standard deviation of its
        change from scan to scan.
    backlash_ev
        Dead zone of the monochromator.
    ring
        The storage ring, where the usual one will not do.
    spectrum
        Whether the fluorescence detector gives its spectra too.

    Attributes
    ----------
    pgm, gold_mesh, tey, sdd, reference, sample, shutter
        The devices. Data keys: `pgm_energy`, `gold_mesh`, `sample_current`, `sdd_pfy`,
        `sdd_dead_time_factor` (and `sdd_spectrum`), `reference_current`, `soft_sample`,
        `soft_shutter`.
    clock
        The clock.
    endstation
        What the light meets.

    Examples
    --------
    >>> beamline = SimulatedSoftBeamline("gradient, pristine", seed=1)
    >>> sorted({**beamline.pgm.read(), **beamline.tey.read(), **beamline.sdd.read()})
    ['pgm_energy', 'sample_current', 'sdd_dead_time_factor', 'sdd_pfy']
    """

    def __init__(
        self,
        sample: str | SoftSample = "conventional, pristine",
        *,
        edge: str = "Ni L3",
        seed: int = 0,
        clock: Clock | None = None,
        speed: float = math.inf,
        points_per_s: float | None = None,
        faults: Iterable[Fault] = (),
        samples: Mapping[str, SoftSample] = MATERIALS,
        noise: bool = True,
        flux_ph_s: float = 2e10,
        geometry: Geometry = GEOMETRY,
        reference: Iterable[str] = tuple(STANDARDS),
        contamination: Mapping[str, float] = CONTAMINATION,
        mesh_drift_per_h: float = 0.01,
        damage_s: float = math.inf,
        energy_offset_ev: float = 0.35,
        energy_drift_ev_per_scan: float = 0.04,
        backlash_ev: float = 0.03,
        ring: StorageRing | None = None,
        spectrum: bool = False,
    ) -> None:
        element = _element_of(edge)
        self.clock = clock or Clock(speed, points_per_s=points_per_s)
        seeds = np.random.SeedSequence(seed).spawn(5) if noise else [None] * 5
        self.pgm = GratingMonochromator(
            self.clock,
            seed=seed,
            offset_ev=energy_offset_ev,
            drift_ev_per_scan=energy_drift_ev_per_scan,
            backlash_ev=backlash_ev,
            start_ev=L_SHELLS[element].energy_ev - 20.0,
        )
        there, first = mounted(sample, samples)
        self.endstation = SoftEndstation(
            self.clock,
            ring or StorageRing(start_s=self.clock.now_s()),
            self.pgm.true_energy_ev,
            sample=there[first],
            geometry=geometry,
            flux_ph_s=flux_ph_s,
            reference=reference,
            contamination=contamination,
            mesh_drift_per_h=mesh_drift_per_h,
            damage_s=damage_s,
            seed=seeds[0],
            faults=faults,
            begins_again=self.pgm.begin_scan,
        )
        self.pgm.moved = self.endstation.disturb
        self.gold_mesh = self._meter("gold_mesh", "gold_mesh", seeds[1])
        self.tey = self._meter("tey", "sample_current", seeds[2])
        self.reference = self._meter("reference", "reference_current", seeds[3])
        self.sdd = DriftDetector(
            self.endstation, window_ev=WINDOWS_EV[element], spectrum=spectrum, seed=seeds[4]
        )
        self.sdd.dwell_s.put(DWELL_S)
        self.sample = sample_holder(self.endstation, there, first, name="soft_sample")
        self.shutter = shutter(self.endstation, name="soft_shutter")

    def devices(self) -> dict[str, Any]:
        """All devices by the names that a session gives them."""
        names = ("pgm", "gold_mesh", "tey", "sdd", "reference")
        chosen = {"soft_sample": self.sample, "soft_shutter": self.shutter}
        return {**{name: getattr(self, name) for name in names}, **chosen}

    def roles(self) -> dict[str, Any]:
        """Which data key plays which role, as beamline.toml would say it.

        Returns
        -------
        dict[str, Any]
            Plain sections and keys; references and the reference sample's metals are those of all
            three edges.
        """
        # Electrons show a standard as it is. Its fluorescence, of so much metal, is bent by its
        # own absorption: pfy is compared with the same standards, and this is put into the model.
        references = [
            {
                "name": name,
                "edge": f"{element} L3",
                "valence": valence,
                "file": f"simulated:{name}_L",
                "mode": "tey",
                **({"template": True} if number == 0 else {}),
            }
            for element, standards in STANDARDS.items()
            for number, (name, valence) in enumerate(standards)
        ]
        foils = [
            {"edge": f"{element} L3", "energy_ev": L_SHELLS[element].energy_ev}
            for element in STANDARDS
        ]
        return {
            "beamline": {"name": "simulated soft X-ray beamline", "facility": "cgnmc_bluesky"},
            "soft_xanes": {
                "energy_ev": "pgm_energy",
                "i0": "gold_mesh",
                "yields": {"tey": "sample_current", "pfy": "sdd_pfy"},
                "reference": "reference_current",
                "dead_time_factor": "sdd_dead_time_factor",
                "dark": {
                    "i0": DARK_A["gold_mesh"],
                    "tey": DARK_A["sample_current"],
                    "reference": DARK_A["reference_current"],
                },
            },
            "reference": references,
            "foil": foils,
        }

    def metadata(self, run: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
        """What a run of this beamline should carry in its start document.

        Parameters
        ----------
        run
            What its plan says of the run: its `edge`, else it is the one nearest to where the
            monochromator stands.

        Returns
        -------
        dict[str, Any]
            The roles; the sample's name, material and cycles; and the truth: what share of each
            valence each yield sees, how strong the over-absorption is, and what has to be added to
            the energy axis now.
        """
        sample = self.endstation.sample
        return {
            "beamline": self.roles(),
            "sample": sample.name,
            **sample.metadata,
            "truth": self._truth(run.get("edge")),
        }

    def _truth(self, edge: str | None) -> dict[str, Any]:
        element = _nearest(self.pgm.position) if edge is None else _element_in(edge)
        target, left = self.endstation.target, self.endstation.left
        shares = {
            f"{mode}_{metal.lower()}{valence}_fraction": share
            for mode in ("tey", "pfy")
            for metal in target.sample.bulk
            for valence, share in target.shares(metal, mode, left).items()
        }
        emits = element in target.sample.bulk
        at_ev = L_SHELLS[element].energy_ev if element in L_SHELLS else self.pgm.position
        damage_s = self.endstation.damage_s
        return {
            **shares,
            "over_absorption": target.over_absorption(element) if emits else None,
            "calibration_shift_ev": self.pgm.error_at_ev(at_ev),
            "damage_s": damage_s if math.isfinite(damage_s) else None,
            "dose_s": self.endstation.dose_s,
        }

    def _meter(self, name: str, key: str, seed: np.random.SeedSequence | None) -> Electrometer:
        options = {"gain_v_per_a": GAIN_V_PER_A, "dark_a": DARK_A[key]}
        meter = Electrometer(self.endstation, key, name=name, seed=seed, **options)
        meter.dwell_s.put(DWELL_S)
        return meter


def _element_of(edge: str) -> str:
    element = _element_in(edge)
    if element not in STANDARDS:
        known = ", ".join(f"{symbol} L3" for symbol in STANDARDS)
        raise ValueError(f"edge is {edge!r}; the simulated soft X-ray beamline knows {known}")
    return element


def _element_in(edge: str) -> str:
    """Element of an L edge; nothing of another edge."""
    element, _, level = edge.replace("_", " ").replace("-", " ").partition(" ")
    return element if level.startswith("L") else ""


def _nearest(energy_ev: float) -> str:
    return min(STANDARDS, key=lambda element: abs(L_SHELLS[element].energy_ev - energy_ev))
