"""Results of a series as runs would have given them, from numbers that are known."""

from collections.abc import Iterator

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.results import Result

MATERIALS = ("conventional", "gradient")
CYCLES = (0, 1, 50, 100)
NI2 = {
    ("conventional", "tey"): (0.42, 0.45, 0.53, 0.62),
    ("gradient", "tey"): (0.42, 0.41, 0.38, 0.35),
    ("conventional", "pfy"): (0.33, 0.33, 0.33, 0.33),
    ("gradient", "pfy"): (0.33, 0.33, 0.33, 0.33),
}
MN2 = {"tey": (0.05, 0.10, 0.20, 0.35), "pfy": (0.0, 0.0, 0.0, 0.0)}


def result(
    analysis: str, values: dict, sigma: float = 0.01, *, uid: str = "", **settings
) -> Result:
    """One final result; each value has the same sigma."""
    given = {"run_uid": uid or f"{analysis}-{settings}", "scan_id": 1, "plan_name": "sxas_scan"}
    told = {"sample": None, "mode": "tey", "status": Status.FINAL, "reason": ""} | settings
    sigmas = {name: None if value is None else sigma for name, value in values.items()}
    units = dict.fromkeys(values, "")
    return Result(analysis=analysis, values=values, sigmas=sigmas, units=units, **given, **told)


def fractions(sigma: float = 0.005) -> Iterator[Result]:
    """Ni and Mn over the cycles of the paper, both materials and yields, with no noise."""
    for (material, mode), ni2 in NI2.items():
        for place, cycles in enumerate(CYCLES):
            conditions = {"material": material, "cycles": cycles}
            told = {"mode": mode, "conditions": conditions, "sample": f"{material}, {cycles}"}
            mn2 = MN2[mode][place]
            values = {"ni2_fraction": ni2[place], "mean_valence": 3 - ni2[place]}
            yield result("ni2_fraction", values, sigma, uid=f"ni-{material}-{cycles}", **told)
            values = {"mn2_fraction": mn2, "mean_valence": 4 - 2 * mn2}
            yield result("mn2_fraction", values, sigma, uid=f"mn-{material}-{cycles}", **told)
