"""What results rest on: references, foils, and how they are combined."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, Strict, model_validator

from cgnmc_bluesky.beamline.edges import Edge, edge_energy_ev
from cgnmc_bluesky.beamline.errors import ConfigurationError, suggestion
from cgnmc_bluesky.beamline.section import (
    SIMULATED,
    Columns,
    Key,
    Located,
    Number,
    Positive,
    Section,
)

NamedEdge = Annotated[Edge, BeforeValidator(Edge.parse), PlainSerializer(str)]
Mode = Literal["transmission", "fluorescence", "tey", "pfy"]


class FractionSettings(Section):
    """How references are combined.

    Parameters
    ----------
    fit_range_ev
        First and last energy of the fit, in eV; without it, what the references and the scan bear.
    baseline
        What is fitted beside the references: an offset with a slope ("linear"), an offset
        ("constant"), or nothing ("none").
    sum_to_one
        Whether the amounts sum to one by force: right for normalised spectra alone.
    """

    fit_range_ev: tuple[Number, Number] | None = None
    baseline: Literal["linear", "constant", "none"] = "linear"
    sum_to_one: Annotated[bool, Strict()] = False

    @model_validator(mode="after")
    def _range_ascends(self) -> Self:
        if self.fit_range_ev and self.fit_range_ev[0] >= self.fit_range_ev[1]:
            first, last = self.fit_range_ev
            raise ConfigurationError(
                f"fit_range_ev = [{first:g}, {last:g}]: expected the lower energy first"
            )
        return self


class AnalysisSettings(Section):
    """Settings of the analyses that have any."""

    fraction: FractionSettings = FractionSettings()


def existing(file: Path | None, owner: str) -> Path | None:
    """Return where a file really is.

    Raises
    ------
    ConfigurationError
        If it does not exist; it says who names it.
    """
    if file is None:
        return None
    name = str(file)
    if name.startswith(SIMULATED):
        standards = Path(__file__).parents[1] / "sim" / "standards"
        file = standards / f"{name.removeprefix(SIMULATED)}.xdi"
    if file.is_file():
        return file
    there = [path.name for path in file.parent.iterdir()] if file.parent.is_dir() else []
    hint = suggestion(file.name, there) if there else "its folder does not exist either"
    raise ConfigurationError(f"{owner} names a file that does not exist: {name}; {hint}")


class Reference(Section):
    """A spectrum of known composition: read from a file or a run, or given as it is.

    Parameters
    ----------
    name
        What it is called in results.
    edge
        The edge it was measured at.
    valence
        Oxidation state of the element.
    file, run
        Where it stands: a measured file, or the uid of a run in the catalog.
    energy_ev, mu, murefer
        Its energies in eV and absorption, and the foil's, where it stands here.
    mode
        How it was measured; only scans of the same mode are compared with it.
    template
        Whether edge positions are matched to this one; without any marked, to the first.
    columns
        Columns of its file.
    """

    name: Key
    edge: NamedEdge
    valence: Number | None = None
    file: Located | None = None
    run: Key | None = None
    energy_ev: tuple[Number, ...] = ()
    mu: tuple[Number, ...] = ()
    murefer: tuple[Number, ...] = ()
    mode: Mode = "transmission"
    template: Annotated[bool, Strict()] = False
    columns: Columns = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if sum([self.file is not None, self.run is not None, bool(self.energy_ev or self.mu)]) != 1:
            raise ConfigurationError(
                "needs one source; give either file, or run, or energy_ev with mu"
            )
        lengths = {len(self.energy_ev), len(self.mu), len(self.murefer or self.mu)}
        if len(lengths) > 1:
            raise ConfigurationError(
                "has arrays of different lengths; give one mu for each energy_ev"
            )
        return self

    @property
    def label(self) -> str:
        """Which one is meant, for messages; with its yield, where there may be one of each."""
        by = f", {self.mode}" if self.mode in {"tey", "pfy"} else ""
        return f"[[reference]] '{self.name}' ({self.edge}{by})"

    @property
    def path(self) -> Path | None:
        """Where its file really is, `None` without one; an error where it is not there."""
        return existing(self.file, self.label)


class Foil(Section):
    """The metal foil that energies are calibrated with.

    Parameters
    ----------
    edge
        The edge it is measured at.
    energy_ev
        What its first inflection is taken to be, in eV; without it, the table's.
    table
        Where that value is from.
    file, columns
        A measured spectrum of it, and its columns.
    """

    edge: NamedEdge
    energy_ev: Positive | None = None
    table: str = ""
    file: Located | None = None
    columns: Columns = Field(default_factory=dict)

    @property
    def path(self) -> Path | None:
        """Where its file really is, `None` without one; an error where it is not there."""
        return existing(self.file, f"[[foil]] {self.edge}")

    def first_inflection_ev(self) -> tuple[float, str]:
        """Return what its first inflection is taken to be, in eV, and where that is from."""
        if self.energy_ev is None:
            return edge_energy_ev(self.edge)
        return self.energy_ev, self.table or "beamline.toml"
