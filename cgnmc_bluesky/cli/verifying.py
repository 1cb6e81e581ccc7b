"""Whether a replay gives what the scan gave."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.results import Result

SHARE_OF_SIGMA = 1e-3
"""How much of a sigma results made with other versions may differ by."""


def differences(replayed: Iterable[Result], stored: Iterable[Result]) -> list[str]:
    """Compare replayed results with those stored, bit for bit.

    Where these were made with other versions, the numbers may differ by a thousandth of their
    sigma.

    Parameters
    ----------
    replayed
        Results of one run.
    stored
        Stored results of the same run; of several of one analysis the last counts.

    Returns
    -------
    list[str]
        What differs, in words; empty where nothing does.
    """
    new = {_name(result): result for result in replayed}
    old = {_name(result): result for result in stored}
    found = [f"{name}: no stored result" for name in new if name not in old]
    found += [f"{name}: stored, but not replayed" for name in old if name not in new]
    for name in sorted(new.keys() & old.keys()):
        found += [f"{name}: {text}" for text in _between(new[name], old[name])]
    return found


def _name(result: Result) -> str:
    particle = "" if result.particle is None else f"particle {result.particle}"
    return " ".join(part for part in (result.analysis, result.mode, particle) if part)


def _between(new: Result, old: Result) -> Iterator[str]:
    rests_on, rested_on = new.about["analysis"], old.about["analysis"]
    for about in ("parameters", "references"):
        if rests_on.get(about) != rested_on.get(about):
            yield f"it rests on other {about} than the stored one"
    for name in dict.fromkeys((*new.conditions, *old.conditions)):
        if new.conditions.get(name) != old.conditions.get(name):
            yield f"{name} {new.conditions.get(name)!r}, was {old.conditions.get(name)!r}"
    if new.status != old.status or new.reason != old.reason:
        yield f"status {new.status} ({new.reason}), was {old.status} ({old.reason})"
    is_exact = not versions_between(new, old)
    for name in dict.fromkeys((*new.values, *old.values)):
        sigma = new.sigmas.get(name) or 0.0
        tolerance = 0.0 if is_exact else SHARE_OF_SIGMA * sigma
        for kind, numbers, before in (
            ("", new.values, old.values),
            ("sigma of ", new.sigmas, old.sigmas),
        ):
            if not _agree(numbers.get(name), before.get(name), tolerance):
                yield f"{kind}{name} {numbers.get(name)!r}, was {before.get(name)!r}"
    if is_exact:
        yield from _between_curves(new, old)


def versions_between(new: Result, old: Result) -> list[str]:
    """Say which versions differ: of the analysis, and of the libraries that it computes with.

    Returns
    -------
    list[str]
        For each that differs what it is now and what it was; empty where none does.
    """
    now, then = new.about["analysis"], old.about["analysis"]
    analysis = (now.get("version"), then.get("version"))
    pairs = {f"{new.analysis}": analysis} if analysis[0] != analysis[1] else {}
    libraries, before = now.get("libraries") or {}, then.get("libraries") or {}
    pairs |= {
        name: (libraries.get(name), before.get(name))
        for name in {*libraries, *before}
        if libraries.get(name) != before.get(name)
    }
    return [
        f"{name} {one or 'unknown'}, was {other or 'unknown'}"
        for name, (one, other) in sorted(pairs.items())
    ]


def _agree(value: float | None, before: float | None, tolerance: float) -> bool:
    if value is None or before is None:
        return value is before
    return abs(value - before) <= tolerance


def _between_curves(new: Result, old: Result) -> Iterator[str]:
    curves, others = _by_name(new), _by_name(old)
    for name in dict.fromkeys((*curves, *others)):
        curve, before = curves.get(name), others.get(name)
        if curve is None or before is None or curve.shape != before.shape:
            yield f"curve {name} is there once only, or of another length"
        elif not np.array_equal(curve, before, equal_nan=True):
            yield f"curve {name} differs by up to {np.nanmax(np.abs(curve - before)):g}"


def _by_name(result: Result) -> dict[str, NDArray[Any]]:
    return {
        f"{group} {name}": curve
        for group, arrays in result.curves.items()
        for name, curve in arrays.items()
    }
