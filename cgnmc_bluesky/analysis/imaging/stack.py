"""Images of a stack over energy in, maps of fractions and the field's values out."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.imaging.field import Field
from cgnmc_bluesky.analysis.imaging.frames import Frame, Frames, Remarks
from cgnmc_bluesky.analysis.imaging.growing import Growing, StackModel
from cgnmc_bluesky.analysis.imaging.maps import FractionMaps, fraction_maps
from cgnmc_bluesky.analysis.imaging.registration import (
    Shift,
    Unregistered,
)
from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.analysis.soft.fraction import yield_units
from cgnmc_bluesky.analysis.xanes.absorption import BEAM_LOST_SHARE, Spectrum, Unusable
from cgnmc_bluesky.analysis.xanes.curves import median
from cgnmc_bluesky.analysis.xanes.joining import NotYet
from cgnmc_bluesky.analysis.xanes.scan import Said

Floats = NDArray[np.float64]
Image = NDArray[np.float32]

MODE = "tey"
"""Photoelectrons of low energy are what a sample's current counts too."""
ALONE = "shows nothing of the others"
MOST_LEFT_OUT = 0.5
"""Where a larger share of the images is left out, the stack is not believed."""
MOST_DEAD = 0.1
"""An image with a larger share of pixels without a number is left out."""
QUICK_SIDE = 128
"""While a stack grows its maps have about so many pixels a side."""


def stack_units(edge: str, standards: list[tuple[str, float | None]]) -> dict[str, str]:
    """Every value that a stack has, with its unit."""
    units = yield_units(edge, standards, MODE)
    units |= {"fraction_spread": "", "drift_x_px": "px", "drift_y_px": "px"}
    return units | {"frames": "", "pixels": ""}


@dataclass(frozen=True)
class _Taken:
    """An image that is in the sums."""

    number: int
    energy_ev: float
    shift: Shift


class StackAccumulator:
    """Images of a stack in, an estimate out.

    Parameters
    ----------
    model
        What is known beforehand.

    Notes
    -----
    An image is divided by the mesh's current, laid on those before it (`registration`), moved back
    by its drift (bilinearly) and added to sums (`sums.PixelSums`): no image is kept. Its weight is
    the inverse of the variance that counting gives it: the mesh's current over its brightness.

    The values are those of the field: of the mean spectrum of all cells in which the element is
    seen, composed as an electron yield without a foil is (`soft.fraction`), so that their sigmas
    hold the noise of the mesh and the doubt of the axis, which all pixels share. The maps are on
    the axis that the field's spectrum has been put on.

    Sums are made image by image in the order of the rows, elementwise and through `numpy.einsum`:
    live and replayed they agree to the last bit.
    """

    def __init__(self, model: StackModel) -> None:
        self.model = model
        self._field = Field(model.edge, {**model.keys, MODE: self._key("image")}, MODE)
        self._remarks = Remarks()
        self._frames = Frames(model.keys, self._remarks)
        self._at_work: Growing | None = None
        self._taken: list[_Taken] = []
        self._i0: list[float] = []
        self._n_seen = 0
        self._fault = ""

    @cached_property
    def units(self) -> Mapping[str, str]:
        """Unit of each value."""
        edge = self.model.edge
        return stack_units(edge.edge, [(of.name, of.valence) for of in edge.standards])

    def add(self, block: Block) -> None:
        """Take in rows; those without images tell nothing."""
        if "image" not in block.values:
            return
        if block.values["image"].ndim < 3:
            self._fault = f"{self._key('image')} holds no images"
            return
        for frame in self._frames.add(block):
            self._take(frame)

    def result(self, *, ended: bool = False) -> Estimate:
        """Say what the images so far tell.

        Parameters
        ----------
        ended
            Whether the run has ended, so that no more images will come.
        """
        if ended:
            for frame in self._frames.rest():
                self._take(frame)
        try:
            said, maps, step = self._said(ended=ended)
        except NotYet as wanting:
            return self._nothing(Status.WAITING, str(wanting), ended=ended)
        except Unusable as fault:
            status = Status.FAILED if ended else Status.WAITING
            return self._nothing(status, str(fault), ended=ended)
        values, sigmas = self._values(said, maps, step)
        notes = (*said.notes, *self._of_maps(said), *self.model.edge.notes, *self._remarks)
        return Estimate(
            status=Status.FINAL if ended else Status.PROVISIONAL,
            reason="; ".join(dict.fromkeys(notes)),
            units=self.units,
            values=values,
            sigmas=sigmas,
            n_points=len(self._taken),
            curves={"spectrum": said.curves, **self._drifts(), **self._images(maps, step)},
            curve_units={"energy_ev": "eV", "drift_y_px": "px", "drift_x_px": "px"},
        )

    def _key(self, role: str) -> str:
        return self.model.keys.get(role, role)

    def _take(self, frame: Frame) -> None:
        """Add an image to the sums, or say why not."""
        self._n_seen += 1
        if self._fault or not self._is_sound(frame):
            return
        if self._at_work is None:
            try:
                self._at_work = Growing(self.model, self._field, frame.image.shape)
            except (Unregistered, Unusable) as fault:
                self._fault = str(fault)
                return
        if frame.image.shape != self._at_work.shape:
            self._remarks(f"{self._key('image')} of another size", frame.number)
            return
        try:
            shift, is_first = self._at_work.add(frame, self._share_of_beam(frame))
        except Unregistered as fault:
            self._remarks(f"{self._key('image')} {fault}", frame.number)
            return
        if is_first:
            for taken in self._taken:
                self._remarks(f"{self._key('image')} {ALONE}", taken.number)
            self._taken = []
        self._taken.append(_Taken(frame.number, frame.energy_ev, shift))

    def _is_sound(self, frame: Frame) -> bool:
        """Whether an image can be used at all; what is wrong with it is noted."""
        finite = float(np.mean(np.isfinite(frame.image)))
        faults = {
            f"{self._key('image')} without numbers": finite < 1 - MOST_DEAD,
            f"{self._key('energy_ev')} missing": not np.isfinite(frame.energy_ev),
        }
        if "i0" in self.model.keys:
            key, i0 = self._key("i0"), frame.i0
            faults[f"{key} missing"] = not np.isfinite(i0)
            faults[f"{key} zero or negative"] = i0 <= 0
            usual = median(np.array(self._i0)) if self._i0 else 0.0
            faults[f"{key} without beam"] = 0 < i0 < BEAM_LOST_SHARE * usual
        found = [fault for fault, is_there in faults.items() if is_there]
        for fault in found:
            self._remarks(fault, frame.number)
        if not found:
            self._i0.append(frame.i0)
        return not found

    def _share_of_beam(self, frame: Frame) -> float:
        """Intensity of the beam in units of that of the first image."""
        return frame.i0 / self._i0[0] if "i0" in self.model.keys else 1.0

    def _said(self, *, ended: bool) -> tuple[Said, FractionMaps, int]:
        work = self._at_work
        if self._fault:
            raise Unusable(self._fault)
        if work is None or not self._taken:
            if not self._n_seen:
                raise NotYet("no images yet")
            raise Unusable("no image can be used")
        if self._n_seen - len(self._taken) > MOST_LEFT_OUT * self._n_seen:
            raise Unusable("most images cannot be used")
        step = 1 if ended else max(1, min(round(max(work.shape) / QUICK_SIDE), work.cells.side))
        while work.cells.side % step:
            step -= 1
        nothing = np.zeros(tuple(-(-side // step) for side in work.shape), dtype=bool)
        self._field.of(self._spectrum(nothing, step), ended=ended)
        maps = self._maps(step)
        said = self._field.of(self._spectrum(maps.known, step), ended=ended)
        return said, maps, step

    def _maps(self, step: int) -> FractionMaps:
        work = self._at_work
        assert work is not None
        try:
            pixels = work.sums.solved(work.basis.shares(self._field.shift_ev), step)
        except np.linalg.LinAlgError as fault:
            raise NotYet("the standards cannot be told apart yet") from fault
        rows, columns = (
            slice(-(-part.start // step), -(-part.stop // step)) for part in work.common
        )
        names = [f"fraction_{of.name}" for of in self.model.edge.standards]
        of_names = dict(zip(names, np.eye(len(names)), strict=True))
        valences = {name: of for name, of in self._field.sums.items() if name != "mean_valence"}
        return fraction_maps(pixels, valences or of_names, (rows, columns))

    def _spectrum(self, pixels: NDArray[np.bool_], step: int) -> Spectrum:
        """Mean of the cells in which the element is seen."""
        work = self._at_work
        assert work is not None
        cells = work.cells.chosen(pixels, step, work.common)
        if not np.any(cells):
            raise Unusable("the images have no part of the field in common")
        energy_ev = np.array([taken.energy_ev for taken in self._taken])
        order = np.argsort(energy_ev, kind="stable")
        mu = work.cells.spectrum(cells)
        return Spectrum(energy_ev[order], mu[order], (), order)

    def _of_maps(self, said: Said) -> tuple[str, ...]:
        """Say where the maps rest on more images than the field does."""
        in_maps = self._at_work.sums.n_images if self._at_work is not None else 0
        return ("the maps hold what the field left out",) if said.n_points < in_maps else ()

    def _values(
        self, said: Said, maps: FractionMaps, step: int
    ) -> tuple[dict[str, float | None], dict[str, float | None]]:
        last = self._taken[-1].shift
        spread = maps.spread or (None, None)
        values = {
            **said.values,
            "fraction_spread": spread[0],
            "drift_x_px": last.x_px,
            "drift_y_px": last.y_px,
            "frames": float(len(self._taken)),
            "pixels": float(np.count_nonzero(maps.known) * step**2),
        }
        sigmas = {
            **said.sigmas,
            "fraction_spread": spread[1],
            "drift_x_px": last.x_sigma_px,
            "drift_y_px": last.y_sigma_px,
        }
        return values, sigmas

    def _drifts(self) -> dict[str, dict[str, Floats]]:
        of_each = [
            (
                taken.number,
                taken.energy_ev,
                taken.shift.y_px,
                taken.shift.y_sigma_px,
                taken.shift.x_px,
                taken.shift.x_sigma_px,
            )
            for taken in self._taken
        ]
        names = ("row", "energy_ev", "drift_y_px", "drift_y_px_sigma", "drift_x_px")
        columns = np.array(of_each, dtype=np.float64).T
        return {"drift": dict(zip((*names, "drift_x_px_sigma"), columns, strict=True))}

    def _images(self, maps: FractionMaps, step: int) -> dict[str, dict[str, NDArray[np.floating]]]:
        unit, size = ("um", self.model.pixel_um) if self.model.pixel_um else ("px", 1.0)
        y, x = (step * size * np.arange(float(length)) for length in maps.total.shape)
        images: dict[str, NDArray[np.floating]] = {f"y_{unit}": y}
        for name, fraction in maps.fractions.items():
            images |= {name: fraction, f"{name}_sigma": maps.sigmas[name]}
        return {"axis": {f"x_{unit}": x}, "image": {**images, "signal": maps.total}}

    def _nothing(self, status: Status, why: str, *, ended: bool) -> Estimate:
        end = ("the run ended before that",) if ended and status is Status.WAITING else ()
        reason = "; ".join(dict.fromkeys((why, *end, *self._remarks)))
        return Estimate(status, reason, self.units, n_points=len(self._taken))
