"""The charge balance of a material's surface, from the yields that see it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.analysis.series.balance import METALS, charge_balance
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


@dataclass(frozen=True)
class Surface:
    """What the surface of a material consists of.

    Parameters
    ----------
    ni, mn, co
        Shares among the metals.
    source
        Where that is from.
    """

    ni: float
    mn: float
    co: float
    source: str = ""

    def shares(self) -> dict[str, float]:
        """Return the share of each metal by its symbol."""
        return dict(zip(METALS, (self.ni, self.mn, self.co), strict=True))


PAPER_SURFACES: Mapping[str, Surface] = MappingProxyType(
    {
        "conventional": Surface(0.6, 0.2, 0.2, "the paper"),
        "gradient": Surface(0.4, 0.4, 0.2, "the paper"),
    }
)
"""NMC622, and the manganese-rich surface of its concentration gradient."""


def charge_balances(
    results: Iterable[Result],
    *,
    surfaces: Mapping[str, Surface] = PAPER_SURFACES,
    mode: str = "tey",
) -> list[SeriesResult]:
    """Balance the electrons at the surface of each material, from pristine to most cycled.

    Parameters
    ----------
    results
        Of all runs, as `replay` gives them: the mean valences of Ni, Mn and Co count.
    surfaces
        What the surface of each material consists of, by the material's name.
    mode
        The yield that sees the surface.

    Returns
    -------
    list of SeriesResult
        One for each material of which the valence of Ni or Mn was measured in that mode.
    """
    chosen = [result for result in results if result.mode == mode]
    found = trends(chosen, quantities=("mean_valence",))
    by_material: dict[str | None, dict[str, SeriesResult]] = {}
    for trend in found:
        metal = trend.analysis.partition("_")[0].capitalize()
        if metal in METALS:
            by_material.setdefault(trend.material, {})[metal] = trend
    return [
        _balance(material, of_metal, surfaces, mode) for material, of_metal in by_material.items()
    ]


def _balance(
    material: str | None,
    of_metal: Mapping[str, SeriesResult],
    surfaces: Mapping[str, Surface],
    mode: str,
) -> SeriesResult:
    surface = surfaces.get(material or "")
    changes = {metal: _change(of_metal.get(metal)) for metal in METALS}
    why_not = _why_not(material, surface, of_metal)
    values: dict[str, float | None] = {}
    sigmas: dict[str, float | None] = {}
    if surface is not None:
        whole = charge_balance(surface.shares(), _WHOLE)
        values = {
            "limit_gained_mn": whole.gained_mn[0],
            "limit_released_ni": whole.released_ni[0],
        }
    if surface is not None and not why_not:
        balance = charge_balance(surface.shares(), changes)
        parts = {
            "electrons_gained_mn": balance.gained_mn,
            "electrons_released_ni": balance.released_ni,
            "balance": balance.balance,
            "electrons_to_metals": balance.reduced or (None, None),
        }
        values |= {name: value for name, (value, _) in parts.items()}
        sigmas = {name: sigma for name, (_, sigma) in parts.items()}
        values["last_cycle"] = _last_cycle(of_metal.values())
    return SeriesResult(
        analysis=ANALYSIS,
        mode=mode,
        conditions={} if material is None else {"material": material},
        status=Status.WAITING if why_not else Status.FINAL,
        reason=why_not or _said(values, sigmas, surface, of_metal),
        units=UNITS,
        values=values,
        sigmas=sigmas,
        points=[point for trend in of_metal.values() for point in trend.points],
        left_out=[each for trend in of_metal.values() for each in trend.left_out],
    )


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
    surface: Surface | None,
    of_metal: Mapping[str, SeriesResult],
) -> str:
    def of(name: str) -> str:
        value = values[name]
        return "–" if value is None else number(value, sigmas[name], "")

    said = [
        f"Mn takes {of('electrons_gained_mn')} electrons by formula unit, "
        f"Ni {of('electrons_released_ni')}, of {values['limit_gained_mn']:g} and "
        f"{values['limit_released_ni']:g} at most"
    ]
    if surface is not None and surface.source:
        said.append(f"surface as in {surface.source}")
    without = [metal for metal in METALS if _change(of_metal.get(metal)) is None]
    said += [f"no change of the valence of {metal}" for metal in without]
    said += [f"left out {each}" for trend in of_metal.values() for each in trend.left_out]
    return "; ".join(said)
