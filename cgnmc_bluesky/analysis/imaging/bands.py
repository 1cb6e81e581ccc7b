"""Images moved back by their drift, a few rows at a time."""

from collections.abc import Iterator
from math import floor

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Band = tuple[slice, slice, Image]
"""Rows and columns of the stack, and the image there."""

PIXELS_A_BAND = 2**15
"""So many pixels stay in a processor's cache from one step to the next."""


def bands(shape: tuple[int, int], height: int = 1) -> list[slice]:
    """Cut an image into stretches of rows, as high as a multiple of something.

    Examples
    --------
    >>> bands((5, 2**14), 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    rows, columns = shape
    step = max(1, PIXELS_A_BAND // (columns * height)) * height
    return [slice(first, min(first + step, rows)) for first in range(0, rows, step)]


class Mover:
    """Corrects images for the camera and moves them back by their drift.

    Parameters
    ----------
    shape
        Rows and columns of an image.
    dark
        What is subtracted: a number, or an image.
    flat
        What an image is divided by, or `None`.
    height
        Bands are as high as a multiple of this.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        dark: float | Image = 0.0,
        flat: Image | None = None,
        height: int = 1,
    ) -> None:
        self.shape = shape
        self._bands = bands(shape, height)
        self._dark = np.float32(dark) if isinstance(dark, float) else dark
        self._gain = None if flat is None else _inverse(flat)

    def corrected(self, image: Image, rows: slice, columns: slice) -> Image:
        """A part of an image with the camera's dark signal and gain taken out."""
        part = (rows, columns)
        dark = self._dark[part] if isinstance(self._dark, np.ndarray) else self._dark
        net: Image = image[part] - dark
        return net if self._gain is None else net * self._gain[part]

    def __call__(self, image: Image, y_px: float, x_px: float, factor: float) -> Iterator[Band]:
        """Give an image where the first one would show it, bilinearly interpolated.

        Parameters
        ----------
        image
            As recorded.
        y_px, x_px
            How far it lies down and to the right of the first.
        factor
            What it is multiplied by.
        """
        (down, y_rest), (right, x_rest) = _parts(y_px), _parts(x_px)
        rows, columns = self.common(y_px, x_px)
        for band in self._bands:
            first, last = max(band.start, rows.start), min(band.stop, rows.stop)
            if first >= last:
                continue
            there = slice(first + down, last + down + bool(y_rest))
            across = slice(columns.start + right, columns.stop + right + bool(x_rest))
            part = self.corrected(image, there, across) * np.float32(factor)
            if y_rest:
                part = part[:-1] * np.float32(1 - y_rest) + part[1:] * np.float32(y_rest)
            if x_rest:
                part = part[:, :-1] * np.float32(1 - x_rest) + part[:, 1:] * np.float32(x_rest)
            yield slice(first, last), columns, part

    def common(self, y_px: float, x_px: float) -> tuple[slice, slice]:
        """Rows and columns that an image has in common with the first; empty where it has none."""
        found = []
        for length, moved in zip(self.shape, (y_px, x_px), strict=True):
            whole, rest = _parts(moved)
            first = max(0, -whole)
            found.append(slice(first, max(first, min(length, length - whole - bool(rest)))))
        return found[0], found[1]


def _parts(moved_px: float) -> tuple[int, float]:
    whole = floor(moved_px)
    return whole, moved_px - whole


def _inverse(flat: Image) -> Image:
    """One over a flat image whose mean is one; NaN where it is dark."""
    level = flat / np.float32(np.nanmean(flat, dtype=np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(level > 0, 1 / level, np.nan).astype(np.float32)
