"""What can still be had of JSON that is cut off."""

import json
import re
from typing import Any

CUT = "<cut off>"
"""Key of every object in which the cut lies."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|["\[\]{}]')
_CLOSING = {"[": "]", "{": f", {json.dumps(CUT)}: true}}"}


def before_cut(text: str) -> Any:
    """Read one JSON value as far as it goes.

    Parameters
    ----------
    text
        A list or an object whose end is missing.

    Returns
    -------
    Any
        The value up to the last list or object that is whole; the objects that are not hold the key
        `CUT`. None where the text is something else.

    Examples
    --------
    >>> before_cut('[{"a": [1, 2]}, {"b": {"c": 3}, "d": "so')
    [{'a': [1, 2]}, {'b': {'c': 3}, '<cut off>': True}]
    """
    opened: list[str] = []
    end, closing = 0, ""
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark == '"':
            break
        if mark in "[{":
            opened.append(mark)
        elif mark in "]}":
            if len(opened) < 2:
                return None
            opened.pop()
            end, closing = token.end(), "".join(_CLOSING[mark] for mark in reversed(opened))
    try:
        return json.loads(text[:end] + closing)
    except ValueError:
        return None
