"""What every section of beamline.toml shares: it knows its keys, and the kinds of their values."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Strict,
    StringConstraints,
    ValidationInfo,
    model_validator,
)

from cgnmc_bluesky.beamline.errors import ConfigurationError, suggestion

SIMULATED = "simulated:"
"""A file of this prefix is a standard of the simulated beamline, shipped with the package."""


def located(path: Path, info: ValidationInfo) -> Path:
    """Make a path absolute against the folder of the file that names it."""
    folder = (info.context or {}).get("folder")
    if folder is None or str(path).startswith(SIMULATED):
        return path
    return Path(os.path.normpath(Path(folder) / path.expanduser()))


def _positive(value: float) -> float:
    if value <= 0:
        raise ConfigurationError(f"= {value:g}: expected a number above 0")
    return value


def _as_column(name: str) -> str:
    """Take the name of a role for the name of its column, and refuse what is neither."""
    column = {"energy_ev": "energy", "mu": "mutrans"}.get(name, name)
    if column not in _COLUMNS:
        raise ConfigurationError(f"is no column; {suggestion(name, _COLUMNS)}")
    return column


_COLUMNS = (
    *("energy", "i0", "itrans", "ifluor", "irefer", "mutrans", "mufluor", "murefer"),
    *("tey", "pfy"),
)

Key = Annotated[str, StringConstraints(min_length=1)]
Number = Annotated[float, Strict()]
Positive = Annotated[Number, AfterValidator(_positive)]
Located = Annotated[Path, AfterValidator(located)]
Column = Annotated[str, AfterValidator(_as_column)]
Columns = dict[Column, Annotated[int, Strict()] | Key]
"""Column of a measured file by its XDI name: its header, or its number from 1."""
EnergyUnit = Literal["eV", "keV"]


class Section(BaseModel):
    """A table of beamline.toml, which knows its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _knows_its_keys(cls, settings: Any) -> Any:
        unknown = (
            [key for key in settings if key not in cls.model_fields]
            if isinstance(settings, Mapping)
            else []
        )
        if unknown:
            raise ConfigurationError(
                f"has no key '{unknown[0]}'; {suggestion(str(unknown[0]), cls.model_fields)}"
            )
        return settings
