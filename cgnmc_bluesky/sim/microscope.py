"""A photoemission electron microscope in a computer: an electrode, a camera, a mesh, and drift."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.sim.clock import Clock
from cgnmc_bluesky.sim.faults import Fault
from cgnmc_bluesky.sim.metadata import NOTHING, Informed
from cgnmc_bluesky.sim.micrograph import Micrograph, scattered
from cgnmc_bluesky.sim.optics import Selector, sets
from cgnmc_bluesky.sim.peem import IMAGE, MESH, Column, PeemCamera
from cgnmc_bluesky.sim.ring import StorageRing
from cgnmc_bluesky.sim.rowfile import temporary_folder
from cgnmc_bluesky.sim.soft.beamline import STANDARDS
from cgnmc_bluesky.sim.soft.detectors import Electrometer
from cgnmc_bluesky.sim.soft.grating import GratingMonochromator
from cgnmc_bluesky.sim.soft.sample import (
    MATERIALS,
    SoftSample,
)
from cgnmc_bluesky.sim.soft.spectra import L_SHELLS

Floats = NDArray[np.float64]

SPREAD = 0.3
"""Standard deviation of the particles' excess of the lowest valence."""
EVEN = "even"
RIMS: Mapping[str, float] = MappingProxyType({"conventional": 0.8, "gradient": 0.2, EVEN: 0.0})
"""How much more of the lowest valence there is at the rims, by the material."""
DWELL_S = 1.0


class SimulatedMicroscope(Informed):
    """Simulated devices around an electrode under an electron microscope, ready for anybody's
    RunEngine.

    Parameters
    ----------
    sample
        What the electrode's particles are of on average: a name among `samples`, or one of your
        own.
    edge
        The edge that the monochromator stands before at first.
    shape
        Rows and columns of an image.
    seed
        Of particles, drift and noise.
    clock
        The simulation's clock; without it a new one of this speed and pace.
    speed
        Simulated seconds for each real one; at infinity nothing waits.
    points_per_s
        Real images a second at most, at infinite speed.
    folder
        Where the camera's files go; without it a temporary folder, which goes with the microscope.
    inline
        Whether images are in the events, not in files.
    compression
        Of the files: "gzip", or `None` for none.
    faults
        What goes wrong; channels are `peem_image` and `peem_mesh`.
    samples
        What is mounted, by name.
    noise
        Whether readings have any, and the electrode drifts.
    counts_s
        Counts a second of a particle's pixel before all edges: it sets the signal to noise.
    walk_px, jumps
        The drift, as for `PeemCamera`.
    energy_offset_ev
        True energy minus the readback at 800 eV.
    pixel_um
        Size of a pixel on the electrode.

    Attributes
    ----------
    pgm, camera, mesh, electrode
        The devices. Data keys: `peem_pgm_energy`, `peem_image`, `peem_mesh`, `electrode`.
    clock
        The clock.

    Examples
    --------
    >>> microscope = SimulatedMicroscope("gradient, 100 cycles", shape=(64, 64), seed=1)
    >>> microscope.roles()["xpeem"]["image"], microscope.metadata()["sample"]
    ('peem_image', 'gradient, 100 cycles')
    """

    def __init__(
        self,
        sample: str | SoftSample = "conventional, pristine",
        *,
        edge: str = "Ni L3",
        shape: tuple[int, int] = (256, 256),
        seed: int = 0,
        clock: Clock | None = None,
        speed: float = math.inf,
        points_per_s: float | None = None,
        folder: str | Path | None = None,
        inline: bool = False,
        compression: str | None = "gzip",
        faults: Iterable[Fault] = (),
        samples: Mapping[str, SoftSample] = MATERIALS,
        noise: bool = True,
        counts_s: float = 400.0,
        walk_px: float = 0.3,
        jumps: Mapping[int, tuple[float, float]] = MappingProxyType({}),
        energy_offset_ev: float = 0.1,
        pixel_um: float = 0.04,
    ) -> None:
        own = {sample.name: sample} if isinstance(sample, SoftSample) else {}
        mounted = {**samples, **own}
        first = sample.name if isinstance(sample, SoftSample) else sample
        if first not in mounted:
            raise ValueError(f"sample is {first!r}; mounted are {', '.join(mounted)}")
        element = edge.partition(" ")[0]
        if element not in STANDARDS:
            known = ", ".join(f"{symbol} L3" for symbol in STANDARDS)
            raise ValueError(f"edge is {edge!r}; the simulated microscope knows {known}")
        self.clock = clock or Clock(speed, points_per_s=points_per_s)
        self._edge, self._pixel_um = edge, pixel_um
        self.pgm = GratingMonochromator(
            self.clock,
            seed=seed,
            name="peem_pgm",
            offset_ev=energy_offset_ev,
            backlash_ev=0.0,
            start_ev=L_SHELLS[element].energy_ev - 20.0,
        )
        of_particles, *seeds = np.random.SeedSequence(seed).spawn(4)
        of_light, of_mesh, of_camera = seeds if noise else [None] * 3
        self._column = Column(
            self.clock,
            StorageRing(start_s=self.clock.now_s()),
            self.pgm.true_energy_ev,
            counts_s=counts_s,
            sample=mounted[first],
            seed=of_light,
            faults=faults,
        )
        self.pgm.moved = self._column.disturb
        self.mesh = Electrometer(self._column, MESH, name=MESH, seed=of_mesh, gain_v_per_a=2e9)
        self._micrographs = {
            material: scattered(
                shape, spread=SPREAD, rim=rim, random=np.random.default_rng(of_particles)
            )
            for material, rim in RIMS.items()
        }
        self.folder: Path | None = None
        if not inline:
            self.folder = Path(folder).resolve() if folder is not None else temporary_folder(self)
        self.camera = PeemCamera(
            self._column,
            lambda: self.micrograph,
            walk_px=walk_px,
            jumps=jumps,
            folder=self.folder,
            compression=compression,
            seed=of_camera,
        )
        for counter in (self.mesh, self.camera):
            counter.dwell_s.put(DWELL_S)
        choices = {name: sets(self._column, "sample", one) for name, one in mounted.items()}
        self.electrode = Selector(self.clock, name="electrode", choices=choices, first=first)

    def devices(self) -> dict[str, Any]:
        """All devices by the names that a session gives them."""
        return {
            "peem_pgm": self.pgm,
            "peem": self.camera,
            "peem_mesh": self.mesh,
            "electrode": self.electrode,
        }

    def roles(self) -> dict[str, Any]:
        """Which data key plays which role, as beamline.toml would say it."""
        kept = {} if self.folder is None else {"data": {"readable": [str(self.folder)]}}
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
        return {
            "beamline": {"name": "simulated microscope", "facility": "cgnmc_bluesky"},
            **kept,
            "xpeem": {
                "image": IMAGE,
                "energy_ev": self.pgm.energy.name,
                "i0": MESH,
                "pixel_um": self._pixel_um,
            },
            "reference": references,
            "foil": [
                {"edge": f"{element} L3", "energy_ev": L_SHELLS[element].energy_ev}
                for element in STANDARDS
            ],
        }

    def metadata(self, run: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
        """What a run of this microscope should carry in its start document.

        Parameters
        ----------
        run
            What its plan says of the run: its `edge`.

        Returns
        -------
        dict[str, Any]
            The roles; the sample's name, material and cycles; and the truth: the field's fraction
            of the lowest valence, how much particles and their parts differ, and the axis' error.
        """
        element = str(run.get("edge") or self._edge).partition(" ")[0]
        sample = self._column.sample
        truth: dict[str, Any] = {}
        if element in sample.bulk:
            fraction, amount = self.fraction_map(element)
            mean = float(np.average(fraction, weights=amount))
            spread = float(np.sqrt(np.average((fraction - mean) ** 2, weights=amount**2)))
            lowest = min(self._column.shares(element))
            truth = {
                f"{element.lower()}{lowest}_fraction": mean,
                "fraction_spread": spread,
                "calibration_shift_ev": self.pgm.error_at_ev(L_SHELLS[element].energy_ev),
            }
        return {
            "beamline": self.roles(),
            "sample": sample.name,
            **sample.metadata,
            "truth": truth,
        }

    def fraction_map(self, element: str = "Ni") -> tuple[Floats, Floats]:
        """Share of a metal's lowest valence in each pixel of the first image, and how much of the
        metal is seen there.

        Returns
        -------
        tuple of NDArray
            Shape `(rows, columns)` each.
        """
        seen = self.micrograph.seen()
        shares = self._column.shares(element)
        excess = seen.excess / np.maximum(seen.particles, 1e-12)
        fraction = shares[min(shares)] + self._column.most(element) * excess
        return fraction, seen.particles

    @property
    def micrograph(self) -> Micrograph:
        """The particles under the microscope: in the same places, whatever they are of."""
        material = str(self._column.sample.metadata.get("material"))
        return self._micrographs[material if material in RIMS else EVEN]

    @property
    def drifts_px(self) -> Floats:
        """Drift down and to the right of each image of the last run, shape `(n, 2)`."""
        return np.array(self.camera.drifts_px).reshape(-1, 2)
