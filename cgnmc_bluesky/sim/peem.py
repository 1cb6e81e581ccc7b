"""The light, the camera and the drift of a photoemission electron microscope."""

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ophyd import Component, Kind

from cgnmc_bluesky.sim.detectors import Counter
from cgnmc_bluesky.sim.faults import Fault, FaultKind
from cgnmc_bluesky.sim.kept import KeptFrames
from cgnmc_bluesky.sim.light import Light, Moment
from cgnmc_bluesky.sim.micrograph import Micrograph, Seen
from cgnmc_bluesky.sim.signals import Reading
from cgnmc_bluesky.sim.soft.sample import ESCAPE_DEPTH_NM, SHAPE_OF_VALENCE, SoftSample
from cgnmc_bluesky.sim.soft.spectra import edge_steps

Floats = NDArray[np.float64]

IMAGE, MESH = "peem_image", "peem_mesh"
STEP = 0.35
"""Growth of a particle's electrons by the edge step of a metal that all its metals are."""
FLICKER = 0.01
"""Standard deviation of the light from point to point, the same for mesh and camera."""
MESH_ELECTRONS_S = 1e10
REACH = 0.5
"""Largest excess, as a part of what there is of the lowest and of the highest valence."""
SATURATED = 65535


class Column(Light):
    """The light on mesh and electrode, and the electrode's electrons.

    Parameters
    ----------
    *args, **kwargs
        As for `Light`.
    counts_s
        Counts a second of a particle's pixel before all edges, in the light of a full ring.
    sample
        What the particles are of on average.
    seed
        Of the light's flicker; `None` for light without any.
    """

    def __init__(
        self, *args: Any, counts_s: float, sample: SoftSample, seed: Any, **kwargs: Any
    ) -> None:
        leaves = {MESH: 0.6, IMAGE: 0.55}
        super().__init__(*args, glitch_leaves=leaves, **kwargs)
        self.sample = sample
        self._counts_s = counts_s
        self._random = None if seed is None else np.random.default_rng(seed)

    def shares(self, element: str) -> dict[int, float]:
        """Mean share of each valence, as electrons see it."""
        sample = self.sample
        return {
            valence: sample.mean_share(element, valence, ESCAPE_DEPTH_NM)
            for valence in sample.valences(element)
        }

    def most(self, element: str) -> float:
        """Share by which the lowest valence may exceed its mean, at the highest's cost."""
        shares = self.shares(element)
        return REACH * min(shares[min(shares)], shares[max(shares)])

    def brightness(self, seen: Seen, energy_ev: float) -> Floats:
        """Electrons of each pixel, of which a particle's own are about 1 before all edges."""
        steps = edge_steps(energy_ev)
        metals = {metal: self.sample.atoms[metal] for metal in self.sample.bulk}
        image: Floats = seen.substrate + seen.particles
        for metal, atoms in metals.items():
            part = STEP * atoms / sum(metals.values())
            known = SHAPE_OF_VALENCE[metal]
            shares = self.shares(metal)
            mean = sum(share * steps[known[valence]] for valence, share in shares.items())
            differs = steps[known[min(shares)]] - steps[known[max(shares)]]
            image = image + part * (mean * seen.particles)
            image = image + part * self.most(metal) * differs * seen.excess
        return image

    def _photons_s(
        self, energy_ev: float, ring_ma: float, struck: Mapping[FaultKind, Fault]
    ) -> dict[str, float]:
        light = ring_ma / self.ring.full_ma * (energy_ev / 800.0) ** -1.2
        if self._random is not None:
            light *= 1 + FLICKER * self._random.standard_normal()
        mesh = MESH_ELECTRONS_S * (energy_ev / 800.0) ** -0.6
        return {MESH: light * mesh, IMAGE: light * self._counts_s}


class PeemCamera(Counter):
    """A camera behind the electron optics: one image a count.

    Data key: `peem_image`, counts; in an HDF5 file a run, or in the events.

    Parameters
    ----------
    column
        What it looks at.
    look
        Gives the electrode.
    walk_px
        Standard deviation of the drift from one image to the next, in each direction.
    jumps
        Further steps down and to the right, by the number of the image that they come before.
    folder
        Where the files go; without it images are in the events.
    seed
        Of drift and noise; `None` for neither.
    name
        The device's name.
    """

    image = Component(Reading, value=np.zeros((1, 1)), units="counts", kind=Kind.omitted)

    def __init__(
        self,
        column: Column,
        look: Callable[[], Micrograph],
        *,
        walk_px: float,
        jumps: Mapping[int, tuple[float, float]],
        folder: Path | None,
        compression: str | None,
        seed: np.random.SeedSequence | None,
        name: str = "peem",
        **kwargs: Any,
    ) -> None:
        super().__init__(column, IMAGE, name=name, seed=seed, **kwargs)
        self.image.name = IMAGE
        self._look = look
        self.drifts_px: list[tuple[float, float]] = []
        self._column = column
        self._walk_px = walk_px
        self._jumps = dict(jumps)
        self._kept: KeptFrames | None = None
        if folder is not None:
            self._kept = KeptFrames(IMAGE, look().shape, np.uint16, folder, name, compression)
        else:
            self.image.kind = Kind.normal
            self.image.update(np.zeros(look().shape), column.clock.now_s())

    def stage(self) -> list[object]:
        """Begin a run: the drift is counted from its first image."""
        self.drifts_px = []
        return super().stage()

    def unstage(self) -> list[object]:
        """End the run, and close its file."""
        unstaged: list[object] = super().unstage()
        if self._kept is not None:
            self._kept.close()
        return unstaged

    def describe(self) -> dict[str, dict[str, Any]]:
        """Describe the image."""
        described: dict[str, dict[str, Any]] = super().describe()
        return described if self._kept is None else {**described, **self._kept.describe()}

    def collect_asset_docs(self, index: int | None = None) -> Iterator[tuple[str, Any]]:
        """Announce the image that has come since the last time; `index` makes no difference."""
        if self._kept is not None:
            yield from self._kept.documents()

    def _take(self, moment: Moment, dwell_s: float) -> None:
        y_px, x_px = self._drift(moment.point)
        brightness = self._column.brightness(self._look().seen(y_px, x_px), moment.energy_ev)
        expected = brightness * moment.photons_s[IMAGE] * dwell_s
        counts = expected if self._random is None else self._random.poisson(expected)
        image = np.minimum(np.asarray(counts, float), SATURATED)
        if self._kept is not None:
            self._kept.keep(np.rint(np.nan_to_num(self._ruined(image, moment))))
        else:
            self.image.update(self._ruined(image, moment), moment.start_s + dwell_s)

    def _drift(self, point: int) -> tuple[float, float]:
        """Where the electrode is now, relative to the run's first image."""
        if not self.drifts_px:
            self.drifts_px.append((0.0, 0.0))
            return self.drifts_px[0]
        step = np.zeros(2)
        if self._random is not None:
            step = self._walk_px * self._random.standard_normal(2)
        y_px, x_px = np.array(self.drifts_px[-1]) + step + self._jumps.get(point, (0.0, 0.0))
        self.drifts_px.append((float(y_px), float(x_px)))
        return self.drifts_px[-1]

    def _ruined(self, image: Floats, moment: Moment) -> Floats:
        fault = self._light.faults.of(IMAGE, moment.point, moment.energy_ev)
        if "short" in self._light.faults.at(moment.point, moment.energy_ev):
            return image[: len(image) // 2]
        if fault is None:
            return image
        ruined = {"nan": math.nan, "zero": 0.0, "saturated": float(SATURATED)}
        if fault.kind == "stuck":
            return np.array(self.image.get())
        return np.full_like(image, ruined.get(fault.kind, 0.0))
