"""Sums over the images of a stack, from which what each pixel is made up of follows at any time."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.imaging.bands import Band, bands

Floats = NDArray[np.float64]
Image = NDArray[np.float32]


@dataclass(frozen=True)
class PixelAmounts:
    """How much of each known curve the pixels hold.

    Parameters
    ----------
    amounts
        Shape `(k, rows, columns)`; NaN where a pixel was not always seen.
    variance
        Variance of a point of weight one at each pixel, from what the curves leave, shape
        `(rows, columns)`.
    inverse
        Times that it is the covariance of a pixel's amounts, shape `(k, k)`.
    """

    amounts: Image
    variance: Image
    inverse: Floats


class PixelSums:
    """The normal equations of every pixel, growing image by image.

    Parameters
    ----------
    shape
        Rows and columns of an image.
    n_curves
        Curves that the pixels are sums of, q.

    Notes
    -----
    An image `y` at an energy where the curves are `b` with weight `w` adds `w b bᵀ` to the normal
    matrix, which all pixels share, `w b y` to their products (one outer product) and `w y²` to
    their squares. So memory does not grow with the stack: it is `4 (q + 1)` bytes a pixel.
    """

    def __init__(self, shape: tuple[int, int], n_curves: int) -> None:
        self.shape = shape
        self.normal: Floats = np.zeros((n_curves, n_curves))
        self._products: Image = np.zeros((n_curves, *shape), np.float32)
        self._squares: Image = np.zeros(shape, np.float32)
        self.n_images = 0

    @property
    def n_bytes(self) -> int:
        """Memory that it takes."""
        return self._products.nbytes + self._squares.nbytes

    def add(self, parts: Iterable[Band], curves: Floats, weight: float) -> None:
        """Take in an image.

        Parameters
        ----------
        parts
            Parts of it; pixels that are in none of them are not to be looked at.
        curves
            The curves at its energy, shape `(q,)`.
        weight
            Inverse variance of the image.
        """
        rounded = (weight * curves).astype(np.float32)
        self.normal += np.outer(rounded.astype(np.float64), curves)
        self.n_images += 1
        for rows, columns, values in parts:
            for at, share in enumerate(rounded):
                self._products[at, rows, columns] += share * values
            self._squares[rows, columns] += np.float32(weight) * values * values

    def solved(self, shares: Floats, step: int = 1) -> PixelAmounts:
        """Solve for what the pixels hold.

        Parameters
        ----------
        shares
            What each known curve is a sum of, shape `(q, k)`.
        step
            Every how many pixels; all without it.

        Raises
        ------
        numpy.linalg.LinAlgError
            If the curves cannot be told apart yet.
        """
        k = shares.shape[1]
        normal = np.einsum("qk,qp,pl->kl", shares, self.normal, shares)
        size = np.sqrt(np.diag(normal))
        inverse = np.linalg.inv(normal / np.outer(size, size)) / np.outer(size, size)
        projection = np.einsum("kl,ql->kq", inverse, shares)
        products, squares = self._products[:, ::step, ::step], self._squares[::step, ::step]
        amounts = np.empty((k, *squares.shape), np.float32)
        variance = np.empty(squares.shape, np.float32)
        free = max(1, self.n_images - k)
        for rows in bands(squares.shape):
            part = products[:, rows].astype(np.float64)
            found = np.einsum("kq,qij->kij", projection, part)
            explained = np.einsum("kij,kl,lij->ij", found, normal, found)
            amounts[:, rows] = found
            variance[rows] = np.maximum(squares[rows] - explained, 0.0) / free
        return PixelAmounts(amounts, variance, inverse)
