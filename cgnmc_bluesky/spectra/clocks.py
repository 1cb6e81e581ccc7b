"""Times as instruments write them."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

SECONDS = {"ms": 1e-3, "s": 1.0, "sec": 1.0, "min": 60.0, "h": 3600.0, "hr": 3600.0, "hour": 3600.0}
"""Seconds in a unit of time, by its name in small letters without the plural's s."""

DAY_S = 86400.0
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ELAPSED = re.compile(r"(?:(\d+)\.)?(\d+):(\d\d)(?::(\d\d(?:[.,]\d+)?))?\s*([ap]m)?", re.IGNORECASE)
_CLOCK = r"(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*([ap]m)?"
_DATED = tuple(
    re.compile(date + r"[\sT_,]+" + _CLOCK + r"\s*(Z|UTC)?", re.IGNORECASE)
    for date in (
        r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})",
        r"(?P<first>\d{1,2})/(?P<second>\d{1,2})/(?P<y>\d{4}|\d\d)",
        r"(?P<d>\d{1,2})[.](?P<m>\d{1,2})[.](?P<y>\d{4}|\d\d)",
        r"(?P<name>[A-Z][a-z]{2})[a-z]*\.? (?P<d>\d{1,2}),? +(?P<y>\d{4})",
        r"(?P<d>\d{1,2})[- ](?P<name>[A-Z][a-z]{2})[a-z]*[- ](?P<y>\d{4})",
    )
)


def is_dated(text: str) -> bool:
    """Tell whether a text is a date with a time of day.

    Examples
    --------
    >>> is_dated("02/25/2020_11:14:10.827"), is_dated("11:14:10"), is_dated("32.00")
    (True, False, False)
    """
    return any(pattern.fullmatch(text.strip()) for pattern in _DATED)


def is_date(text: str) -> bool:
    """Tell whether a text is a date alone."""
    return is_dated(f"{text} 0:00")


def is_clock(text: str) -> bool:
    """Tell whether a text is a time of day, or one that has passed, in hours and minutes."""
    return _ELAPSED.fullmatch(text.strip()) is not None


def epoch_s(texts: Iterable[str]) -> NDArray[np.float64]:
    """Read dates with times of day; where no zone is named, UTC.

    Of `5/6/2020` the month comes first, unless a day behind 12 or the shorter span of all times
    says otherwise.

    Returns
    -------
    NDArray
        Seconds since the epoch, shape `(n,)`, NaN where there is no date.

    Examples
    --------
    >>> epoch_s(["1970-01-02 00:00:01.5", "02.01.1970 01:00:00", "Jan 02, 1970  01:00:00 PM"])
    array([ 86401.5,  90000. , 133200. ])
    """
    given = list(texts)
    month_first = _all(given, _dated, True)
    if not any("/" in text for text in given[:1]):
        return month_first
    day_first = _all(given, _dated, False)
    n_read = [int(np.isfinite(found).sum()) for found in (month_first, day_first)]
    if n_read[0] == n_read[1] > 0 and np.ptp(_finite(day_first)) < np.ptp(_finite(month_first)):
        return day_first
    return day_first if n_read[1] > n_read[0] else month_first


def epoch_in(line: str) -> float | None:
    """Find a date with a time of day in a line, whatever stands around and between them.

    Examples
    --------
    >>> epoch_in('"Date","01/02/1970","Time","01:00:00 AM"')
    90000.0
    """
    words = re.sub(r"[\"'=;,:\t]+(?=\D|$)|[\"'=;,\t]|time", " ", line, flags=re.IGNORECASE)
    for pattern in _DATED:
        if found := pattern.search(" ".join(words.split())):
            return float(epoch_s([found[0]])[0])
    return None


def elapsed_s(texts: Iterable[str]) -> NDArray[np.float64]:
    """Read times of day, or times that have passed, past as many midnights as there were.

    Returns
    -------
    NDArray
        Seconds, shape `(n,)`, NaN where there is no time.

    Examples
    --------
    >>> elapsed_s(["23:59:59", "00:00:01"]), elapsed_s(["1.00:00:02"])
    (array([86399., 86401.]), array([86402.]))
    """
    found = _all(list(texts), _elapsed, True)
    steps = np.diff(_finite(found), prepend=_finite(found)[:1])
    found[np.isfinite(found)] += DAY_S * np.cumsum(steps < -DAY_S / 2)
    return found


def _all(
    texts: Sequence[str], read: Callable[[str, bool], float], month_first: bool
) -> NDArray[np.float64]:
    return np.array([read(text.strip(), month_first) for text in texts], dtype=np.float64)


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[np.isfinite(values)]


def _dated(text: str, month_first: bool) -> float:
    found = next((match for one in _DATED if (match := one.fullmatch(text))), None)
    if found is None:
        return np.nan
    parts = found.groupdict()
    day, month = parts.get("d"), parts.get("m")
    if "name" in parts:
        month = str(_MONTHS.index(name) + 1) if (name := parts["name"].lower()) in _MONTHS else "0"
    elif "first" in parts:
        month, day = (parts[name] for name in (("first", "second")[:: 1 if month_first else -1]))
    hour, minute, second, fraction, half = found.groups()[-6:-1]
    year = int(parts["y"]) + (2000 if len(parts["y"]) == 2 else 0)
    try:
        moment = datetime(year, int(month or 0), int(day or 0), tzinfo=UTC)
    except ValueError:
        return np.nan
    passed = timedelta(hours=_hour(int(hour), half), minutes=int(minute), seconds=int(second or 0))
    return (moment + passed).timestamp() + float(f"0.{fraction or 0}")


def _elapsed(text: str, _month_first: bool) -> float:
    found = _ELAPSED.fullmatch(text)
    if found is None:
        return np.nan
    days, hour, minute, second, half = found.groups()
    hours = 24 * int(days or 0) + _hour(int(hour), half)
    return 3600.0 * hours + 60.0 * int(minute) + float((second or "0").replace(",", "."))


def _hour(hour: int, half: str | None) -> int:
    return hour if half is None else hour % 12 + 12 * (half.lower() == "pm")
