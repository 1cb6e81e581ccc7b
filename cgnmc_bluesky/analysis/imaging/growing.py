"""What a stack of images adds up to, image by image."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.imaging.bands import Mover
from cgnmc_bluesky.analysis.imaging.basis import Basis
from cgnmc_bluesky.analysis.imaging.field import Cells, Field
from cgnmc_bluesky.analysis.imaging.frames import Frame
from cgnmc_bluesky.analysis.imaging.registration import (
    Registration,
    Shift,
    Unregistered,
    binned,
)
from cgnmc_bluesky.analysis.imaging.sums import PixelSums
from cgnmc_bluesky.analysis.xanes.absorption import Unusable
from cgnmc_bluesky.analysis.xanes.model import EdgeModel

Image = NDArray[np.float32]

LEAST_COMMON = 0.25
"""An image that leaves less of the field than this share of an image is left out."""


@dataclass(frozen=True)
class StackModel:
    """What is known of a stack before its images come.

    Parameters
    ----------
    edge
        The standards.
    keys
        Data key of each role, for the remarks; without `i0`, images are taken as divided by it.
    dark
        What is subtracted of an image: a number, or an image.
    flat
        What an image is divided by.
    pixel_um
        Size of a pixel on the sample, in µm.
    binning
        Pixels that are taken together to find the drift.
    """

    edge: EdgeModel
    keys: Mapping[str, str] = field(default_factory=dict)
    dark: float | Image = 0.0
    flat: Image | None = None
    pixel_um: float | None = None
    binning: int | None = None


class Growing:
    """What images of one size are added to.

    Parameters
    ----------
    model
        What is known beforehand.
    of_field
        Knows standards and baseline.
    shape
        Rows and columns of an image.

    Raises
    ------
    Unregistered, Unusable
        If such images cannot be laid on one another, or standards or camera images do not fit.
    """

    def __init__(self, model: StackModel, of_field: Field, shape: tuple[int, ...]) -> None:
        rows, columns = shape
        self.shape = (rows, columns)
        for name, of_camera in (("dark", model.dark), ("flat", model.flat)):
            if isinstance(of_camera, np.ndarray) and of_camera.shape != self.shape:
                raise Unusable(f"{name} is of {of_camera.shape} pixels, an image of {self.shape}")
        self._registration = Registration(self.shape, model.binning)
        self.basis = Basis(of_field.columns, of_field.reach_of_fit_ev)
        self._usual_shift_ev = model.edge.usual_shift_ev
        self._reach_ev = of_field.reach_of_fit_ev
        self.cells = Cells(self.shape)
        self._mover = Mover(self.shape, model.dark, model.flat, self.cells.side)
        binning, dark, flat = self._registration.binning, model.dark, model.flat
        self._binned_dark = (
            binned(dark, binning) if isinstance(dark, np.ndarray) else np.float32(dark)
        )
        self._binned_flat = None if flat is None else binned(flat, binning)
        self._begin()

    def _begin(self) -> None:
        self.sums = PixelSums(self.shape, len(self.basis))
        self.cells = Cells(self.shape)
        self.common = slice(0, self.shape[0]), slice(0, self.shape[1])
        self._usual: float | None = None

    def add(self, frame: Frame, share_of_beam: float) -> tuple[Shift, bool]:
        """Add an image to the sums.

        Returns
        -------
        tuple
            Where it lies, and whether it is the first in the sums.

        Raises
        ------
        Unregistered
            If nobody knows where it lies, or it has too little of the field.
        """
        seen = self._seen(frame.image)
        n_beginnings = self._registration.n_beginnings
        try:
            shift = self._registration(seen)
        except Unregistered:
            if self._registration.n_beginnings == n_beginnings:
                raise
            shift = Shift(0.0, 0.0)
        begins = self._registration.n_beginnings > n_beginnings
        if begins:
            self._begin()
        self._add(frame, share_of_beam, shift, seen)
        return shift, begins

    def _add(self, frame: Frame, share_of_beam: float, shift: Shift, seen: Image) -> None:
        rows, columns = (
            slice(max(one.start, other.start), min(one.stop, other.stop))
            for one, other in zip(
                self.common, self._mover.common(shift.y_px, shift.x_px), strict=True
            )
        )
        area = max(0, rows.stop - rows.start) * max(0, columns.stop - columns.start)
        if area < LEAST_COMMON * self.shape[0] * self.shape[1]:
            raise Unregistered("has drifted out of the field")
        self.common = rows, columns
        parts = list(self._mover(frame.image, shift.y_px, shift.x_px, 1 / share_of_beam))
        self.cells.add(parts)
        energy_ev = frame.energy_ev + self._usual_shift_ev
        low, high = self._reach_ev
        if low <= energy_ev <= high:
            curves = self.basis(np.array([energy_ev]))[0]
            self.sums.add(parts, curves, share_of_beam / self._brightness(seen, share_of_beam))

    def _brightness(self, seen: Image, share_of_beam: float) -> float:
        """Of the bright parts of an image, over that of the first."""
        known = seen[np.isfinite(seen)].astype(np.float64)
        total = float(np.sum(known))
        level = float(np.sum(known**2)) / total / share_of_beam if total > 0 else 0.0
        self._usual = self._usual or level
        return level / self._usual if level > 0 else 1.0

    def _seen(self, image: Image) -> Image:
        """An image as the registration looks at it."""
        seen: Image = binned(image, self._registration.binning) - self._binned_dark
        return seen if self._binned_flat is None else seen / self._binned_flat
