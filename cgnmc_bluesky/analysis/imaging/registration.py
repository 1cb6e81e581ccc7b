"""How far the images of a stack have drifted, though their contrast changes with the energy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

Image = NDArray[np.float32]
Floats = NDArray[np.float64]
Spectrum = NDArray[np.complexfloating]

USUAL_SIDE = 256
"""Images are taken together to about so many pixels a side."""
SMALLEST_SIDE = 24
"""Images with fewer pixels a side, taken together, do not tell where they lie."""
LARGEST_STEP = 1 / 8
"""An image that lies farther from the one before, as a share of the side, is not believed."""
LEAST_COHERENCE = 0.3
"""What an image must share with those before it: the largest correlation of their outlines."""
CONTRAST_PX = 0.02
"""What the contrast, which changes with the energy, does to the place of an image: as measured on
simulated stacks."""
UPSAMPLING = 100
"""Into so many parts a binned pixel is divided."""

_MARGIN = 8
_SMOOTHING_PX = 1.25
_PATCH_PX = 8
_BRIGHTEST = 4.0
_LOOKS = 4
_FILLED_PX = 2.0
_SPIKE = 12.0
"""A pixel that is off what is around it by so many times what pixels usually are counts for
nothing: some eight standard deviations of noise."""


class Unregistered(ValueError):
    """An image that does not say where it lies; the message says why."""


@dataclass(frozen=True)
class Shift:
    """How far what an image shows lies from where the first image shows it.

    Parameters
    ----------
    y_px, x_px
        Down and to the right, in pixels.
    y_sigma_px, x_sigma_px
        One standard deviation of each.
    """

    y_px: float
    x_px: float
    y_sigma_px: float = 0.0
    x_sigma_px: float = 0.0


class Registration:
    """Lays images on one another, one after the other.

    Parameters
    ----------
    shape
        Rows and columns of an image.
    binning
        Pixels that are taken together; as many as leave about `USUAL_SIDE` without it.

    Raises
    ------
    Unregistered
        If the images are too small.

    Notes
    -----
    What is laid on one another are outlines: the length of the gradient of the smoothed image.
    Particles stay where they are when they light up at their white line, or turn dark before their
    surroundings; so do their outlines, which the plain images do not. Each is compared with the sum
    of all before it, which is sharper than any of them and, other than the last alone, does not
    let small errors add up to a walk. Their correlation (not its phase alone, which noise rules
    where the image has no detail) is found by `skimage.registration.phase_cross_correlation` [1]_
    and the sum is kept in Fourier space, where a part of a pixel is a phase.

    The part of an image that is looked at moves along with the drift, as far as there is a margin.
    A sigma is what the difference from that sum does to the place of the maximum, taken as noise
    that is independent from one patch of the image to the next.

    References
    ----------
    .. [1] M. Guizar-Sicairos, S. T. Thurman and J. R. Fienup, Optics Letters 33, 156 (2008).
    """

    def __init__(self, shape: tuple[int, int], binning: int | None = None) -> None:
        self.binning = binning or max(1, round(max(shape) / USUAL_SIDE))
        self._side = np.array(shape) // self.binning
        if min(self._side) < SMALLEST_SIDE:
            raise Unregistered(
                f"images of {shape[0]} × {shape[1]} pixels, {self.binning} taken together, are too "
                "small to be laid on one another"
            )
        self._margin = self._side // _MARGIN
        seen = self._side - 2 * self._margin
        windows = [np.hanning(length + 2)[1:-1] for length in seen]
        self._window = np.outer(*windows).astype(np.float32)
        waves = [2 * np.pi * fft.fftfreq(length).astype(np.float32) for length in seen]
        self._waves = np.meshgrid(*waves, indexing="ij")
        self._last = np.zeros(2)
        self._sum: Spectrum | None = None
        self._first_sigmas = np.zeros(2)
        self.n_images = 0
        self.n_beginnings = 0

    def __call__(self, image: Image) -> Shift:
        """Find where an image lies.

        Parameters
        ----------
        image
            Binned, shape of the stack's over `binning`; NaN where a pixel is dead.

        Raises
        ------
        Unregistered
            If it shows nothing of the others, or lies too far from the one before. It is left out
            of the sum; but where there was one image alone, that is left out and this one is the
            first, since nobody knows which of the two is like those that follow. `n_beginnings`
            counts that.
        """
        outlines = _outlines(image)
        if self._sum is None:
            return self._begin(outlines)
        try:
            return self._laid(outlines)
        except Unregistered:
            if self.n_images == 1:
                self._begin(outlines)
            raise

    def _begin(self, outlines: Image) -> Shift:
        self._last = np.zeros(2)
        self._sum, _ = self._seen(outlines, self._last)
        self._first_sigmas = np.zeros(2)
        self.n_images = 1
        self.n_beginnings += 1
        return Shift(0.0, 0.0)

    def _laid(self, outlines: Image) -> Shift:
        assert self._sum is not None
        at, coherence = self._last, 0.0
        for _ in range(_LOOKS):
            seen, at = self._seen(outlines, at)
            rest, coherence = _place_in(self._sum, seen)
            found = at + rest
            if np.array_equal(self._clipped(found), at):
                break
            at = self._clipped(found)
        if coherence < LEAST_COHERENCE:
            raise Unregistered("shows nothing of the others")
        step = found - self._last
        if np.any(np.abs(step) > LARGEST_STEP * self._side):
            distance = self.binning * np.hypot(*step)
            raise Unregistered(f"lies {distance:.0f} pixels from the one before")
        aligned = self._moved(seen, rest)
        sigmas = self._sigmas(self._sum, aligned)
        if self.n_images == 1:
            # so far both images are as uncertain
            self._first_sigmas = sigmas / np.sqrt(2)
            sigmas = self._first_sigmas
        sigmas = np.hypot(sigmas, self._first_sigmas)
        self._sum, self._last = self._sum + aligned, found
        self.n_images += 1
        y, x, y_sigma, x_sigma = (self.binning * float(each) for each in (*found, *sigmas))
        return Shift(y, x, y_sigma, x_sigma)

    def _sigmas(self, known: Spectrum, aligned: Spectrum) -> Floats:
        """How uncertain an image's place is, by what it differs in from what is known."""
        power = float(np.sum(np.abs(known) ** 2))
        share = float(np.sum(np.real(np.conj(known) * aligned))) / power
        difference = fft.ifft2(aligned - share * known).real
        sigmas = []
        for wave in self._waves:
            slope = fft.ifft2(1j * wave * known).real
            patches = _patches(slope * difference)
            sigmas.append(np.sqrt(np.sum(patches**2)) / (share * np.sum(slope**2)))
        others = np.hypot(1 / (UPSAMPLING * np.sqrt(12)), CONTRAST_PX / self.binning)
        found: Floats = np.hypot(sigmas, others)
        return found

    def _moved(self, seen: Spectrum, by: Floats) -> Spectrum:
        """Move what is seen back."""
        phase = sum(part * wave for part, wave in zip(by, self._waves, strict=True))
        moved: Spectrum = seen * np.exp(1j * phase).astype(np.complex64)
        return moved

    def _clipped(self, place: Floats) -> Floats:
        return np.clip(np.rint(place), -self._margin, self._margin)

    def _seen(self, outlines: Image, place: Floats) -> tuple[Spectrum, Floats]:
        """What is seen about a place, in Fourier space, and where that is."""
        at = self._clipped(place)
        first = (self._margin + at).astype(int)
        last = first + self._window.shape
        part = outlines[first[0] : last[0], first[1] : last[1]]
        return fft.fft2((part - part.mean()) * self._window), at


def _place_in(known: Spectrum, seen: Spectrum) -> tuple[Floats, float]:
    """Where what is known lies in what is seen, and how far these are alike: at most 1."""
    from skimage import registration

    shift, error, _ = registration.phase_cross_correlation(
        known, seen, upsample_factor=UPSAMPLING, space="fourier", normalization=None
    )
    return -np.asarray(shift, dtype=np.float64), float(np.sqrt(max(0.0, 1 - float(error) ** 2)))


def _patches(values: Floats) -> Floats:
    """Sums over the patches of an image."""
    rows, columns = (length // _PATCH_PX for length in values.shape)
    whole = values[: rows * _PATCH_PX, : columns * _PATCH_PX]
    sums: Floats = whole.reshape(rows, _PATCH_PX, columns, _PATCH_PX).sum(axis=(1, 3))
    return sums


def binned(image: Image, binning: int) -> Image:
    """Mean of every so many pixels; what is left at the lower and right edge is left out.

    Examples
    --------
    >>> binned(np.arange(20, dtype=np.float32).reshape(4, 5), 2)
    array([[ 3.,  5.],
           [13., 15.]], dtype=float32)
    """
    if binning == 1:
        return image
    rows, columns = (length // binning for length in image.shape)
    whole = image[: rows * binning, : columns * binning]
    summed = whole.reshape(rows, binning, -1).sum(axis=1)
    means: Image = summed.reshape(rows, columns, binning).sum(axis=2) / np.float32(binning**2)
    return means


def _without_faults(image: Image) -> Image:
    """The image, with what is around them in place of dead pixels and of single bright ones.

    These stay where they are while the image drifts: with outlines of their own they would hold it.
    """
    image = np.asarray(image, dtype=np.float32)
    alive = np.isfinite(image)
    if not np.all(alive):
        nearest = ndimage.distance_transform_edt(
            ~alive, return_distances=False, return_indices=True
        )
        image = np.where(alive, image, ndimage.gaussian_filter(image[tuple(nearest)], _FILLED_PX))
    off = np.abs(image - ndimage.uniform_filter(image, 3))
    least_off = _SPIKE * float(np.median(off))
    rows, columns = np.nonzero(off > least_off)
    if not len(rows):
        return image
    # a median of every pixel's surroundings would cost more than all else
    bordered = np.pad(image, 1, mode="edge")
    parts = [bordered[rows + down, columns + right] for down in range(3) for right in range(3)]
    around = np.median(np.stack(parts), axis=0)
    here = image[rows, columns]
    cleaned = image.copy()
    cleaned[rows, columns] = np.where(np.abs(here - around) > least_off, around, here)
    return cleaned


def _outlines(image: Image) -> Image:
    """Length of the smoothed image's gradient, of one spread; single bright points count less."""
    smooth = ndimage.gaussian_filter(_without_faults(image), _SMOOTHING_PX)
    length = np.hypot(ndimage.sobel(smooth, 0), ndimage.sobel(smooth, 1))
    spread = float(np.std(length, dtype=np.float64))
    if not spread > 0:
        raise Unregistered("shows nothing")
    clipped = np.minimum(length, np.mean(length) + np.float32(_BRIGHTEST * spread))
    outlines: Image = clipped / np.float32(spread)
    return outlines
