"""Images that are a file each, numbered one after the other, of which more may come."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.documents.frames import Folders, Frame

TIFF = "multipart/related;type=image/tiff"
"""What stream resources call such files."""

_NUMBER = re.compile(r"%[-+#0 ]*(\d+)?(?:\.(\d+))?d")


class TiffFiles:
    """Frames in TIFF files; frame i is the files i·n … (i+1)·n.

    Parameters
    ----------
    folder
        Where they are.
    parameters
        Of their stream resource: `template`, how they are called, in Python's new or old way, with
        `filename` for its `%s`; `chunk_shape`, whose first number is how many images a file holds;
        and `join_method`, "stack" where a reading is a file by itself.
    folders
        Where files may be read.
    """

    def __init__(self, folder: Path, parameters: Mapping[str, Any], folders: Folders) -> None:
        self.fault = self.trouble = ""
        self._folder = folder
        self._folders = folders
        self._template = _new_style(str(parameters["template"]), parameters.get("filename", ""))
        self._images_a_file = int((parameters.get("chunk_shape") or (1,))[0])
        self._stacks = parameters.get("join_method") == "stack"
        self._awaited: set[Path] = set()

    def has(self, frame: Frame, shape: tuple[int, ...]) -> bool:
        """Tell whether all files of the frame are there."""
        paths = self._paths(frame, shape)
        beyond = [path for path in paths if path not in self._folders]
        if beyond:
            self.fault = self._folders.refusal(beyond[0])
            return False
        absent = {path for path in paths if not path.exists()}
        self._awaited |= absent
        if absent:
            self.trouble = f"file {str(min(absent))!r} does not exist"
        return not absent

    def refresh(self) -> bool:
        """Look again, and tell whether any file has come."""
        come = {path for path in self._awaited if path.exists()}
        self._awaited -= come
        return bool(come)

    def shape_of(self, frame: Frame, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Nothing else is known."""
        return shape

    def read(self, frames: Sequence[Frame], shape: tuple[int, ...]) -> list[NDArray[Any]]:
        """Give frames that are there, one a row."""
        return [self._image(frame, shape) for frame in frames]

    def close(self) -> None:
        """Nothing is open."""

    def _image(self, frame: Frame, shape: tuple[int, ...]) -> NDArray[Any]:
        from tifffile import imread

        images = [np.asarray(imread(path)) for path in self._paths(frame, shape)]
        together = images[0] if len(images) == 1 else np.stack(images)
        return together.reshape(shape) if together.size == np.prod(shape) else together

    def _paths(self, frame: Frame, shape: tuple[int, ...]) -> list[Path]:
        if not isinstance(frame.place, int):
            return []
        is_one = self._stacks or len(shape) < 3
        n_files = 1 if is_one else max(1, shape[0] // self._images_a_file)
        first = frame.place * n_files
        return [self._folder / self._template.format(first + at) for at in range(n_files)]


def _new_style(template: str, filename: str) -> str:
    """A template in the old way ("%s%s_%06d.tif", the first being a folder) in the new way.

    Examples
    --------
    >>> _new_style("%s%s_%06d.tif", "peem")
    'peem_{:06d}.tif'
    >>> _new_style("image_{:05d}.tif", "")
    'image_{:05d}.tif'
    """
    named = template.replace("%s", filename, 1).replace("%s", "")

    def number(match: re.Match[str]) -> str:
        width = match[2] or match[1]
        zero = "0" if match[2] or "0" in match[0][1:2] else ""
        return f"{{:{zero}{width or ''}d}}"

    return _NUMBER.sub(number, named)
