"""Frames: the readings in external files, and where such files may be."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cgnmc_bluesky.documents.slab import Slab


@dataclass(frozen=True)
class Frame:
    """One reading in a file.

    Parameters
    ----------
    resource
        Uid of the resource that it is part of.
    place
        Its index in a data set, or what a handler wants to know.
    """

    resource: str
    place: int | Mapping[str, Any]


class Source(Protocol):
    """The frames of one resource.

    `fault` says why they can never be read, if so; `trouble` why they could not be read just now.
    """

    fault: str
    trouble: str

    def has(self, frame: Frame, shape: tuple[int, ...]) -> bool:
        """Tell whether the frame is there, as far as seen so far."""

    def refresh(self) -> bool:
        """Look again, and tell whether anything has changed."""

    def shape_of(self, frame: Frame, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of a frame, as far as it is known without reading, where this is declared."""

    def read(self, frames: Sequence[Frame], shape: tuple[int, ...]) -> Sequence[Any] | Slab:
        """Give frames that are there, one a row."""

    def close(self) -> None:
        """Let go of the file."""


class Unreadable:
    """A resource whose frames cannot be had, whatever happens."""

    def __init__(self, fault: str) -> None:
        self.fault, self.trouble = fault, ""

    def has(self, frame: Frame, shape: tuple[int, ...]) -> bool:
        """No frame is there."""
        return False

    def refresh(self) -> bool:
        """Nothing changes."""
        return False

    def shape_of(self, frame: Frame, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Nothing else is known."""
        return shape

    def read(self, frames: Sequence[Frame], shape: tuple[int, ...]) -> Sequence[Any] | Slab:
        """Refuse."""
        raise OSError(self.fault)

    def close(self) -> None:
        """Nothing is open."""


class Folders:
    """Folders in which files may be read, links followed to where they lead."""

    def __init__(self, readable: Iterable[Path]) -> None:
        self._folders = [Path(folder).resolve() for folder in readable]

    def __contains__(self, path: Path) -> bool:
        resolved = path.resolve()
        return any(resolved.is_relative_to(folder) for folder in self._folders)

    def refusal(self, path: Path) -> str:
        """Say why a file is not read, and what to do."""
        return (
            f"file {str(path)!r} lies outside the readable folders; "
            f"add its folder to [data] readable in beamline.toml"
        )
