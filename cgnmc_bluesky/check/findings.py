"""What a check finds: each thing looked at, whether it is right, and what to do if not."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    """It is right."""
    WARNING = "warning"
    """Results come without something, or may not be what is meant."""
    ERROR = "error"
    """There will be no results."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Parameters
    ----------
    severity
        How much it matters.
    where
        The section and key, the file, or the run.
    message
        What was found.
    remedy
        What to do about it; empty where nothing needs doing.
    """

    severity: Severity
    where: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.severity}: {self.where}: {self.message}{remedy}"


@dataclass(frozen=True)
class Findings:
    """All things looked at, in the order of the configuration.

    Parameters
    ----------
    items
        The findings.
    """

    items: tuple[Finding, ...]

    @classmethod
    def of(cls, items: Iterable[Finding]) -> "Findings":
        """Collect findings."""
        return cls(tuple(items))

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def worst(self) -> Severity:
        """The gravest severity among them."""
        found = {finding.severity for finding in self.items}
        gravest_first = (Severity.ERROR, Severity.WARNING)
        return next((severity for severity in gravest_first if severity in found), Severity.OK)


def ok(where: str, message: str) -> Finding:
    """Say that something is right."""
    return Finding(Severity.OK, where, message)


def warning(where: str, message: str, remedy: str) -> Finding:
    """Say that something will be missing."""
    return Finding(Severity.WARNING, where, message, remedy)


def error(where: str, message: str, remedy: str) -> Finding:
    """Say that something cannot work."""
    return Finding(Severity.ERROR, where, message, remedy)
