"""From detector readings to absorption, leaving out what is no measurement."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.analysis.xanes.curves import median

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

BEAM_LOST_SHARE = 0.1
"""I0 below this share of its median is no beam."""

_SATURATED_RUN = 3
_STUCK_RUN = 6


class Unusable(ValueError):
    """The readings hold no spectrum; the message says why."""


@dataclass(frozen=True)
class Spectrum:
    """Absorption over energy, only what was measured.

    Parameters
    ----------
    energy_ev
        Energies as recorded, ascending, shape `(n,)`, in eV.
    mu
        Absorption there (the logarithm of a ratio, or a ratio of yields), shape `(n,)`.
    notes
        What was left out, in words, by data key.
    row
        Which of the rows each point is, shape `(n,)`.
    """

    energy_ev: Floats
    mu: Floats
    notes: tuple[str, ...] = ()
    row: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))


def transmitted(rows: Block, keys: Mapping[str, str]) -> Spectrum:
    """Absorption of the sample: the recorded one, or the logarithm of I0 over It.

    Parameters
    ----------
    rows
        Rows with the roles `energy_ev` and `mutrans`, or `i0` and `itrans` (and their darks).
    keys
        Data key of each role, for the notes.

    Raises
    ------
    Unusable
        If no row can be used.
    """
    if "mutrans" in rows.values:
        return _spectrum(rows, keys, {"mutrans": rows.values["mutrans"]}, rows.values["mutrans"])
    return _log_ratio(rows, keys, "i0", "itrans")


def fluorescent(rows: Block, keys: Mapping[str, str]) -> Spectrum:
    """Absorption of the sample by its fluorescence: If over I0.

    Raises
    ------
    Unusable
        If no row can be used.
    """
    if "mufluor" in rows.values:
        return _spectrum(rows, keys, {"mufluor": rows.values["mufluor"]}, rows.values["mufluor"])
    yielded, i0 = _net(rows, "ifluor"), _net(rows, "i0")
    with np.errstate(divide="ignore", invalid="ignore"):
        mu = yielded / i0
    return _spectrum(rows, keys, {"i0": i0, "ifluor": yielded}, mu, positive=("i0",))


def electron_yield(rows: Block, keys: Mapping[str, str]) -> Spectrum:
    """Absorption of the sample's surface by its total electron yield: its current over the mesh's.

    Raises
    ------
    Unusable
        If no row can be used.
    """
    return _over_mesh(rows, keys, "tey")


def fluorescence_yield(rows: Block, keys: Mapping[str, str]) -> Spectrum:
    """Partial fluorescence yield of the sample: true counts of the emission over the mesh's
    current.

    Raises
    ------
    Unusable
        If no row can be used.
    """
    factor = rows.values.get("dead_time_factor")
    if factor is None:
        return _over_mesh(rows, keys, "pfy")
    values = {**rows.values, "pfy": rows.values["pfy"] * factor}
    if "dark_pfy" in values:
        values["dark_pfy"] = values["dark_pfy"] * factor
    return _over_mesh(replace(rows, values=values), keys, "pfy")


def of_foil(rows: Block, keys: Mapping[str, str]) -> Spectrum | None:
    """Absorption of the foil behind the sample, or `None` where none was recorded.

    Raises
    ------
    Unusable
        If a foil was recorded but no row can be used.
    """
    if "murefer" in rows.values:
        return _spectrum(rows, keys, {"murefer": rows.values["murefer"]}, rows.values["murefer"])
    if "irefer" not in rows.values:
        return None
    before = "itrans" if "itrans" in rows.values else "i0"
    return _log_ratio(rows, keys, before, "irefer") if before in rows.values else None


def of_reference(rows: Block, keys: Mapping[str, str]) -> Spectrum | None:
    """Electron yield of a reference sample before the sample, or `None` where none was recorded.

    Where the mesh itself shows the edge, the two are one reading, and it is not divided by itself.

    Raises
    ------
    Unusable
        If it was recorded but no row can be used.
    """
    if "irefer" not in rows.values:
        return None
    if keys.get("irefer", "") == keys.get("i0"):
        upright, _ = _upright(_net(rows, "irefer"), keys, "irefer")
        return _spectrum(rows, keys, {"i0": upright}, upright, positive=("i0",))
    return _over_mesh(rows, keys, "irefer")


def _over_mesh(rows: Block, keys: Mapping[str, str], role: str) -> Spectrum:
    """A yield over the mesh's current, each with the sign that it should have."""
    readings, turned = {}, []
    for name in ("i0", role):
        readings[name], note = _upright(_net(rows, name), keys, name)
        turned.append(note)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = readings[role] / readings["i0"]
    spectrum = _spectrum(rows, keys, readings, ratio, positive=("i0",))
    return replace(spectrum, notes=(*spectrum.notes, *filter(None, turned)))


def _upright(readings: Floats, keys: Mapping[str, str], role: str) -> tuple[Floats, str]:
    """Readings with the sign that a yield has, and a word if that had to be turned: a current that
    drains from a sample is recorded either way.
    """
    finite = readings[np.isfinite(readings)]
    if not len(finite) or median(finite) >= 0:
        return readings, ""
    return -readings, f"{keys.get(role, role)} is negative: its sign is turned"


def _log_ratio(rows: Block, keys: Mapping[str, str], before: str, behind: str) -> Spectrum:
    incoming, outgoing = _net(rows, before), _net(rows, behind)
    with np.errstate(divide="ignore", invalid="ignore"):
        mu = np.log(incoming / outgoing)
    readings = {before: incoming, behind: outgoing}
    if "i0" in rows.values:
        readings["i0"] = _net(rows, "i0")
    return _spectrum(rows, keys, readings, mu, positive=tuple(readings))


def _net(rows: Block, role: str) -> Floats:
    """Readings less their dark current."""
    dark = rows.values.get(f"dark_{role}")
    return rows.values[role] if dark is None else rows.values[role] - dark


def _spectrum(
    rows: Block,
    keys: Mapping[str, str],
    readings: Mapping[str, Floats],
    mu: Floats,
    positive: tuple[str, ...] = (),
) -> Spectrum:
    energy_ev = rows.values["energy_ev"]
    usable = np.isfinite(energy_ev) & (energy_ev > 0)
    notes = [_note(keys.get("energy_ev", "energy"), ~usable, "without an energy")]
    for role, values in readings.items():
        key = keys.get(role, role)
        faults = _faults(values, usable, beam=role == "i0", positive=role in positive)
        for words, mask in faults.items():
            notes.append(_note(key, mask & usable, words))
            usable = usable & ~mask
    usable = usable & np.isfinite(mu)
    if not np.any(usable):
        raise Unusable("no usable row: " + "; ".join(note for note in notes if note))
    found = tuple(note for note in notes if note)
    row = np.flatnonzero(usable)
    energy_ev, mu = energy_ev[usable], mu[usable]
    if np.any(energy_ev[1:] < energy_ev[:-1]):
        order = np.argsort(energy_ev, kind="stable")
        energy_ev, mu, row = energy_ev[order], mu[order], row[order]
    return Spectrum(energy_ev, mu, found, row)


def _faults(values: Floats, among: Mask, *, beam: bool, positive: bool) -> dict[str, Mask]:
    """What is wrong with the readings of one detector, by what to call it."""
    if _is_sound(values, beam=beam, positive=positive):
        return {}
    finite = np.isfinite(values)
    faults = {"missing": ~finite}
    with np.errstate(invalid="ignore"):
        if positive:
            faults["zero or negative"] = finite & (values <= 0)
        good = among & finite & ((values > 0) | (not positive))
        if beam and np.any(good):
            faults["without beam"] = good & (values < BEAM_LOST_SHARE * median(values[good]))
            good = good & ~faults["without beam"]
    if np.any(values[1:] == values[:-1]) and np.any(good):
        repeated = _repeated(values, good)
        largest = good & (values == np.max(values[good]))
        faults["saturated"] = largest & (repeated >= _SATURATED_RUN)
        faults["stuck"] = ~largest & (repeated >= _STUCK_RUN)
    # a channel that is one value for most of the scan is a constant by intent (a recorded ratio)
    return {
        words: mask
        if words in ("missing", "zero or negative") or 2 * np.count_nonzero(mask) < len(mask)
        else mask & False
        for words, mask in faults.items()
    }


def _is_sound(values: Floats, *, beam: bool, positive: bool) -> bool:
    """Whether a look at all the readings together shows nothing wrong, as is usual."""
    lowest = float(np.min(values))
    if not (np.isfinite(lowest) and np.isfinite(np.max(values))) or (positive and lowest <= 0):
        return False
    if np.any(values[1:] == values[:-1]):
        return False
    return not beam or lowest >= BEAM_LOST_SHARE * median(values)


def _repeated(values: Floats, good: Mask) -> NDArray[np.int64]:
    """Length of the run of equal readings that each row stands in; 0 for a row that is not good."""
    changes = np.ones(len(values), dtype=bool)
    changes[1:] = (values[1:] != values[:-1]) | ~good[1:] | ~good[:-1]
    run = np.cumsum(changes) - 1
    return np.where(good, np.bincount(run)[run], 0)


def _note(key: str, left_out: Mask, words: str) -> str:
    count = int(np.count_nonzero(left_out))
    return f"{key} {words} in {count} row{'s' if count > 1 else ''}" if count else ""
