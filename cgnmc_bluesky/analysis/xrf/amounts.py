"""Counts of every element in every pixel, as one detector element recorded them."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.mixture import Projector
from cgnmc_bluesky.analysis.xrf.calibration import (
    Calibration,
    Unusable,
    calibrate,
    explain,
    nominal,
)
from cgnmc_bluesky.analysis.xrf.lines import Emitter
from cgnmc_bluesky.analysis.xrf.response import BACKGROUND, Response, components

Floats = NDArray[np.float64]
Counts = NDArray[np.floating]

ENOUGH_COUNTS = 20_000.0
"""Counts above the background that the response is calibrated on before any pixel is fitted."""
MOST_PIXELS = 16_384
"""Pixels that may wait for these counts."""
PIXELS_TOGETHER = 128
"""Pixels that are looked at together, so that it does not matter how much of a row comes at once.
"""
ROWS_APART = 64
"""Rows whose sums are kept apart: a pause measures the last ones again."""


@dataclass(frozen=True)
class SpectrumModel:
    """What is known of the spectra before they come.

    Parameters
    ----------
    emitters
        What may be in the sample; the metals that atoms are counted of come first.
    n_metals
        How many of them are these metals.
    channels
        Numbers of the channels that are fitted, shape `(n,)`.
    gain_ev, zero_ev
        Nominal width of a channel and energy of channel 0, in eV.
    incident_ev
        Energy of the beam, in eV, where its scatter lies among the channels.
    """

    emitters: tuple[Emitter, ...]
    n_metals: int
    channels: NDArray[np.int64]
    gain_ev: float
    zero_ev: float = 0.0
    incident_ev: float | None = None

    @property
    def response(self) -> Response:
        """Response that is expected."""
        return nominal(self.gain_ev, self.zero_ev, self.incident_ev)


@dataclass(frozen=True)
class PixelAmounts:
    """Counts of the metals in every pixel of some rows, as one detector element recorded them.

    Parameters
    ----------
    amounts
        Signed counts, shape `(n, k)`; NaN where there is no spectrum.
    covariance
        Their covariance, shape `(n, k, k)`.
    recorded
        Counts recorded in the fitted channels, shape `(n,)`.
    """

    amounts: Floats
    covariance: Floats
    recorded: Floats


class DetectorAmounts:
    """Spectra of one detector element in, counts of the metals in every pixel out.

    Parameters
    ----------
    model
        What is known of the spectra.

    Notes
    -----
    The projector is fixed once, by the first rows that hold `ENOUGH_COUNTS`, so that each spectrum
    is looked at once and none is kept. At the end the response is found again from the sum of all
    spectra. What the projector P takes for the amounts a of curves L is P·L·a, whatever it was made
    of; so its amounts are put right by the inverse of P·L, without a second look at the spectra.
    """

    def __init__(self, model: SpectrumModel) -> None:
        self._model = model
        self._sums = _Sums(len(model.channels))
        self._waiting: list[tuple[int, int, Counts]] = []
        self._waiting_pixels = 0
        self._projector: Projector | None = None
        self._response = model.response
        self._known = components(self._response, model.emitters, model.channels)
        self._is_calibrated = False
        self._rows: dict[int, list[NDArray[np.float32]]] = {}
        n_metals = model.n_metals
        self._first, self._second = np.triu_indices(n_metals)

    @property
    def total(self) -> Floats:
        """Sum of all spectra, shape `(channels,)`."""
        return self._sums.total()

    @property
    def channels(self) -> NDArray[np.int64]:
        """Numbers of the fitted channels."""
        return self._model.channels

    @property
    def emitters(self) -> tuple[Emitter, ...]:
        """What may be in the sample."""
        return self._model.emitters

    @property
    def is_ready(self) -> bool:
        """Whether pixels are being fitted."""
        return self._projector is not None

    def add(self, row: int, first_pixel: int, counts: Counts) -> None:
        """Take in spectra of one row.

        Parameters
        ----------
        row
            Sequence number of the row; one that comes again counts instead of its predecessor.
        first_pixel
            Place of the first spectrum in the row, a multiple of `PIXELS_TOGETHER`.
        counts
            Shape `(pixels, channels)`; NaN where there is no spectrum.
        """
        for at in range(0, len(counts), PIXELS_TOGETHER):
            self._add(row, first_pixel + at, counts[at : at + PIXELS_TOGETHER])

    def _add(self, row: int, first_pixel: int, counts: Counts) -> None:
        present = counts[~np.isnan(counts[:, 0])] if np.isnan(counts[:, 0]).any() else counts
        self._sums.add(row, first_pixel, np.add.reduce(present, axis=0, dtype=np.float64))
        if self._projector is not None:
            self._project(self._projector, row, first_pixel, counts)
            return
        self._waiting.append((row, first_pixel, counts))
        self._waiting_pixels += len(counts)
        is_late = self._waiting_pixels >= MOST_PIXELS
        if is_late or _above_background(self.total, self._model) >= ENOUGH_COUNTS:
            self.begin()

    def begin(self) -> None:
        """Fix the projector by what there is, and fit the pixels that have waited for it."""
        if self._projector is not None or not self._waiting:
            return
        total, model = self.total, self._model
        try:
            found = calibrate(total, model.channels, model.emitters, self._response)
            self._is_calibrated = True
        except Unusable:
            found = explain(total, self._known, self._response)
        self._response, self._known = found.response, found.components
        of = np.arange(model.n_metals)
        expected = np.maximum(found.fit, found.fit.mean() * 1e-3)
        self._projector = Projector(found.components.columns, np.maximum(expected, 1e-9), of)
        for row, first_pixel, counts in self._waiting:
            self._project(self._projector, row, first_pixel, counts)
        self._waiting = []

    def provisional(self) -> Calibration:
        """Explain the sum of the spectra so far by the response that the projector was made of."""
        return explain(self.total, self._known, self._response)

    def calibration(self) -> Calibration:
        """Find the response that explains the sum of all spectra.

        Raises
        ------
        Unusable
            If they do not show the elements.
        """
        return calibrate(
            self.total,
            self._model.channels,
            self._model.emitters,
            self._response,
            search=not self._is_calibrated,
        )

    def pixels(
        self, rows: Sequence[int], n_pixels: int, calibration: Calibration | None = None
    ) -> PixelAmounts:
        """Give the counts of the metals in the pixels of some rows.

        Parameters
        ----------
        rows
            Sequence numbers, in the order wanted.
        n_pixels
            Pixels of a row; what is missing of one is NaN.
        calibration
            What to put the amounts right by.
        """
        packed = np.full((len(rows), n_pixels, self._width), np.nan)
        for place, row in enumerate(rows):
            parts = self._rows.get(row, [])
            found = parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else None
            if found is not None:
                packed[place, : len(found)] = found[:n_pixels]
        flat = packed.reshape(-1, self._width)
        n_all, n_metals = self._n_amounts, self._model.n_metals
        square = np.empty((n_metals, n_metals), np.intp)
        square[self._first, self._second] = square[self._second, self._first] = np.arange(
            len(self._first)
        )
        amounts = flat[:, :n_all]
        covariance = flat[:, n_all:-1][:, square]
        if calibration is None or self._projector is None:
            return PixelAmounts(amounts[:, :n_metals], covariance, flat[:, -1])
        taken = np.einsum("ki,ij->kj", self._projector.matrix, calibration.components.columns)
        right = np.linalg.inv(taken)
        metals = right[:n_metals, :n_metals]
        half = np.einsum("nab,lb->nal", covariance, metals)
        return PixelAmounts(
            amounts=np.einsum("kj,nj->nk", right[:n_metals], amounts),
            covariance=np.einsum("ka,nal->nkl", metals, half),
            recorded=flat[:, -1],
        )

    @property
    def _n_amounts(self) -> int:
        scatter = 2 if self._model.incident_ev else 0
        return len(self._model.emitters) + scatter + len(BACKGROUND)

    @property
    def _width(self) -> int:
        return self._n_amounts + len(self._first) + 1

    def _project(self, projector: Projector, row: int, first_pixel: int, counts: Counts) -> None:
        if first_pixel == 0:
            self._rows[row] = []
        recorded = np.add.reduce(counts, axis=1, dtype=np.float64)
        packed = np.concatenate([projector.packed(counts), recorded[:, None]], axis=1)
        self._rows[row].append(packed.astype(np.float32))


class _Sums:
    """Sum of the spectra, from which the last rows can still be taken out again."""

    def __init__(self, n_channels: int) -> None:
        self._settled = np.zeros(n_channels)
        self._recent: OrderedDict[int, Floats] = OrderedDict()

    def add(self, row: int, first_pixel: int, counts: Floats) -> None:
        if first_pixel == 0 or row not in self._recent:
            self._recent[row] = counts
        else:
            self._recent[row] = self._recent[row] + counts
        while len(self._recent) > ROWS_APART:
            self._settled += self._recent.popitem(last=False)[1]

    def total(self) -> Floats:
        return np.asarray(sum(self._recent.values(), start=self._settled.copy()))


def _above_background(total: Floats, model: SpectrumModel) -> float:
    """Counts in what stands out of the sum below the beam's own energy."""
    energies_ev = model.zero_ev + model.gain_ev * model.channels
    highest_ev = max(line.energy_ev for emitter in model.emitters for line in emitter.lines)
    counts = total[energies_ev < highest_ev + 150.0]
    if not len(counts):
        return 0.0
    return float(np.maximum(counts - np.percentile(counts, 10), 0.0).sum())
