"""beamline.toml as a whole: where it is looked for, how it is read, and what it holds."""

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from cgnmc_bluesky.beamline.cycling import CellSection, CyclingRoles
from cgnmc_bluesky.beamline.edges import Edge
from cgnmc_bluesky.beamline.errors import (
    ConfigurationError,
    ConfigurationMissing,
    nearest,
    problems_of,
)
from cgnmc_bluesky.beamline.fluorescence import XrfRoles
from cgnmc_bluesky.beamline.heating import HeatingRoles
from cgnmc_bluesky.beamline.imaging import XpeemRoles
from cgnmc_bluesky.beamline.material import Material
from cgnmc_bluesky.beamline.references import AnalysisSettings, Foil, Reference
from cgnmc_bluesky.beamline.roles import Role, XanesRoles
from cgnmc_bluesky.beamline.section import Located, Section
from cgnmc_bluesky.beamline.soft import SoftXanesRoles

VARIABLE = "CGNMC_BEAMLINE"
"""Environment variable that names the configuration."""
DEFAULT_NAME = "beamline.toml"
"""File that is looked for in the working directory."""
TECHNIQUES = ("xanes", "soft_xanes", "xrf", "heating", "cycling", "xpeem")
"""Sections that give data keys their roles."""


class Facility(Section):
    """Where the data were measured."""

    name: str = ""
    facility: str = ""


class DataSection(Section):
    """Where external files may be read, beside the source's own folder and the catalog's."""

    readable: tuple[Located, ...] = ()


class Beamline(Section):
    """What beamline.toml says.

    Examples
    --------
    >>> beamline = Beamline.from_dict({"xanes": {"energy_ev": "mono_energy", "mutrans": "mu"}})
    >>> beamline.roles("xanes")["energy_ev"].key
    'mono_energy'
    """

    beamline: Facility = Facility()
    data: DataSection = DataSection()
    xanes: XanesRoles | None = None
    soft_xanes: SoftXanesRoles | None = None
    xpeem: XpeemRoles | None = None
    xrf: XrfRoles | None = None
    heating: HeatingRoles | None = None
    cycling: CyclingRoles | None = None
    cell: CellSection | None = None
    reference: tuple[Reference, ...] = ()
    foil: tuple[Foil, ...] = ()
    material: tuple[Material, ...] = ()
    analysis: AnalysisSettings = AnalysisSettings()
    devices: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _knows_its_sections(cls, settings: Any) -> Any:
        for name, section in settings.items():
            if name not in cls.model_fields:
                close = nearest(name, cls.model_fields)
                hint = f"did you mean [{close[0]}]?" if close else f"there are {_listed(cls)}"
                raise ConfigurationError(f"there is no section [{name}]; {hint}")
            if name in {"reference", "foil", "material"} and isinstance(section, Mapping):
                raise ConfigurationError(
                    f"[{name}] needs two brackets, [[{name}]]: there may be several"
                )
        return settings

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        named = [f"'{item.name}' of {item.edge} in {item.mode}" for item in self.reference]
        _refuse_twice([f"[[reference]] {reference}" for reference in named])
        _refuse_twice([f"[[foil]] of {item.edge}" for item in self.foil])
        _refuse_twice([f"[[material]] '{item.name}'" for item in self.material])
        marked = [f"{item.edge} in {item.mode}" for item in self.reference if item.template]
        _refuse_twice([f"[[reference]] with template = true for {edge}" for edge in marked])
        return self

    @classmethod
    def load(cls, path: str | Path | None = None) -> "Beamline":
        """Read a configuration.

        Parameters
        ----------
        path
            The file. Without it, the one that $CGNMC_BEAMLINE names, else ./beamline.toml.

        Raises
        ------
        ConfigurationMissing
            If none is named and there is none in the working directory.
        ConfigurationError
            If it cannot be read, or is wrong: one line with the file, the key and the remedy.
        """
        file = Path(path) if path is not None else _found()
        try:
            settings = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not a text in UTF-8"
            raise ConfigurationError(
                f"{file}: {reason}; name a beamline.toml that can be read"
            ) from error
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"{file}: not valid TOML: {error}") from error
        return cls.from_dict(settings, file.resolve().parent, origin=str(file))

    @classmethod
    def from_dict(
        cls, settings: Mapping[str, Any], folder: Path | None = None, *, origin: str = ""
    ) -> "Beamline":
        """Take settings as beamline.toml would give them.

        Parameters
        ----------
        settings
            The sections by name.
        folder
            What relative files are relative to.
        origin
            Where the settings are from, for messages.

        Raises
        ------
        ConfigurationError
            If they are wrong.
        """
        try:
            return cls.model_validate(settings, context={"folder": folder})
        except ValidationError as error:
            prefix = f"{origin}: " if origin else ""
            problems = [f"{prefix}{line}" for line in problems_of(error, settings)]
            raise ConfigurationError(*problems) from error

    @classmethod
    def for_run(
        cls,
        start: Mapping[str, Any],
        explicit: "Beamline | str | Path | None" = None,
        *,
        own: bool = False,
    ) -> "Beamline":
        """Return the configuration that holds for a run.

        Parameters
        ----------
        start
            The run's start document. A run of the simulated beamline carries its own roles in it.
        explicit
            What the user named, which goes before all else.
        own
            Whether the run is this session's own. Only such a run may say where files may be read:
            one from elsewhere could name any folder.

        Raises
        ------
        ConfigurationMissing
            If the user named none, the run carries none, and none is to be found.
        """
        if isinstance(explicit, Beamline):
            return explicit
        if explicit is not None:
            return cls.load(explicit)
        carried = start.get("beamline")
        if isinstance(carried, Mapping) and any(name in carried for name in TECHNIQUES):
            told = cls.from_dict(carried, origin=f"run {str(start.get('uid', ''))[:8]}")
            return told if own else told.model_copy(update={"data": DataSection()})
        return cls.load()

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain tables, numbers and texts, which `from_dict` takes."""
        return self.model_dump(mode="json", exclude_none=True, exclude_defaults=True)

    def roles(self, section: str) -> dict[str, Role]:
        """Return what plays which role in a technique; nothing where it has no section.

        Parameters
        ----------
        section
            Name of the section: "xanes", "soft_xanes", "xrf", "heating", "cycling" or "xpeem".
        """
        if section not in TECHNIQUES:
            raise ValueError(
                f"there is no section of roles '{section}'; there are {', '.join(TECHNIQUES)}"
            )
        roles = getattr(self, section)
        return roles.roles() if roles else {}

    def data_keys(self, section: str) -> dict[str, str]:
        """Return the data key of each role in a technique; nothing where it has no section.

        Parameters
        ----------
        section
            Name of the section, as for `roles`.
        """
        return {name: role.key for name, role in self.roles(section).items()}

    def references_of(self, edge: Edge) -> tuple[Reference, ...]:
        """Return the references of an edge, in the order of the file."""
        return tuple(reference for reference in self.reference if reference.edge == edge)

    def template_of(self, edge: Edge) -> Reference | None:
        """Return the reference that edges are matched to: the marked one, else the first."""
        references = self.references_of(edge)
        marked = [reference for reference in references if reference.template]
        return next(iter([*marked, *references]), None)

    def foil_of(self, edge: Edge) -> Foil | None:
        """Return the foil of an edge, `None` where there is none."""
        return next((foil for foil in self.foil if foil.edge == edge), None)

    def content_hash(self) -> str:
        """Return the sha256 of what results rest on, with the files' content for their names."""
        settings = self.model_dump(mode="json", exclude={"beamline", "data", "devices", "material"})
        standards: list[Reference | Foil] = [*self.reference, *self.foil]
        written = [*settings["reference"], *settings["foil"]]
        for standard, table in zip(standards, written, strict=True):
            if standard.path is not None:
                table["file"] = hashlib.sha256(standard.path.read_bytes()).hexdigest()
        record = self.cell.record_path if self.cell else None
        if record is not None:
            settings["cell"]["record"] = hashlib.sha256(record.read_bytes()).hexdigest()
        named = {
            ("xrf", "sensitivity"): self.xrf.sensitivity_path if self.xrf else None,
            ("xpeem", "dark"): self.xpeem.dark_path if self.xpeem else None,
            ("xpeem", "flat"): self.xpeem.flat_path if self.xpeem else None,
        }
        for (section, key), path in named.items():
            if path is not None:
                settings[section][key] = hashlib.sha256(path.read_bytes()).hexdigest()
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _found() -> Path:
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    if Path(DEFAULT_NAME).is_file():
        return Path(DEFAULT_NAME)
    raise ConfigurationMissing(
        "no beamline.toml says which data key plays which role; "
        f"name one with --config or ${VARIABLE}, or let cgnmc check SOURCE draft it"
    )


def _listed(model: type[Section]) -> str:
    return ", ".join(f"[{name}]" for name in model.model_fields)


def _refuse_twice(names: list[str]) -> None:
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ConfigurationError(f"{twice[0]} is there twice; keep one")
