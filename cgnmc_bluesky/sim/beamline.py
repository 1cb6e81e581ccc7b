"""A whole beamline in a computer: devices, their roles, and the truth behind them."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from cgnmc_bluesky.sim.clock import Clock
from cgnmc_bluesky.sim.detectors import FluorescenceDetector, IonChamber, RingCurrent
from cgnmc_bluesky.sim.endstation import Endstation
from cgnmc_bluesky.sim.faults import Fault
from cgnmc_bluesky.sim.metadata import NOTHING, Informed
from cgnmc_bluesky.sim.monochromator import Monochromator
from cgnmc_bluesky.sim.optics import mounted, sample_holder, shutter
from cgnmc_bluesky.sim.ring import StorageRing
from cgnmc_bluesky.sim.sample import MATERIALS, Sample
from cgnmc_bluesky.sim.spectra import ELEMENTS

STANDARDS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "Ni": (("NiO", 2), ("LiNiO2", 3)),
    "Mn": (("MnO", 2), ("Mn2O3", 3), ("MnO2", 4)),
    "Co": (("CoO", 2), ("LiCoO2", 3)),
}
"""Standards at each K edge that are shipped as measured on this beamline, with their valences."""
GAIN_V_PER_A: Mapping[str, float] = {"i0": 1e9, "it": 2e8, "ir": 2e8}
DARK_A: Mapping[str, float] = {"i0": 4e-12, "it": 6e-12, "ir": 5e-12}


class SimulatedBeamline(Informed):
    """Simulated devices over one physical truth, ready for anybody's RunEngine.

    Parameters
    ----------
    sample
        What stands in the beam first: a name among `samples`, or a sample of your own.
    edge
        The edge that it is set up for, such as "Ni K": it chooses the foil, the references in
        `roles`, and where the monochromator stands.
    seed
        Of all noise.
    clock
        The simulation's clock; without it a new one of this speed and pace.
    speed
        Simulated seconds for each real one; at infinity nothing waits.
    points_per_s
        Real counts a second at most, at infinite speed.
    faults
        What goes wrong, and when.
    samples
        What is mounted, by name; your own `sample` comes on top.
    foil
        Element of the foil between the second and the third chamber: "edge" for that of the edge,
        `None` for no foil.
    noise
        Whether readings have any.
    flux_ph_s
        Photons a second before the first chamber at a full ring: it sets the signal to noise.
    energy_offset_ev
        True energy minus the readback, at the start.
    energy_drift_ev_per_h
        Growth of that with time.
    backlash_ev
        Dead zone of the monochromator.
    ring
        The storage ring, where the usual one will not do.

    Attributes
    ----------
    mono, i0, it, ir, if_, ring, sample, shutter
        The devices. Data keys: `mono_energy`, `i0`, `it`, `ir`, `if`, `ring_current`, `sample`,
        `shutter`.
    clock
        The clock.
    endstation
        What the light meets.
    edge
        The edge that it is set up for.

    Examples
    --------
    >>> beamline = SimulatedBeamline(sample="gradient, pristine", seed=1)
    >>> sorted({**beamline.mono.read(), **beamline.i0.read()})
    ['i0', 'mono_energy']
    """

    def __init__(
        self,
        sample: str | Sample = "conventional, pristine",
        *,
        edge: str = "Ni K",
        seed: int = 0,
        clock: Clock | None = None,
        speed: float = math.inf,
        points_per_s: float | None = None,
        faults: Iterable[Fault] = (),
        samples: Mapping[str, Sample] = MATERIALS,
        foil: str | None = "edge",
        noise: bool = True,
        flux_ph_s: float = 1e9,
        energy_offset_ev: float = 0.4,
        energy_drift_ev_per_h: float = 0.05,
        backlash_ev: float = 0.05,
        ring: StorageRing | None = None,
    ) -> None:
        element = _element_of(edge)
        self.edge = f"{element} K"
        self.clock = clock or Clock(speed, points_per_s=points_per_s)
        self.mono = Monochromator(
            self.clock,
            offset_ev=energy_offset_ev,
            drift_ev_per_h=energy_drift_ev_per_h,
            backlash_ev=backlash_ev,
            start_ev=ELEMENTS[element].energy_ev - 100.0,
        )
        there, first = mounted(sample, samples)
        self.endstation = Endstation(
            self.clock,
            ring or StorageRing(start_s=self.clock.now_s()),
            self.mono.true_energy_ev,
            sample=there[first],
            foil_element=element if foil == "edge" else foil,
            flux_ph_s=flux_ph_s,
            faults=faults,
        )
        self.mono.moved = self.endstation.disturb
        seeds = np.random.SeedSequence(seed).spawn(4) if noise else [None] * 4
        self.i0, self.it, self.ir = (
            IonChamber(
                self.endstation,
                name,
                name=name,
                seed=seed_of_it,
                gain_v_per_a=GAIN_V_PER_A[name],
                dark_a=DARK_A[name],
            )
            for name, seed_of_it in zip(("i0", "it", "ir"), seeds, strict=False)
        )
        self.if_ = FluorescenceDetector(self.endstation, "if", name="if_", seed=seeds[3])
        self.ring = RingCurrent(self.endstation)
        self.sample = sample_holder(self.endstation, there, first)
        self.shutter = shutter(self.endstation)

    def devices(self) -> dict[str, Any]:
        """All devices by the names that a session gives them."""
        names = ("mono", "i0", "it", "ir", "if_", "ring", "sample", "shutter")
        return {name: getattr(self, name) for name in names}

    def roles(self) -> dict[str, Any]:
        """Which data key plays which role, as beamline.toml would say it.

        Returns
        -------
        dict[str, Any]
            Plain sections and keys; references and the foil are those of the edge it is set up for.
        """
        element = self.edge.split()[0]
        references = [
            {"name": name, "edge": self.edge, "valence": valence, "file": f"simulated:{name}"}
            for name, valence in STANDARDS.get(element, ())
        ]
        if references:
            references[0]["template"] = True
        foil = {"edge": self.edge, "energy_ev": ELEMENTS[element].energy_ev}
        return {
            "beamline": {"name": "simulated beamline", "facility": "cgnmc_bluesky"},
            "xanes": {
                "energy_ev": "mono_energy",
                "i0": "i0",
                "itrans": "it",
                "irefer": "ir",
                "ifluor": "if",
                "dark": {"i0": DARK_A["i0"], "itrans": DARK_A["it"], "irefer": DARK_A["ir"]},
            },
            "reference": references,
            "foil": [foil],
        }

    def metadata(self, run: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
        """What a run of this beamline should carry in its start document.

        Parameters
        ----------
        run
            What its plan says of the run; it makes no difference here.

        Returns
        -------
        dict[str, Any]
            The roles; the sample's name; and the truth, which is the sample's and what has to be
            added to the energy axis now.
        """
        sample = self.endstation.sample
        truth = {**sample.truth(), "calibration_shift_ev": self.mono.error_ev()}
        return {"beamline": self.roles(), "sample": sample.name, "truth": truth}


def _element_of(edge: str) -> str:
    element, _, level = edge.replace("_", " ").replace("-", " ").partition(" ")
    if level != "K" or element not in STANDARDS:
        known = ", ".join(f"{symbol} K" for symbol in STANDARDS)
        raise ValueError(f"edge is {edge!r}; the simulated beamline knows {known}")
    return element
