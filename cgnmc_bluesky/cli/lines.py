"""Results as lines of JSON."""

import json
import math
import sys
from collections.abc import Mapping
from threading import Lock
from typing import Any

from cgnmc_bluesky.results import Result, ResultCollector


def write_line(result: Result) -> None:
    """Write one result to standard output."""
    write_object(result.as_dict())


def write_object(content: Mapping[str, Any]) -> None:
    """Write one object to standard output, as a line of JSON."""
    text = json.dumps(_without_nan(content), ensure_ascii=False, allow_nan=False)
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class JsonLines:
    """A sink for result documents that writes a line when a result's run has ended."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._collector = ResultCollector(when_closed=write_line)

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Take in one result document."""
        with self._lock:
            self._collector(name, doc)
            self._collector.results.clear()


def _without_nan(value: Any) -> Any:
    """JSON knows no NaN: what is none is `null`."""
    if isinstance(value, Mapping):
        return {key: _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
