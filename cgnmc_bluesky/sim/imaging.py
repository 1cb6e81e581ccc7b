"""An area detector whose frames pyFAI integrates, and which keeps them in HDF5."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.sim.decomposition import State
from cgnmc_bluesky.sim.diffraction import BINS, TWO_THETA_DEG, PowderInstrument
from cgnmc_bluesky.sim.diffractometer import Diffractometer
from cgnmc_bluesky.sim.kept import KeptFrames

PIXELS = 1024
PIXEL_M = 2e-4
EDGE_DEG = 22.0
"""Scattering angle at the ends of the two sides that meet in the beam."""
METHOD = ("no", "histogram", "cython")
"""Pixels are not split: five times as fast, and counts stay whole."""


class AreaDetector:
    """A flat square detector, one corner of which the beam hits, and its integration.

    Parameters
    ----------
    instrument
        The patterns that it sees.
    """

    def __init__(self, instrument: PowderInstrument) -> None:
        self._instrument = instrument
        self._integrator = _integrator(instrument.wavelength_a)
        self.integrate(np.ones((PIXELS, PIXELS), np.uint32))

    def frame(
        self, states: Sequence[State], exposure_s: float, rng: np.random.Generator | None
    ) -> NDArray[np.uint32]:
        """Expose.

        Parameters
        ----------
        states
            What the beam saw.
        exposure_s
            How long.
        rng
            Of the counting noise; `None` for none.

        Returns
        -------
        NDArray[np.uint32]
            Counts, shape `(PIXELS, PIXELS)`.
        """
        counts = self._instrument.pattern(states, exposure_s, None)
        in_a_pixel = np.interp(self._two_theta_deg, TWO_THETA_DEG, counts / self._pixels)
        drawn = np.rint(in_a_pixel) if rng is None else rng.poisson(in_a_pixel)
        return drawn.astype(np.uint32)

    def integrate(self, frame: NDArray[np.uint32]) -> NDArray[np.float64]:
        """Integrate a frame over the azimuth.

        Returns
        -------
        NDArray[np.float64]
            Counts over `TWO_THETA_DEG`, shape `(3000,)`: mean of a bin's pixels, times as many
            pixels as such a bin has on average. So they scatter nearly as counts do.
        """
        half_deg = (TWO_THETA_DEG[1] - TWO_THETA_DEG[0]) / 2
        integrated = self._integrator.integrate1d_ng(
            frame,
            BINS,
            unit="2th_deg",
            radial_range=(TWO_THETA_DEG[0] - half_deg, TWO_THETA_DEG[-1] + half_deg),
            correctSolidAngle=False,
            method=METHOD,
        )
        counts: NDArray[np.float64] = np.asarray(integrated.intensity, float) * self._pixels
        return counts

    @cached_property
    def _two_theta_deg(self) -> NDArray[np.float64]:
        """Scattering angle of each pixel."""
        angles: NDArray[np.float64] = np.degrees(
            self._integrator.center_array((PIXELS, PIXELS), unit="2th_rad")
        )
        return angles

    @cached_property
    def _pixels(self) -> NDArray[np.float64]:
        """Pixels in a bin on average: its part of a quarter of a ring."""
        distance = PIXELS / np.tan(np.radians(EDGE_DEG))
        two_theta = np.radians(TWO_THETA_DEG)
        width = np.radians(TWO_THETA_DEG[1] - TWO_THETA_DEG[0])
        radius = distance * np.tan(two_theta)
        pixels: NDArray[np.float64] = np.pi / 2 * radius * distance / np.cos(two_theta) ** 2 * width
        return pixels


class ImagingDiffractometer(Diffractometer):
    """A diffractometer that keeps its frames: `xrd_image`, in one HDF5 file a run.

    Parameters
    ----------
    detector
        What takes and integrates the frames.
    folder
        Where the files go.
    rng
        Of the counting noise; `None` for none.
    *args, **kwargs
        As for `Diffractometer`, but for `expose`.
    """

    KEY = "xrd_image"

    def __init__(
        self,
        *args: Any,
        detector: AreaDetector,
        folder: Path,
        rng: np.random.Generator | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, expose=self._integrated, **kwargs)
        self._detector = detector
        self._rng = rng
        self._kept = KeptFrames(self.KEY, (PIXELS, PIXELS), np.uint32, folder, self.name)

    def unstage(self) -> list[object]:
        """End the run, and close its file."""
        unstaged = super().unstage()
        self._kept.close()
        return unstaged

    def describe(self) -> dict[str, dict[str, Any]]:
        """Describe the pattern, and the frame, which is stored outside of the documents."""
        described: dict[str, dict[str, Any]] = super().describe()
        return {**described, **self._kept.describe()}

    def collect_asset_docs(self, index: int | None = None) -> Iterator[tuple[str, Any]]:
        """Announce the frame that has come since the last time.

        Parameters
        ----------
        index
            It makes no difference: there is one frame an event.
        """
        yield from self._kept.documents()

    def _integrated(self, states: Sequence[State], exposure_s: float) -> NDArray[np.float64]:
        """Take a frame, keep it, and integrate it."""
        frame = self._detector.frame(states, exposure_s, self._rng)
        self._kept.keep(frame)
        return self._detector.integrate(frame)


def _integrator(wavelength_a: float) -> Any:
    try:
        detectors = import_module("pyFAI.detectors")
        azimuthal = import_module("pyFAI.integrator.azimuthal")
    except ImportError:
        raise ImportError(
            "frames=True needs pyFAI, which is not installed; pip install 'cgnmc-bluesky[frames]'"
        ) from None
    return azimuthal.AzimuthalIntegrator(
        dist=PIXELS * PIXEL_M / np.tan(np.radians(EDGE_DEG)),
        poni1=0.0,
        poni2=0.0,
        detector=detectors.Detector(PIXEL_M, PIXEL_M, max_shape=(PIXELS, PIXELS)),
        wavelength=wavelength_a * 1e-10,
    )
