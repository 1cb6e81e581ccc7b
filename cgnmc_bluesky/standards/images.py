"""What is known of a stack of images before these come."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.imaging.growing import StackModel
from cgnmc_bluesky.analysis.xanes.model import EdgeModel
from cgnmc_bluesky.beamline import ConfigurationError, XpeemRoles

_TIFF = (".tif", ".tiff")


def stack_model(section: XpeemRoles, edge: EdgeModel) -> StackModel:
    """Put together what is known of a stack before its images come.

    Parameters
    ----------
    section
        The configuration.
    edge
        The standards of its edge.

    Raises
    ------
    ConfigurationError
        If the file of a dark or a flat image cannot be read.
    """
    dark_path, flat_path = section.dark_path, section.flat_path
    dark = float(section.dark) if isinstance(section.dark, int | float) else 0.0
    return StackModel(
        edge=edge,
        keys={role: found.key for role, found in section.roles().items()},
        dark=_image(dark_path, "[xpeem] dark") if dark_path else dark,
        flat=_image(flat_path, "[xpeem] flat") if flat_path else None,
        pixel_um=section.pixel_um,
        binning=section.binning,
    )


def _image(path: Path, owner: str) -> NDArray[np.float32]:
    """Read an image, or the mean of several in one file."""
    try:
        if path.suffix.lower() in _TIFF:
            from tifffile import imread

            images = np.asarray(imread(path), np.float32)
        elif path.suffix.lower() == ".npy":
            images = np.asarray(np.load(path, allow_pickle=False), np.float32)
        else:
            raise ConfigurationError(f"{owner}: {path.name} is no image; name a .tif or .npy")
    except (OSError, ValueError) as fault:
        if isinstance(fault, ConfigurationError):
            raise
        raise ConfigurationError(f"{owner}: {path.name} cannot be read ({fault})") from fault
    if images.ndim < 2:
        raise ConfigurationError(f"{owner}: {path.name} is no image (its shape is {images.shape})")
    image: NDArray[np.float32] = images.reshape(-1, *images.shape[-2:]).mean(axis=0)
    return image
