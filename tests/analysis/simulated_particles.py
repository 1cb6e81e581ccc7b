"""Core–shell spheres in voxels, seen through a Gaussian beam, and what a map of them counts."""

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.special import ndtr

from cgnmc_bluesky.analysis.xrf.atoms import AtomMap

METALS = ("Mn", "Co", "Ni")
CORE = np.array([0.15, 0.15, 0.70])
SHELL = np.array([0.40, 0.20, 0.40])
AVERAGE = np.array([0.20, 0.20, 0.60])
SENSITIVITY = np.array([0.56, 0.78, 1.0])
VOXEL_UM = 0.025

# counts in three windows and beside them, for a count of each metal and of background
WINDOWS = np.array(
    [[1.0, 0.005, 0.013, 1.2], [0.0, 1.0, 0.010, 1.1], [0.0, 0.053, 1.0, 1.0], [0.0, 0.0, 0.0, 5.0]]
)


def share_of_shell(r, shape, centre, width):
    if shape == "erf":
        return ndtr((r - centre) * 2.5631 / width)
    return np.clip((r - centre) * 0.8 / width + 0.5, 0.0, 1.0)


def projected(radius, *, core=CORE, shell=SHELL, shape="erf", centre=None, width=0.6, beam=0.1):
    """Metal in µm of thickness on a fine grid around the centre, and the grid's axis."""
    centre = radius - 0.8 if centre is None else centre
    n = round((radius + 0.8) / VOXEL_UM)
    axis = (np.arange(-n, n) + 0.5) * VOXEL_UM
    across2 = axis[None, :] ** 2 + axis[n:, None] ** 2
    half = np.zeros((3, n, 2 * n))
    for z in (np.arange(round(radius / VOXEL_UM) + 1) + 0.5) * VOXEL_UM:
        r = np.sqrt(across2 + z * z)
        inside = np.clip((radius - r) / VOXEL_UM + 0.5, 0, 1) * 2 * VOXEL_UM
        outer = share_of_shell(r, shape, centre, width)
        for at in range(3):
            half[at] += inside * (core[at] * (1 - outer) + shell[at] * outer)
    whole = np.concatenate([half[:, ::-1], half], axis=1)
    sigma = beam / 2.3548 / VOXEL_UM
    return axis, np.stack([gaussian_filter(one, sigma) for one in whole])


def grid(half_um, num, *, rows=None, jitter_um=0.0, rng=None):
    """Positions of a snake's pixels, and their lines."""
    fast = np.linspace(-half_um, half_um, num)
    y, x = np.meshgrid(fast[slice(rows)], fast, indexing="ij")
    x[1::2] = x[1::2, ::-1].copy()
    line = np.repeat(np.arange(len(x)), num)
    x, y = x.ravel(), y.ravel()
    if jitter_um:
        x, y = x + rng.normal(size=x.size) * jitter_um, y + rng.normal(size=y.size) * jitter_um
    return x, y, line


def counted(rng, thickness, counts, x_um, y_um, line):
    """A map of Poisson counts, as many of nickel as said in the brightest pixel."""
    metal = thickness * SENSITIVITY * counts / max(np.max(thickness[:, 2]), 1e-9)
    expected = np.column_stack([metal, np.full(len(metal), 0.01 * counts)]) @ WINDOWS.T
    found = rng.poisson(expected).astype(float)
    project = np.linalg.inv(WINDOWS)[:3] / SENSITIVITY[:, None]
    covariance = np.einsum("kc,nc,lc->nkl", project, found, project)
    return AtomMap(METALS, x_um, y_um, line.astype(np.int64), found @ project.T, covariance)


def measured(rng, fine, counts, *, offset=(0.0, 0.0), half_um=3.2, num=65, **how):
    """A map of one particle that `projected` gave."""
    axis, maps = fine
    x, y, line = grid(half_um, num, rng=rng, **how)
    place = [(y - offset[1] - axis[0]) / VOXEL_UM, (x - offset[0] - axis[0]) / VOXEL_UM]
    thickness = np.stack([map_coordinates(one, place, order=1) for one in maps], axis=1)
    return counted(rng, thickness, counts, x, y, line)


def balls(rng, spheres, counts, *, fractions=AVERAGE, half_um=5.0, num=101, rows=None):
    """A map of homogeneous spheres, each (x, y, radius), through a needle of a beam."""
    x, y, line = grid(half_um, num, rows=rows)
    chords = [
        2 * np.sqrt(np.maximum(radius**2 - (x - x0) ** 2 - (y - y0) ** 2, 0))
        for x0, y0, radius in spheres
    ]
    thickness = np.sum(chords, axis=0) if chords else np.zeros_like(x)
    return counted(rng, thickness[:, None] * fractions, counts, x, y, line)
