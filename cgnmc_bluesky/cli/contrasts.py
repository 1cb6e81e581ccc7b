"""The O2 releases of two runs against each other: in words, as a table, and as a line of JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.analysis.heating.comparison import (
    Contrast,
    Release,
    compare_releases,
    different_rates,
)
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.board import gives, run_name, sample_name
from cgnmc_bluesky.views.text import label, with_sigma

ANALYSIS = "o2_onset_comparison"
_GRAVEST = (Status.FAILED, Status.WAITING, Status.PROVISIONAL, Status.FINAL)


@dataclass(frozen=True)
class Comparison:
    """Two O2 releases against each other.

    Parameters
    ----------
    results
        The two results.
    labels
        What the two are called.
    contrasts
        What sets them apart, the onset first, the width last.
    remark
        What makes them hard to compare.
    """

    results: tuple[Result, Result]
    labels: tuple[str, str]
    contrasts: Sequence[Contrast]
    remark: str = ""

    @classmethod
    def of(cls, first: Result, second: Result) -> "Comparison":
        """Compare two results."""
        labels = (sample_name(first), sample_name(second))
        if labels[0] == labels[1]:
            labels = (run_name(first), run_name(second))
        releases = (_release(first, labels[0]), _release(second, labels[1]))
        contrasts = compare_releases(*releases)
        return cls((first, second), labels, contrasts, different_rates(*releases))

    @property
    def status(self) -> Status:
        """How far it may be believed: as far as the weaker of the two."""
        return min((result.status for result in self.results), key=_GRAVEST.index)

    @property
    def reason(self) -> str:
        """What cannot be compared, and why, in words."""
        missing: dict[str, list[str]] = {}
        for contrast in self.contrasts:
            if contrast.value is None:
                missing.setdefault(contrast.reason, []).append(label(contrast.quantity))
        told = [f"not comparable: {', '.join(names)}: {why}" for why, names in missing.items()]
        return "; ".join(part for part in (self.remark, *told) if part)

    @property
    def headline(self) -> str:
        """Onset and width, in a line."""
        onset, *_, width = self.contrasts
        parts = []
        if onset.value is not None:
            side = "later" if onset.value > 0 else "earlier"
            parts.append(f"O₂ onset {_number(abs(onset.value), onset.sigma, '°C')} {side}")
        if width.value is not None:
            parts.append(f"release {_number(width.value, width.sigma)} times as wide")
        said = ", ".join(parts) or self.reason
        return f"{self.labels[1]} against {self.labels[0]}: {said}"

    def as_dict(self) -> dict[str, Any]:
        """Return what a line of JSON holds."""
        return {
            "analysis": ANALYSIS,
            "run_uids": [result.run_uid for result in self.results],
            "scan_ids": [result.scan_id for result in self.results],
            "samples": [result.sample for result in self.results],
            "status": str(self.status),
            "reason": self.reason,
            "values": {each.name: each.value for each in self.contrasts},
            "sigmas": {each.name: each.sigma for each in self.contrasts},
            "significances": {each.name: each.significance for each in self.contrasts},
            "units": {each.name: each.unit for each in self.contrasts},
        }

    def table(self) -> Table:
        """Give it as a table for the screen."""
        table = Table(box=None, header_style="bold", pad_edge=False)
        table.add_column("", justify="left")
        for heading in (*self.labels, "second against first", "sigmas apart"):
            table.add_column(heading, justify="right")
        for each in self.contrasts:
            table.add_row(
                label(each.quantity),
                _number(*each.first, "°C"),
                _number(*each.second, "°C"),
                _against(each),
                "–" if each.significance is None else f"{each.significance:+.1f}",
            )
        return table


def _release(result: Result, name: str) -> Release:
    values = {key: value if gives(result, key) else None for key, value in result.values.items()}
    has_onset = gives(result, "t_rate_c") or gives(result, "t_detect_c")
    return Release(name, values, result.sigmas, "" if has_onset else result.reason)


def _against(contrast: Contrast) -> str:
    if contrast.value is None:
        return "not comparable"
    if contrast.is_ratio:
        return f"× {_number(contrast.value, contrast.sigma)}"
    sign = "+" if contrast.value > 0 else ""
    return f"{sign}{_number(contrast.value, contrast.sigma, '°C')}"


def _number(value: float | None, sigma: float | None, unit: str = "") -> str:
    return "–" if value is None else with_sigma(value, sigma, unit)
