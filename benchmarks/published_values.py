"""What others have published of real measurements, found again."""

import csv
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import larch_peer, measured
from benchmarks.figure import Figure
from benchmarks.scans import named
from cgnmc_bluesky import replay
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.spectra import read_spectra

Floats = NDArray[np.float64]

MIXTURES = "kedge_mixtures/larch_lcf_Au_{}.dat"
PUBLISHED = (
    {"s1": 0.47066, "s2": 0.52934},
    {"s1": 0.27867, "s2": 0.53207, "s5": 0.18926},
)
"""Larch's linear combinations of its own example, 11870 to 12030 eV, summing to one."""
SERIES = "kedge_operando_LNO"
ENDS = ("0001", "0055")
LNO_RANGE_EV = (8313.0, 8413.0)


def figures(*, tiny: bool = False) -> Iterator[Figure]:
    """Measure it; there is no tiny way."""
    del tiny
    for fractions in PUBLISHED:
        yield _combination(fractions)
    yield from _operando()


def _combination(fractions: dict[str, float]) -> Figure:
    folder = measured.folder()
    columns = {"energy": "energy", "mutrans": "munorm"}
    references = [
        {
            "name": name,
            "edge": "Au L3",
            "file": str(folder / MIXTURES.format(name)),
            "columns": columns,
        }
        for name in fractions
    ]
    beamline = measured.example("gold_mixture", reference=references)
    [*results] = replay(folder / MIXTURES.format("unknown"), beamline)
    found = named(results, "fraction").values
    off = [abs((found[f"fraction_{name}"] or np.nan) - of) for name, of in fractions.items()]
    larch = _larch_combination(fractions)
    return Figure(
        f"Larch's published combination of {len(fractions)}, farthest",
        max(off),
        at_most=0.002,
        peers={"Larch": max(abs(larch[name] - of) for name, of in fractions.items())},
        remark=", ".join(f"{name} {found[f'fraction_{name}']:.5f}" for name in fractions),
    )


def _larch_combination(fractions: dict[str, float]) -> Any:
    groups = {}
    for name in ("unknown", *fractions):
        columns = read_spectra(measured.folder() / MIXTURES.format(name))[0].columns
        groups[name] = larch_peer.as_is(columns["energy"], columns["munorm"], name)
    unknown = groups.pop("unknown")
    return larch_peer.combine(unknown, list(groups.values()), (11870.0, 12030.0))[0]


def _operando() -> Iterator[Figure]:
    """The first charge of LiNiO2 against the charge that was passed."""
    folder = measured.folder() / SERIES
    with (folder / "index_time_charge.csv").open(encoding="utf-8") as file:
        index = {row["file"]: float(row["x_Li_if_7.000mg"]) for row in csv.DictReader(file)}
    lithium = np.array(list(index.values()))
    begin, end = (next(x for name, x in index.items() if f"_{one}_" in name) for one in ENDS)
    passed = (begin - lithium) / (begin - end)
    results = list(replay(folder, measured.example("lno")))
    fractions = _values(results, "fraction_charged", list(index))
    edges = _values(results, "edge_ev", list(index))
    larch_edges, larch_fractions = _larch_operando(list(index))
    yield Figure(
        "operando fraction against the charge, rms",
        _rms(fractions - passed),
        at_most=0.085,
        peers={"Larch": _rms(larch_fractions - passed)},
        remark=f"{len(index)} spectra of LiNiO2's first charge",
    )
    yield Figure(
        "operando edge against the charge, correlation",
        _correlation(edges, passed),
        at_least=0.97,
        peers={"Larch": _correlation(larch_edges, passed)},
    )


def _values(results: Sequence[Result], value: str, files: Sequence[str]) -> Floats:
    """One value of each file's run, in the order of the files."""
    by_sample = {one.sample: one.values[value] for one in results if value in one.values}
    return np.array([by_sample[file.removesuffix(".txt.gz")] for file in files], dtype=float)


def _larch_operando(names: Sequence[str]) -> tuple[Floats, Floats]:
    """Edges by `find_e0` and fractions by `lincombo_fit`, on the axis as recorded."""
    groups, edges = {}, []
    for name in names:
        columns = read_spectra(measured.folder() / SERIES / name)[0].columns
        energy_ev, mu = columns["shifted energy"], columns["normalized"]
        groups[name] = larch_peer.as_is(energy_ev, mu, name)
        edges.append(larch_peer.find_e0(energy_ev, mu))
    ends = [next(group for name, group in groups.items() if f"_{one}_" in name) for one in ENDS]
    charged = ends[1].filename
    fractions = [
        larch_peer.combine(group, ends, LNO_RANGE_EV)[0][charged] for group in groups.values()
    ]
    return np.array(edges), np.array(fractions)


def _rms(errors: Floats) -> float:
    return float(np.sqrt(np.mean(errors**2)))


def _correlation(one: Floats, other: Floats) -> float:
    return float(np.corrcoef(one, other)[0, 1])
