"""How near maps of simulated particles come to their truth, and whether their sigmas hold."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.figure import Figure
from benchmarks.maps import CountedMap, Raster, counted, model
from cgnmc_bluesky.analysis.estimate import Estimate
from cgnmc_bluesky.sim.particle import PARTICLES
from cgnmc_bluesky.standards.fluorescence import emitters_of

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SIDE = 65
N_MAPS = 100
NI_COUNTS = 3000.0
METALS = ("Mn", "Co", "Ni")
FEWEST_COUNTS = 30.0
"""Expected of each metal in a pixel whose pull is told: below, a sigma from counts is no sigma."""
PULLS = {"at_least": 0.95, "at_most": 1.05}
COVERAGE = {"at_least": 0.62, "at_most": 0.74}
TRUTH = PARTICLES["gradient"].truth()


def figures(*, tiny: bool = False) -> Iterator[Figure]:
    """Measure it."""
    random = np.random.default_rng(7)
    n_maps = 2 if tiny else N_MAPS
    raster = Raster(33 if tiny else SIDE)
    maps = (counted(raster, random, ni_counts=NI_COUNTS) for _ in range(n_maps))
    thin = [(one, one.estimate()) for one in maps]
    yield from _bias(thin, "without self-absorption", at_most=0.5, corrected="")
    yield from _pulls(thin[:10])
    yield from _efficiency(thin[:10])
    yield from _gradient([estimate for _, estimate in thin])
    absorbing = (
        counted(raster, random, ni_counts=NI_COUNTS, self_absorption=True)
        for _ in range(max(2, n_maps // 5))
    )
    thick = [(one, one.estimate()) for one in absorbing]
    yield from _bias(thick, "with self-absorption, corrected", at_most=2.0, corrected="_corrected")
    yield _homogeneous(raster, random, max(2, n_maps // 5))


def _bias(
    maps: Sequence[tuple[CountedMap, Estimate]], how: str, *, at_most: float, corrected: str
) -> Iterator[Figure]:
    """Means over the maps, against the photons at the detector and the particle's composition."""
    off = {}
    for metal in METALS:
        photons = sum(float(one.emission.of(metal).sum()) for one, _ in maps)
        off[metal] = 100 * (sum(_counts(estimate, metal) for _, estimate in maps) / photons - 1)
    told = {}
    for name in ("mn_ni", "mn_ni_core", "mn_ni_shell"):
        found = np.array([estimate.values.get(f"{name}{corrected}") for _, estimate in maps], float)
        told[name] = 100 * float(np.nanmean(found) / TRUTH[name] - 1)
    remark = ", ".join(f"{name} {of:+.2f}" for name, of in {**off, **told}.items())
    yield Figure(
        f"mean amounts and Mn/Ni {how}: farthest from the truth",
        max(map(abs, (*off.values(), told["mn_ni"]))),
        "%",
        at_most=at_most,
        remark=f"{len(maps)} maps of {NI_COUNTS:.0f} Ni counts a pixel; {remark}",
    )


def _counts(estimate: Estimate, metal: str) -> float:
    return float(estimate.curves["map"][metal.lower()].sum())


def _pulls(maps: Sequence[tuple[CountedMap, Estimate]]) -> Iterator[Figure]:
    pulls: dict[str, list[Floats]] = {name: [] for name in (*METALS, "Mn/Ni")}
    for one, estimate in maps:
        found, chosen = estimate.curves["map"], _bright(one)
        for metal in METALS:
            name = metal.lower()
            error = found[name] - one.emission.of(metal)
            pulls[metal].append((error / np.sqrt(found[f"cov_{name}_{name}"]))[chosen])
        error = found["mn_ni"] - _true_ratio(one)
        pulls["Mn/Ni"].append((error / found["mn_ni_sigma"])[chosen])
    for name, parts in pulls.items():
        pull = np.concatenate(parts)
        yield Figure(
            f"pulls of {name} in a pixel, standard deviation",
            float(np.nanstd(pull)),
            **PULLS,
            remark=f"{len(pull)} pixels; mean {np.nanmean(pull):+.3f}",
        )


def _bright(one: CountedMap) -> Flags:
    """Pixels in which every metal is expected to give some counts."""
    return np.all([one.emission.of(metal) > FEWEST_COUNTS for metal in METALS], axis=0)


def _true_ratio(one: CountedMap) -> Floats:
    """Atoms of manganese over those of nickel under the beam."""
    manganese, nickel = emitters_of(("Mn", "Ni"), 9000.0)
    atoms = [one.emission.of(metal) for metal in ("Mn", "Ni")]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(atoms[0] / atoms[1] * nickel.sensitivity / manganese.sensitivity)


def _efficiency(maps: Sequence[tuple[CountedMap, Estimate]]) -> Iterator[Figure]:
    """Against the least variance that any estimate can have who knows the detector's response."""
    excess: dict[str, list[Floats]] = {"Mn": [], "Mn/Ni": []}
    for one, estimate in maps:
        chosen = _bright(one)
        least = _least_covariance(one, chosen)
        found = estimate.curves["map"]
        manganese, nickel = (one.emission.of(metal)[chosen] for metal in ("Mn", "Ni"))
        excess["Mn"].append((found["mn"][chosen] - manganese) ** 2 / least[:, 0, 0])
        variance = (
            least[:, 0, 0] / manganese**2
            + least[:, 1, 1] / nickel**2
            - 2 * least[:, 0, 1] / (manganese * nickel)
        )
        relative = found["mn_ni"][chosen] / _true_ratio(one)[chosen] - 1
        excess["Mn/Ni"].append(relative**2 / variance)
    for name, parts in excess.items():
        squares = np.concatenate(parts)
        yield Figure(
            f"Cramér–Rao efficiency of {name} in a pixel",
            float(1 / np.nanmean(squares)),
            at_least=0.95,
            remark=f"{len(squares)} pixels, ± {np.sqrt(2 / len(squares)):.3f}",
        )


def _least_covariance(one: CountedMap, chosen: Flags) -> Floats:
    """Cramér–Rao bound on the covariance of Mn and Ni counts, shape `(n, 2, 2)`.

    Free are the amounts of each metal, of both kinds of scatter and of what is left; their spectra
    are known.
    """
    channels = model(one.raster, self_absorption=False).spectrum.channels
    response = one.element.response(one.emission.sources)[:, channels]
    photons = one.emission.photons[chosen]
    names = [source.name.split()[0] for source in one.emission.sources]
    groups = [
        np.flatnonzero([name == metal for name in names]) for metal in ("Mn", "Ni", "Co", "elastic")
    ]
    groups.append(np.flatnonzero([name == "Compton" for name in names]))
    groups.append(np.setdiff1d(np.arange(len(names)), np.concatenate(groups)))
    columns = np.stack(
        [
            (photons[:, group] / photons[:, group].sum(axis=1, keepdims=True)) @ response[group]
            for group in groups
        ],
        axis=1,
    )
    columns /= one.dead_time_factor[chosen, None, None]
    expected = photons @ response / one.dead_time_factor[chosen, None]
    fisher = np.einsum("nkc,nlc,nc->nkl", columns, columns, 1 / expected, optimize=True)
    return np.asarray(np.linalg.inv(fisher)[:, :2, :2])


def _gradient(estimates: Sequence[Estimate]) -> Iterator[Figure]:
    for name in ("gradient_width_um", "gradient_centre_um", "mn_ni_core", "mn_ni_shell"):
        found = np.array([estimate.values.get(name) for estimate in estimates], dtype=float)
        sigmas = np.array([estimate.sigmas.get(name) for estimate in estimates], dtype=float)
        known = np.isfinite(found) & np.isfinite(sigmas)
        error, truth = found[known] - TRUTH[name], TRUTH[name]
        pulls = error / sigmas[known]
        is_width = name == "gradient_width_um"
        n_maps = f"{known.sum()} of {len(found)} maps"
        yield Figure(
            f"{name} at {NI_COUNTS:.0f} Ni counts a pixel, rms error",
            float(100 * np.sqrt(np.mean(error**2)) / truth),
            "%",
            at_most=10.0 if is_width else None,
            remark=f"{n_maps}; mean {100 * np.mean(error) / truth:+.1f} %",
        )
        yield Figure(
            f"share of {name} within its sigma",
            float(np.mean(np.abs(pulls) < 1)),
            **(COVERAGE if is_width else {}),
            remark=f"± {np.sqrt(0.22 / len(found)):.2f}; pulls {np.mean(pulls):+.2f} ± "
            f"{np.std(pulls):.2f}",
        )


def _homogeneous(raster: Raster, random: np.random.Generator, n_maps: int) -> Figure:
    """A particle of one composition, which its self-absorption makes look like a core and shell."""
    kinds = {"particle": "conventional", "self_absorption": True}
    maps = (counted(raster, random, ni_counts=NI_COUNTS, **kinds) for _ in range(n_maps))
    centres = [one.estimate().values.get("gradient_centre_um") for one in maps]
    return Figure(
        "homogeneous particles of which a gradient is reported",
        float(np.mean([centre is not None for centre in centres])),
        at_most=0.05,
        remark=f"{n_maps} maps with self-absorption",
    )
