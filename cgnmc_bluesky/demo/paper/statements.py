"""Statements of the paper, and whether what was measured bears them out."""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from rich.table import Table

from cgnmc_bluesky.views.text import sign_of, with_sigma

Number = tuple[float, float]
"""A value and one standard deviation."""

SURE, LIKELY = 3.0, 2.0
"""Sigmas by which a difference is found, and by which one is excluded."""


class Verdict(StrEnum):
    """Whether a statement is borne out."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNKNOWN = "cannot be told"
    MISSING = "not measured"


@dataclass(frozen=True)
class Statement:
    """One statement of the paper beside what was measured.

    Parameters
    ----------
    figure
        The paper's figure: "4d", "S5".
    text
        The statement.
    quantity
        What was measured for it, in words.
    value, sigma
        That, and one standard deviation; `None` where there is none.
    unit
        Of both.
    verdict
        Whether it holds.
    why
        By which criterion, or why not.
    methods
        Which of the paper's own methods disagree if it holds.
    """

    figure: str
    text: str
    quantity: str
    value: float | None
    sigma: float | None
    unit: str
    verdict: Verdict
    why: str
    methods: str = ""

    @property
    def measured(self) -> str:
        """Value and uncertainty as they are written."""
        if self.value is None:
            return "–"
        return with_sigma(self.value, self.sigma, sign_of(self.unit))


@dataclass(frozen=True)
class Judgement:
    """A verdict and its reason."""

    verdict: Verdict
    why: str


def exceeds(number: Number | None, bound: float = 0.0, *, worth: float) -> Judgement:
    """Judge whether a number lies above a bound.

    It does if it is above by three sigmas; it does not if two sigmas more would not bring it above
    by `worth`.

    Parameters
    ----------
    number
        What was measured.
    bound
        The bound.
    worth
        The least by which the statement would mean anything.

    Examples
    --------
    >>> exceeds((0.20, 0.01), worth=0.03).verdict
    <Verdict.HOLDS: 'holds'>
    >>> exceeds((0.00, 0.01), worth=0.03).verdict
    <Verdict.FAILS: 'does not hold'>
    >>> exceeds((0.02, 0.01), worth=0.03).verdict
    <Verdict.UNKNOWN: 'cannot be told'>
    """
    if number is None:
        return _MISSING
    above, sigma = number[0] - bound, number[1]
    criterion = (
        f"if above {bound:g} by {SURE:g} σ; not if less than {worth:g} above by {LIKELY:g} σ"
    )
    if above > SURE * sigma:
        return Judgement(Verdict.HOLDS, criterion)
    if above + LIKELY * sigma < worth:
        return Judgement(Verdict.FAILS, criterion)
    return Judgement(Verdict.UNKNOWN, criterion)


def falls_short(number: Number | None, bound: float = 0.0, *, worth: float) -> Judgement:
    """Judge whether a number lies below a bound, as `exceeds` does for above.

    Parameters
    ----------
    number, bound, worth
        As for `exceeds`.

    Examples
    --------
    >>> falls_short((-0.07, 0.01), worth=0.03).verdict
    <Verdict.HOLDS: 'holds'>
    """
    if number is None:
        return _MISSING
    found = exceeds((-number[0], number[1]), -bound, worth=worth)
    criterion = (
        f"if below {bound:g} by {SURE:g} σ; not if less than {worth:g} below by {LIKELY:g} σ"
    )
    return Judgement(found.verdict, criterion)


def is_near(number: Number | None, expected: float = 0.0, *, within: float) -> Judgement:
    """Judge whether a number is what it should be, within what one would not care about.

    It is if two sigmas more would not bring it beyond `within`; it is not if two less would not
    bring it there.

    Parameters
    ----------
    number
        What was measured.
    expected
        What it should be.
    within
        How far from that it may be.

    Examples
    --------
    >>> is_near((0.33, 0.01), 0.33, within=0.03).verdict
    <Verdict.HOLDS: 'holds'>
    >>> is_near((0.45, 0.01), 0.33, within=0.03).verdict
    <Verdict.FAILS: 'does not hold'>
    >>> is_near((0.33, 0.05), 0.33, within=0.03).verdict
    <Verdict.UNKNOWN: 'cannot be told'>
    """
    if number is None:
        return _MISSING
    away, sigma = abs(number[0] - expected), number[1]
    criterion = f"if within {within:g} of {expected:.3g} by {LIKELY:g} σ; not if beyond by as much"
    if away + LIKELY * sigma <= within:
        return Judgement(Verdict.HOLDS, criterion)
    if away - LIKELY * sigma > within:
        return Judgement(Verdict.FAILS, criterion)
    return Judgement(Verdict.UNKNOWN, criterion)


def stated(
    figure: str,
    text: str,
    quantity: str,
    number: Number | None,
    judgement: Judgement,
    unit: str = "",
    *,
    methods: str = "",
) -> Statement:
    """Put a statement together with what was measured and how that is judged.

    Parameters
    ----------
    figure, text, quantity, unit, methods
        As for `Statement`.
    number
        Value and sigma, `None` where it was not measured.
    judgement
        Of the number.
    """
    value, sigma = number or (None, None)
    return Statement(
        figure, text, quantity, value, sigma, unit, judgement.verdict, judgement.why, methods
    )


def difference(second: Number | None, first: Number | None) -> Number | None:
    """Subtract two independent numbers, `None` where one is.

    Examples
    --------
    >>> difference((5.0, 3.0), (1.0, 4.0))
    (4.0, 5.0)
    """
    if first is None or second is None:
        return None
    return second[0] - first[0], (first[1] ** 2 + second[1] ** 2) ** 0.5


def ratio(second: Number | None, first: Number | None) -> Number | None:
    """Divide two independent numbers, `None` where one is or the divisor is 0.

    Examples
    --------
    >>> ratio((40.0, 4.0), (10.0, 0.0))
    (4.0, 0.4)
    """
    if first is None or second is None or not first[0]:
        return None
    value = second[0] / first[0]
    return value, ((second[1] / first[0]) ** 2 + (value * first[1] / first[0]) ** 2) ** 0.5


def table_of(statements: Sequence[Statement]) -> Table:
    """Give statements as a table for the screen.

    Parameters
    ----------
    statements
        The statements.
    """
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("fig.", "the paper says", "measured", "", "verdict"):
        table.add_column(heading, overflow="fold")
    for each in statements:
        style = _STYLES[each.verdict]
        row = (each.figure, each.text, each.quantity, each.measured)
        table.add_row(*row, f"[{style}]{each.verdict}[/{style}]")
    return table


def counted(statements: Sequence[Statement]) -> str:
    """Say how many statements hold.

    Examples
    --------
    >>> counted([])
    'of 0 statements: 0 hold, 0 do not hold, 0 cannot be told, 0 were not measured'
    """
    count = dict.fromkeys(Verdict, 0)
    for each in statements:
        count[each.verdict] += 1
    hold, fail, unknown, missing = count.values()
    return (
        f"of {len(statements)} statements: {hold} hold, {fail} do not hold, {unknown} cannot be "
        f"told, {missing} were not measured"
    )


def disagreements(statements: Sequence[Statement]) -> list[str]:
    """Say where the paper's own methods disagree, as far as that was found.

    Parameters
    ----------
    statements
        All statements.
    """
    return [
        f"{each.methods}: {each.quantity} {each.measured}"
        for each in statements
        if each.methods and each.verdict is Verdict.HOLDS
    ]


def write_statements(folder: Path, statements: Sequence[Statement]) -> None:
    """Write statements as `statements.csv` and `statements.json`.

    Parameters
    ----------
    folder
        Where to.
    statements
        The statements.
    """
    rows = [{**asdict(each), "verdict": str(each.verdict)} for each in statements]
    names = list(Statement.__dataclass_fields__)
    with (folder / "statements.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, names)
        table.writeheader()
        table.writerows(rows)
    text = json.dumps(rows, ensure_ascii=False, indent=1, allow_nan=False)
    (folder / "statements.json").write_text(f"{text}\n", encoding="utf-8")


_MISSING = Judgement(Verdict.MISSING, "")
_STYLES = {
    Verdict.HOLDS: "green",
    Verdict.FAILS: "red",
    Verdict.UNKNOWN: "yellow",
    Verdict.MISSING: "dim",
}
