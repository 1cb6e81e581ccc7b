"""What the demo found, set against the truth: on the screen, as a table and as a page."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from cgnmc_bluesky.cli.contrasts import Comparison
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.text import label, sign_of, with_sigma

_HEADINGS = ("scan", "sample", "quantity", "truth", "result", "sigma", "pull")


@dataclass(frozen=True)
class Line:
    """One value beside its truth.

    Parameters
    ----------
    scan_id, sample
        The scan.
    name
        The value's name.
    truth
        What it should be.
    value, sigma
        What came out, and one standard deviation; `None` where nothing did.
    unit
        Unit of these.
    """

    scan_id: int | None
    sample: str
    name: str
    truth: float
    value: float | None
    sigma: float | None
    unit: str = ""

    @property
    def quantity(self) -> str:
        """The value's name in words, with its unit."""
        return f"{label(self.name)} ({sign_of(self.unit)})" if self.unit else label(self.name)

    @property
    def pull(self) -> float | None:
        """How many sigmas the value is off."""
        if self.value is None or not self.sigma:
            return None
        return (self.value - self.truth) / self.sigma


def lines_of(result: Result, truths: dict[str, float]) -> list[Line]:
    """Set those values of a result against the truth of which it is known.

    Parameters
    ----------
    result
        The result.
    truths
        True values by name.
    """
    return [
        Line(
            result.scan_id,
            result.sample or "",
            name,
            truth,
            result.values[name],
            result.sigmas[name],
            result.units[name],
        )
        for name, truth in truths.items()
        if name in result.values
    ]


def contrast_lines(comparison: Comparison, lines: Sequence[Line]) -> list[Line]:
    """Set what is between two releases against the truth, where the truth of both is known.

    Parameters
    ----------
    comparison
        The two releases.
    lines
        Values of each beside their truth.
    """
    first, second = (
        {line.name: line.truth for line in lines if line.scan_id == result.scan_id}
        for result in comparison.results
    )
    return [
        Line(
            comparison.results[1].scan_id,
            " against ".join(reversed(comparison.labels)),
            contrast.name,
            contrast.between(first[contrast.quantity], second[contrast.quantity]),
            contrast.value,
            contrast.sigma,
            contrast.unit,
        )
        for contrast in comparison.contrasts
        if contrast.quantity in first and contrast.quantity in second
    ]


def summary(lines: Iterable[Line]) -> Table:
    """Give the lines as a table for the screen."""
    table = Table(box=None, header_style="bold", pad_edge=False, title_justify="left")
    for heading in _HEADINGS:
        table.add_column(heading, justify="left" if heading in {"sample", "quantity"} else "right")
    for line in lines:
        pull = "–" if line.pull is None else f"{line.pull:+.1f}"
        number = "–" if line.value is None else with_sigma(line.value, line.sigma)
        value, _, sigma = number.partition(" ± ")
        table.add_row(
            str(line.scan_id), line.sample, line.quantity, f"{line.truth:.4g}", value, sigma, pull
        )
    return table


def write_summary(path: Path, lines: Sequence[Line]) -> None:
    """Write the lines as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(_HEADINGS)
        for line in lines:
            table.writerow(
                (
                    line.scan_id,
                    line.sample,
                    line.name,
                    line.truth,
                    line.value,
                    line.sigma,
                    line.pull,
                )
            )


def write_report(
    path: Path, lines: Sequence[Line], *, figures: Sequence[Path], remarks: Sequence[str]
) -> None:
    """Write the page: what was measured, the figures, truth and result.

    Parameters
    ----------
    path
        Markdown file to write, in the folder of the figures.
    lines
        Values beside their truth.
    figures
        Pictures to show.
    remarks
        Sentences that stand below the table.
    """
    rows = ["| scan | sample | quantity | truth | result | pull |", "|---|---|---|---|---|---|"]
    for line in lines:
        value = "–" if line.value is None else with_sigma(line.value, line.sigma)
        pull = "–" if line.pull is None else f"{line.pull:+.1f}"
        rows.append(
            f"| {line.scan_id} | {line.sample} | {line.quantity} | {line.truth:.4g} "
            f"| {value} | {pull} |"
        )
    pictures = [f"![{figure.stem}]({figure.name})" for figure in figures]
    parts = [
        "# A simulated beamtime",
        "Ni K scans of a conventional and a concentration-gradient NMC 622, pristine and after "
        "100 cycles, fluorescence maps of a particle of each, and heating ramps of both, charged, "
        "analysed while they ran. A value is given with one standard deviation, of counting and "
        "fit; the pull is its distance from the truth in these. Mn/Ni is corrected for "
        "self-absorption.",
        "\n".join(rows),
        *remarks,
        *pictures,
    ]
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
