"""What results of soft X-ray scans and of cycled cells come down to, in a line or two each."""

from collections.abc import Iterable

from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.board import gives, number
from cgnmc_bluesky.views.text import amount, decimals, ion, label, valence_of, with_sigma, written

SURFACE_BULK = "surface_bulk"
BEAM_DAMAGE = "beam_damage"
CYCLING = "cycling"
STATE_OF_CHARGE = "state_of_charge"
YIELDS = {"tey": "TEY", "pfy": "PFY"}
"""Modes of a soft X-ray scan: total electron and partial fluorescence yield."""

_NOTABLE = 3.0
"""Sigmas from which on it is said how many they are."""
_UNCORRECTED = "_uncorrected"
_DIFFERENCE = "_difference"
_FIRST, _LAST = "_fraction_first", "_fraction_last"
_CAPACITIES = ("discharge_capacity_mah_per_g", "discharge_capacity_mah")
_RETENTION = "capacity_retention"


def fraction_lines(result: Result) -> list[str]:
    """Write the fraction that a combination of references is called after, and the mean valence.

    Where over-absorption was corrected for, the fraction without that stands behind.
    """
    names = [name for name in (result.analysis, "mean_valence") if gives(result, name)]
    lines = [written(result, name) for name in names]
    plain = result.analysis + _UNCORRECTED
    if lines and gives(result, plain):
        digits = decimals(number(result.sigmas, plain)) if number(result.sigmas, plain) > 0 else 3
        lines[0] += f" (uncorrected {number(result.values, plain):.{digits}f})"
    return lines


def surface_lines(result: Result) -> list[str]:
    """Write by how much the surface differs from the bulk: the lowest valence, and the mean."""
    names = [name for name in result.values if gives(result, name)]
    lowest = [name for name in names if valence_of(name.removesuffix(_DIFFERENCE))][:1]
    mean = [name for name in names if name == f"mean_valence{_DIFFERENCE}"]
    return [_signed(result, name) for name in (*lowest, *mean)]


def damage_lines(result: Result) -> list[str]:
    """Write where a fraction began and ended while the beam was on, and what that is per dose."""
    if not gives(result, "fraction_drift"):
        return []
    sweeps = (
        f" over {number(result.values, 'sweeps'):.0f} sweeps" if gives(result, "sweeps") else ""
    )
    drift, sigma = number(result.values, "fraction_drift"), number(result.sigmas, "fraction_drift")
    said = f"{_sign(result, 'fraction_drift')}{amount(result, 'fraction_drift')}"
    sigmas = f" ({abs(drift) / sigma:.0f} σ)" if abs(drift) > _NOTABLE * sigma > 0 else ""
    lines = [f"{drifting(result)} drifts by {said}{sigmas}{sweeps}"]
    if gives(result, "dose"):
        lines.append(f"dose {amount(result, 'dose')}")
    return lines


def drifting(result: Result) -> str:
    """Name the ion whose fraction is followed from sweep to sweep."""
    for name in result.values:
        valence = valence_of(name.replace(_FIRST, "_fraction"))
        if name.endswith(_FIRST) and valence:
            return ion(*valence)
    return "fraction"


def cycling_lines(result: Result) -> list[str]:
    """Write how many cycles there were, what is left of the capacity, and where dQ/dV peaks."""
    lines = []
    if gives(result, "cycles"):
        count = int(number(result.values, "cycles"))
        parts = [f"{count} cycle" + ("" if count == 1 else "s")]
        passed = next((name for name in _CAPACITIES if gives(result, name)), None)
        if passed is not None:
            unit = result.units[passed]
            parts.append(f"discharge {number(result.values, passed):.4g} {unit} in the last")
        if gives(result, _RETENTION):
            parts.append(f"{100 * number(result.values, _RETENTION):.1f} % of the first's")
        lines.append(", ".join(parts))
    if gives(result, "dqdv_peak_v"):
        shift = "dqdv_peak_shift_v"
        moved = f", shifted by {_sign(result, shift)}{amount(result, shift)}"
        at = f"dQ/dV peak at {amount(result, 'dqdv_peak_v')}"
        lines.append(at + (moved if gives(result, shift) else ""))
    return lines


def charge_lines(result: Result) -> list[str]:
    """Write in which state of charge the cell was during a scan."""
    formats = {"x_li": "x(Li) {:.3f}", "voltage_v": "{:.3f} V", "cycle": "cycle {:.0f}"}
    parts = [
        text.format(number(result.values, name))
        for name, text in formats.items()
        if gives(result, name)
    ]
    return [", ".join(parts)] if parts else []


def charge_of(results: Iterable[Result]) -> str:
    """Write the state of charge that a scan was made in, for a heading; nothing if not known."""
    found = (charge_lines(each) for each in results if each.analysis == STATE_OF_CHARGE)
    return next((lines[0] for lines in found if lines), "")


def _sign(result: Result, name: str) -> str:
    return "+" if number(result.values, name) > 0 else ""


def _signed(result: Result, name: str) -> str:
    value, sigma = number(result.values, name), result.sigmas.get(name)
    return f"{label(name.removesuffix(_DIFFERENCE))} {'+' if value > 0 else ''}" + with_sigma(
        value, sigma
    )
