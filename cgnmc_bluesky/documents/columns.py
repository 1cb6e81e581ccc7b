"""What a descriptor says of the roles."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cgnmc_bluesky.documents.units import Conversion


@dataclass(frozen=True)
class Column:
    """Where a role is found in the rows of one descriptor.

    Parameters
    ----------
    role
        Name of the role.
    key
        Its data key.
    shape
        Shape of one reading as the descriptor declares it.
    conversion
        How readings come into the role's unit; `None` leaves them as they are.
    is_external
        Whether the readings are kept in files.
    channels
        Part of the last axis that is read, as its first channel and the one behind the last;
        `None` reads all.
    once
        Whether a reading that comes again with its timestamp is left out.
    is_image
        Whether a reading is an image.
    """

    role: str
    key: str
    shape: tuple[int, ...]
    conversion: Conversion | None
    is_external: bool
    channels: tuple[int, int] | None = None
    once: bool = False
    is_image: bool = False

    @property
    def is_large(self) -> bool:
        """Whether a reading is a spectrum or an image."""
        return self.is_image or self.channels is not None

    @property
    def dtype(self) -> type[np.float32] | type[np.float64]:
        """Precision of the readings: spectra and images are counts, and many."""
        return np.float32 if self.is_large else np.float64

    def cut(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of what is read of a reading."""
        if self.channels is None or not shape:
            return shape
        return (*shape[:-1], len(range(shape[-1])[slice(*self.channels)]))


@dataclass(frozen=True)
class Layout:
    """The columns of one descriptor.

    Parameters
    ----------
    columns
        One for each role that the descriptor holds.
    has_events
        Whether its rows must have events; rows of stream datums alone need none.
    """

    columns: tuple[Column, ...]
    has_events: bool = True

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Data keys of the columns."""
        return tuple(column.key for column in self.columns)

    @cached_property
    def external(self) -> tuple[Column, ...]:
        """Columns whose readings are kept in files."""
        return tuple(column for column in self.columns if column.is_external)

    @cached_property
    def once(self) -> tuple[Column, ...]:
        """Columns of which a reading counts once."""
        return tuple(column for column in self.columns if column.once)

    @cached_property
    def is_large(self) -> bool:
        """Whether some readings are spectra or images, so that few rows make a block."""
        return any(column.is_large for column in self.columns)

    @cached_property
    def converted(self) -> tuple[tuple[str, Conversion], ...]:
        """Roles whose readings need a conversion."""
        return tuple((c.role, c.conversion) for c in self.columns if c.conversion is not None)

    @cached_property
    def roles(self) -> tuple[str, ...]:
        """Roles of the columns."""
        return tuple(column.role for column in self.columns)


def layout_of(columns: Iterable[Column], data_keys: Mapping[str, Mapping[str, Any]]) -> Layout:
    """Put together what one descriptor says."""
    marks = [key.get("external") or "" for key in data_keys.values()]
    are_streamed = all(mark.startswith("STREAM:") for mark in marks)
    return Layout(tuple(columns), has_events=not are_streamed)
