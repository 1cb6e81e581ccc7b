"""An electrode as an electron microscope sees it: particles, each with valences of its own."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

Floats = NDArray[np.float64]

SUBSTRATE = 0.25
"""Brightness between the particles, of which one's own is about 1."""
BLUR_PX = 0.8
"""Standard deviation of a point's image."""
WAVES = 4
RELIEF = 0.12
"""Amplitude of each wave of a particle's relief."""
COVERED = 0.45
"""Part of the field that particles cover, about."""
RADII = (0.05, 0.12)
"""Radii of the particles, as shares of the field's side."""
_BEYOND = 0.25


@dataclass(frozen=True)
class Grain:
    """A particle that is seen from above.

    Parameters
    ----------
    y_px, x_px, radius_px
        Where it lies, and how large it is.
    brightness
        Electrons that come from it, about 1.
    excess
        How much more of the lowest valence it holds than particles do on average, −1 to 1.
    rim
        How much more at its rim than in its middle.
    waves
        Two components of the wave vector in 1/px, and the phase, of each wave of its relief.
    """

    y_px: float
    x_px: float
    radius_px: float
    brightness: float
    excess: float
    rim: float
    waves: Floats


@dataclass(frozen=True)
class Seen:
    """What can be seen of an electrode, shape `(rows, columns)` each.

    Parameters
    ----------
    substrate
        Brightness of what is between the particles.
    particles
        Brightness of the particles.
    excess
        That times how much more of the lowest valence they hold.
    """

    substrate: Floats
    particles: Floats
    excess: Floats


class Micrograph:
    """A field of particles that lie over one another.

    Parameters
    ----------
    shape
        Rows and columns of the field.
    grains
        The particles, the uppermost last.
    """

    def __init__(self, shape: tuple[int, int], grains: Iterable[Grain]) -> None:
        self.shape = shape
        self._grains = tuple(grains)

    def seen(self, y_px: float = 0.0, x_px: float = 0.0) -> Seen:
        """Look at the field when it has drifted down and to the right.

        The law is analytic, so that a part of a pixel makes no difference to its precision.
        """
        substrate = np.full(self.shape, SUBSTRATE)
        particles, excess = np.zeros(self.shape), np.zeros(self.shape)
        for grain in self._grains:
            centre = np.array([grain.y_px + y_px, grain.x_px + x_px])
            reach = grain.radius_px + 5 * BLUR_PX
            box = tuple(
                slice(max(0, int(at - reach)), max(0, min(length, int(at + reach) + 2)))
                for at, length in zip(centre, self.shape, strict=True)
            )
            y, x = np.ogrid[box]
            away_y, away_x = y - centre[0], x - centre[1]
            distance = np.hypot(away_y, away_x)
            cover = 0.5 * erfc((distance - grain.radius_px) / (np.sqrt(2) * BLUR_PX))
            relief = np.ones_like(distance)
            for along_y, along_x, phase in grain.waves:
                relief += RELIEF * np.cos(along_y * away_y + along_x * away_x + phase)
            bright = grain.brightness * relief
            more = grain.excess + grain.rim * ((distance / grain.radius_px) ** 2 - 0.5)
            for image in (substrate, particles, excess):
                image[box] *= 1 - cover
            particles[box] += cover * bright
            excess[box] += cover * bright * np.clip(more, -1.0, 1.0)
        return Seen(substrate, particles, excess)


def scattered(
    shape: tuple[int, int], *, spread: float, rim: float, random: np.random.Generator
) -> Micrograph:
    """Scatter particles over a field and some way beyond.

    Parameters
    ----------
    shape
        Rows and columns of the field.
    spread
        Standard deviation of their excess of the lowest valence.
    rim
        How much more of it there is at their rims.
    random
        Places them.
    """
    side = float(min(shape))
    rows, columns = ((1 + 2 * _BEYOND) * length for length in shape)
    mean_area = np.pi * np.mean([(side * radius) ** 2 for radius in RADII])
    grains = []
    for _ in range(max(3, round(COVERED * rows * columns / mean_area))):
        waves = random.uniform((-1.0, -1.0, 0.0), (1.0, 1.0, 2 * np.pi), (WAVES, 3))
        radius_px = side * random.uniform(*RADII)
        waves[:, :2] *= 2 * np.pi / max(0.8 * radius_px, 6 * BLUR_PX)
        grain = Grain(
            y_px=random.uniform(-_BEYOND, 1 + _BEYOND) * shape[0],
            x_px=random.uniform(-_BEYOND, 1 + _BEYOND) * shape[1],
            radius_px=radius_px,
            brightness=random.uniform(0.7, 1.2),
            excess=float(np.clip(spread * random.standard_normal(), -0.8, 0.8)),
            rim=rim,
            waves=waves,
        )
        grains.append(grain)
    return Micrograph(shape, grains)
