"""Sample tables: what is measured one after the other, and where it stands."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic import ValidationError as Refused

from cgnmc_bluesky.beamline.edges import Edge
from cgnmc_bluesky.beamline.errors import ConfigurationError, suggestion
from cgnmc_bluesky.beamline.tables import Row, SampleTableError, TableSpec, read_rows

REMEDIES: Mapping[str, str] = {
    "name": "give the sample's name",
    "material": "give what it is of, such as conventional or gradient",
    "cycles": "give a whole number of charge cycles, 0 for pristine",
    "cutoff_v": "give the voltage it was charged to in V, such as 4.4, or leave it empty",
    "edges": 'give edges between semicolons, such as "Ni L3; Mn L3"',
}
COMMENT = "comment"
HIGHEST_V = 10.0


def _edges(given: Any) -> tuple[str, ...]:
    """Edges by their usual names, from a list or from a text with semicolons."""
    texts = re.split(r";|,(?!\s?\d)", given) if isinstance(given, str) else given
    if not isinstance(texts, list | tuple):
        raise ConfigurationError(REMEDIES["edges"])
    edges = [str(Edge.parse(text)) for text in texts if str(text).strip()]
    for edge in edges:
        if edges.count(edge) > 1:
            raise ConfigurationError(f"{edge} is named {edges.count(edge)} times: once is enough")
    return tuple(edges)


def _no_truth(given: Any) -> Any:
    if isinstance(given, bool):
        raise ConfigurationError(REMEDIES["cycles"])
    return given


Name = Annotated[
    str,
    BeforeValidator(lambda given: str(given) if isinstance(given, int | float) else given),
    StringConstraints(strip_whitespace=True, min_length=1),
]


class Sample(BaseModel):
    """One row of a sample table.

    Parameters
    ----------
    name
        The sample's name.
    material
        What it is of, such as "conventional" or "gradient".
    cycles
        How often it was charged and discharged.
    cutoff_v
        Voltage it was charged to, in V.
    edges
        Absorption edges at which it is to be measured, such as `("Ni L3", "Mn L3")`.
    edge
        The one of them that a scan is for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Name
    material: Name
    cycles: Annotated[int, BeforeValidator(_no_truth), Field(ge=0)]
    cutoff_v: Annotated[float | None, Field(gt=0.0, le=HIGHEST_V)] = None
    edges: Annotated[tuple[str, ...], BeforeValidator(_edges)] = ()
    edge: str | None = None

    def metadata(self) -> dict[str, Any]:
        """What a run of the sample carries: only what the table says."""
        said = self.model_dump(include={"material", "cycles", "cutoff_v", "edge"})
        known = {key: value for key, value in said.items() if value is not None}
        return {"sample": self.name, **known}

    def at_its_edges(self) -> "list[Sample]":
        """Give the sample once for each edge; as it is where it names none."""
        return [self.model_copy(update={"edge": edge}) for edge in self.edges] or [self]


@dataclass(frozen=True)
class SampleTable:
    """A sample table that has been read, whatever is wrong with it.

    Parameters
    ----------
    series
        What the series is called; empty where the table does not say.
    source
        What the table is called in messages.
    rows
        Its rows, each with what is wrong with it.
    samples
        What they say, `None` where a row cannot be used.
    problems
        What is wrong with all rows.
    """

    series: str
    source: str
    rows: list[Row]
    samples: list[Sample | None]
    problems: list[str]

    def check(self) -> None:
        """Refuse the table if anything is wrong with it.

        Raises
        ------
        SampleTableError
            With all that is wrong, row by row.
        """
        problems = [*self.problems, *(problem for row in self.rows for problem in row.problems)]
        if problems:
            raise SampleTableError(*problems)


def read_samples(table: TableSpec, places: Collection[str]) -> SampleTable:
    """Read a sample table, and look for what is wrong with any of its rows.

    Parameters
    ----------
    table
        Path of a CSV or TOML file, or the rows, as `read_rows` takes them.
    places
        Columns that say where a sample stands; what stands in them is not looked at.

    Returns
    -------
    SampleTable
        The table; its `check` says what is wrong.

    Raises
    ------
    SampleTableError
        If there is no such table, or it holds no rows.
    """
    series, source, rows = read_rows(table)
    known = [*REMEDIES, COMMENT, *places]
    unknown = {column: None for row in rows for column in row.cells if column not in known}
    problems = [
        f"{source}, column '{name}': there is no such column; {suggestion(name, known)}"
        for name in unknown
    ]
    samples = [_sample(row) for row in rows]
    _check_names(rows)
    return SampleTable(series, source, rows, samples, problems)


def _sample(row: Row) -> Sample | None:
    if not row.is_whole:
        return None
    cells = {column: value for column, value in row.cells.items() if column in REMEDIES}
    try:
        return Sample.model_validate(cells)
    except Refused as refused:
        for error in refused.errors(include_url=False):
            column = str(error["loc"][0])
            own = str(error.get("ctx", {}).get("error", ""))
            why = own.removeprefix(f"{cells.get(column)!r}: ") or REMEDIES[column]
            row.refuse(column, why)
    return None


def _check_names(rows: list[Row]) -> None:
    first: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        name = str(row.cells.get("name", "")) if row.is_whole else ""
        if name in first:
            row.refuse(
                "name", f"row {first[name]} has it too, give each sample one row with all its edges"
            )
        elif name:
            first[name] = number
