"""What is wrong with a configuration, in one line that names the thing and the remedy."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError


class ConfigurationError(ValueError):
    """A configuration that cannot be used.

    Parameters
    ----------
    *problems
        What is wrong, one line each; the text is the first, and how many more there are.
    """

    def __str__(self) -> str:
        first, *others = (str(problem) for problem in self.args)
        more = f" (and {len(others)} more: cgnmc check lists them)" if others else ""
        return " ".join(f"{first}{more}".split())


class ConfigurationMissing(ConfigurationError):
    """No configuration where one is needed."""


def nearest(name: str, valid: Collection[str], *, count: int = 1) -> list[str]:
    """Return the valid spellings nearest to a name, the best first, whatever their case.

    Examples
    --------
    >>> nearest("itrnas", ["i0", "itrans", "irefer"])
    ['itrans']
    """
    by_lower = {spelling.lower(): spelling for spelling in valid}
    return [by_lower[match] for match in get_close_matches(name.lower(), by_lower, count, 0.5)]


def suggestion(name: str, valid: Collection[str]) -> str:
    """Return what may have been meant: the nearest spelling, or all there are."""
    close = nearest(name, valid)
    return f"did you mean '{close[0]}'?" if close else f"there are {', '.join(valid)}"


def problems_of(error: ValidationError, settings: Mapping[str, Any]) -> list[str]:
    """Return one line for each thing that pydantic found wrong, by section and key.

    Parameters
    ----------
    error
        What pydantic found.
    settings
        The settings it looked at.
    """
    lines: dict[tuple[int | str, ...], str] = {}
    for detail in error.errors(include_url=False):
        location = _location(detail, settings)
        lines.setdefault(location, f"{_where(location, settings)}{_what(detail)}")
    return list(lines.values())


def _location(detail: Any, settings: Any) -> tuple[int | str, ...]:
    """Return the steps that are places in the file; pydantic's include the members of a union."""
    place: list[int | str] = []
    for step in detail["loc"]:
        if _holds(settings, step):
            settings = settings[step]
            place.append(step)
    if detail["type"] == "missing":
        place.append(detail["loc"][-1])
    return tuple(place)


def _holds(settings: Any, step: int | str) -> bool:
    if isinstance(settings, list | tuple):
        return isinstance(step, int) and step < len(settings)
    return isinstance(settings, Mapping) and step in settings


def _where(location: tuple[int | str, ...], settings: Mapping[str, Any]) -> str:
    """Return the section as it stands in the file, and the key in it."""
    if not location:
        return ""
    section, *keys = location
    value = settings.get(str(section))
    if isinstance(value, list | tuple) and keys and isinstance(keys[0], int):
        block = value[keys[0]]
        name = block.get("name", "") if isinstance(block, Mapping) else ""
        header = f"[[{section}]] " + (f"'{name}' " if name else f"number {keys[0] + 1} ")
        keys = keys[1:]
    elif section == "analysis" and keys:
        header, keys = f"[analysis.{keys[0]}] ", keys[1:]
    else:
        header = f"[{section}] "
    return header + (".".join(str(key) for key in keys) + " " if keys else "")


def _what(detail: Any) -> str:
    """Return what was found there and what was expected."""
    if detail["type"] == "missing":
        return "is missing"
    if detail["type"] == "value_error":
        return str(detail["msg"]).removeprefix("Value error, ")
    expected = str(detail["msg"]).replace("Input should be", "expected").replace("a valid ", "a ")
    expected = expected.replace("a tuple", "a list")
    if detail["type"] in {"model_type", "dict_type"}:
        return f"= {_shortened(detail['input'])}: expected a table of keys"
    return f"= {_shortened(detail['input'])}: {expected[0].lower()}{expected[1:]}"


def _shortened(value: object, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}…"
