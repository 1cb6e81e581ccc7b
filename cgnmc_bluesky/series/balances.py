"""The charge balance of a material's surface, from the yields that see it."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.analysis.series.balance import METALS, charge_balance
from cgnmc_bluesky.beamline import Beamline, Surface
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.series.result import SeriesResult
from cgnmc_bluesky.series.trends import trends
from cgnmc_bluesky.series.words import number

ANALYSIS = "charge_balance"
UNITS: Mapping[str, str] = {
    "electrons_gained_mn": "",
    "electrons_released_ni": "",
    "balance": "",
    "electrons_to_metals": "",
    "limit_gained_mn": "",
    "limit_released_ni": "",
    "last_cycle": "",
}
_WHOLE = {"Mn": (-2.0, 0.0), "Ni": (-1.0, 0.0), "Co": None}
"""Mn4+ to Mn2+ and Ni3+ to Ni2+ altogether: the paper's limiting cases."""
_ASSUMED = "surface as in the paper, for want of a [[material]]"


PAPER_SURFACES: Mapping[str, Surface] = MappingProxyType(
    {
        "conventional": Surface(ni=0.6, mn=0.2, co=0.2),
        "gradient": Surface(ni=0.4, mn=0.4, co=0.2),
    }
)
"""NMC622, and the manganese-rich surface of its concentration gradient."""


def charge_balances(
    results: Iterable[Result],
    *,
    beamline: Beamline | None = None,
    mode: str = "tey",
) -> list[SeriesResult]:
    """Balance the electrons at the surface of each material, from pristine to most cycled.

    Parameters
    ----------
    results
        Of all runs, as `replay` gives them: the mean valences of Ni, Mn and Co count.
    beamline
        The configuration, which may say what the surface of a material consists of; without it,
        and for materials that it does not name, `PAPER_SURFACES`.
    mode
        The yield that sees the surface.

    Returns
    -------
    list of SeriesResult
        One for each material of which the valence of Ni or Mn was measured in that mode.
    """
    chosen = [result for result in results if result.mode == mode]
    found = trends(chosen, quantities=("mean_valence",))
    by_sample: dict[tuple[Any, ...], dict[str, SeriesResult]] = {}
    for trend in found:
        metal = trend.analysis.partition("_")[0].capitalize()
        if metal in METALS:
            by_sample.setdefault(tuple(trend.conditions.items()), {})[metal] = trend
    told = {each.name: each.surface for each in beamline.material} if beamline else {}
    return [_balance(dict(shared), of, told, mode) for shared, of in by_sample.items()]


def _balance(
    shared: Mapping[str, Any],
    of_metal: Mapping[str, SeriesResult],
    told: Mapping[str, Surface],
    mode: str,
) -> SeriesResult:
    material = shared.get("material")
    surface = {**PAPER_SURFACES, **told}.get(material or "")
    why_not = _why_not(material, surface, of_metal)
    parts: dict[str, tuple[float | None, float | None]] = {}
    if surface is not None:
        parts = _limits(surface) | ({} if why_not else _electrons(surface, of_metal))
    values = {name: value for name, (value, _) in parts.items()}
    sigmas = {name: sigma for name, (_, sigma) in parts.items()}
    assumed = "" if material in told else _ASSUMED
    return SeriesResult(
        analysis=ANALYSIS,
        mode=mode,
        conditions=shared,
        status=Status.WAITING if why_not else Status.FINAL,
        reason=why_not or _said(values, sigmas, of_metal, assumed),
        units=UNITS,
        values=values,
        sigmas=sigmas,
        points=[point for trend in of_metal.values() for point in trend.points],
        left_out=[each for trend in of_metal.values() for each in trend.left_out],
    )


def _limits(surface: Surface) -> dict[str, tuple[float | None, float | None]]:
    whole = charge_balance(_shares(surface), _WHOLE)
    return {
        "limit_gained_mn": (whole.gained_mn[0], None),
        "limit_released_ni": (whole.released_ni[0], None),
    }


def _electrons(
    surface: Surface, of_metal: Mapping[str, SeriesResult]
) -> dict[str, tuple[float | None, float | None]]:
    changes = {metal: _change(of_metal.get(metal)) for metal in METALS}
    balance = charge_balance(_shares(surface), changes)
    return {
        "electrons_gained_mn": balance.gained_mn,
        "electrons_released_ni": balance.released_ni,
        "balance": balance.balance,
        "electrons_to_metals": balance.reduced or (None, None),
        "last_cycle": (_last_cycle(of_metal.values()), None),
    }


def _shares(surface: Surface) -> dict[str, float]:
    return dict(zip(METALS, (surface.ni, surface.mn, surface.co), strict=True))


def _change(trend: SeriesResult | None) -> tuple[float, float] | None:
    found = trend.trend if trend else None
    return (found.change, found.change_sigma) if found else None


def _why_not(
    material: str | None, surface: Surface | None, of_metal: Mapping[str, SeriesResult]
) -> str:
    if surface is None:
        return (
            f"what the surface of {material!r} consists of is not known; give a [[material]] of "
            "that name with surface = { ni = …, mn = …, co = … }"
        )
    for metal in ("Ni", "Mn"):
        if metal not in of_metal:
            return f"no mean valence of {metal}; measure its L3 edge"
        trend = of_metal[metal]
        if trend.trend is None:
            return f"{metal}: {trend.reason}"
        if trend.points[0].x != 0:
            return f"{metal}: no pristine sample (cycles = 0) to begin with"
    last = {metal: trend.points[-1].x for metal, trend in of_metal.items() if trend.trend}
    if last["Ni"] != last["Mn"]:
        return (
            f"Ni was measured up to {last['Ni']:g} cycles and Mn up to {last['Mn']:g}; "
            "measure both on one sample"
        )
    return ""


def _last_cycle(trends_of_metals: Iterable[SeriesResult]) -> float:
    return max(trend.points[-1].x for trend in trends_of_metals if trend.points)


def _said(
    values: Mapping[str, float | None],
    sigmas: Mapping[str, float | None],
    of_metal: Mapping[str, SeriesResult],
    assumed: str,
) -> str:
    def of(name: str) -> str:
        value = values[name]
        return "–" if value is None else number(value, sigmas[name], "")

    said = [
        f"Mn takes {of('electrons_gained_mn')} electrons by formula unit, "
        f"Ni {of('electrons_released_ni')}, of {values['limit_gained_mn']:g} and "
        f"{values['limit_released_ni']:g} at most"
    ]
    if assumed:
        said.append(assumed)
    without = [metal for metal in METALS if _change(of_metal.get(metal)) is None]
    said += [f"no change of the valence of {metal}" for metal in without]
    said += [f"left out {each}" for trend in of_metal.values() for each in trend.left_out]
    return "; ".join(said)
