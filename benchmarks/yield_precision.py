"""How near fractions of soft X-ray yields come to the truth, and whether their sigmas hold."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks import larch_peer
from benchmarks.figure import Figure
from benchmarks.fraction_precision import COVERAGE, Errors
from benchmarks.scans import documents
from benchmarks.yields import EDGE_EV, Drawn, absorption, configuration, draw
from cgnmc_bluesky.callbacks.pipeline import Pipeline
from cgnmc_bluesky.callbacks.soft import SurfaceBulkAnalysis, YieldFractionAnalysis
from cgnmc_bluesky.results import ResultCollector
from cgnmc_bluesky.standards import Library

Floats = NDArray[np.float64]
Combine = Callable[[Floats, Floats], tuple[float, float]]
"""Share of NiO and its sigma, of true energies and a yield."""

SIGNAL_TO_NOISE = 300.0
AXIS_ERROR_EV = 0.5
STANDARDS = ("NiO", "LiNiO2")
FIT_RANGE_EV = (EDGE_EV - 20.0, EDGE_EV + 40.0)
NOISES = {"noise alike at all points": False, "counts": True}
MODES = {"tey": "surface", "pfy": "bulk"}


@dataclass
class _Measured:
    """Errors of ours and of the peers over many scans."""

    ours: Mapping[str, Errors] = field(default_factory=lambda: {mode: Errors() for mode in MODES})
    peers: Mapping[str, Mapping[str, Errors]] = field(
        default_factory=lambda: {
            mode: {"numpy": Errors(), "Larch": Errors(), "uncorrected": Errors()} for mode in MODES
        }
    )
    difference: Errors = field(default_factory=Errors)


def figures(*, tiny: bool = False) -> Iterator[Figure]:
    """Measure it."""
    for what, counts in NOISES.items():
        measured = _measured(2 if tiny else 400, counts=counts, n_peers=1 if tiny else 100)
        for mode in MODES:
            yield from _of_mode(mode, what, measured)
        yield Figure(
            f"surface less bulk ({what}) within one sigma",
            measured.difference.coverage(),
            **COVERAGE,
            remark=f"rms {measured.difference.rms():.4f}",
        )


def _of_mode(mode: str, what: str, measured: _Measured) -> Iterator[Figure]:
    ours = measured.ours[mode]
    peers = {name: errors for name, errors in measured.peers[mode].items() if errors.errors}
    yield Figure(
        f"{mode.upper()} fraction at S/N 300 ({what}), rms",
        ours.rms(),
        at_most=0.01,
        peers={name: errors.rms() for name, errors in peers.items()},
        remark=f"{len(ours.errors)} scans; mean error {np.mean(ours.errors):+.4f}",
    )
    yield Figure(
        f"{mode.upper()} fraction ({what}) within one sigma",
        ours.coverage(),
        **COVERAGE,
        peers={name: errors.coverage() for name, errors in peers.items()},
        remark=f"claimed {np.median(ours.sigmas):.4f}",
    )


def _measured(n_scans: int, *, counts: bool, n_peers: int) -> _Measured:
    random = np.random.default_rng(9)
    beamline, library, measured = configuration(), Library(), _Measured()
    by_larch = _by_larch()
    for number in range(n_scans):
        drawn = draw(
            random,
            signal_to_noise=SIGNAL_TO_NOISE,
            counts=counts,
            axis_error_ev=random.uniform(-AXIS_ERROR_EV, AXIS_ERROR_EV),
        )
        collector = ResultCollector()
        kinds = (YieldFractionAnalysis, SurfaceBulkAnalysis)
        pipeline = Pipeline(kinds, collector, beamline=beamline, library=library)
        for name, doc in documents(drawn.columns, edge="Ni L3"):
            pipeline(name, doc)
        for result in collector.results:
            if result.mode is None:
                truth = drawn.surface - drawn.bulk
                measured.difference.add(result, "ni2_fraction_difference", truth)
                continue
            truth = getattr(drawn, MODES[result.mode])
            measured.ours[result.mode].add(result, "ni2_fraction", truth)
            peers = measured.peers[result.mode]
            peers["uncorrected"].add(result, "ni2_fraction_uncorrected", truth)
        if number < n_peers:
            _add_peers(measured, drawn, {"numpy": _by_numpy, "Larch": by_larch})
    return measured


def _add_peers(measured: _Measured, drawn: Drawn, peers: Mapping[str, Combine]) -> None:
    """The peers are given the true energies."""
    for mode, signal in drawn.yields().items():
        truth = getattr(drawn, MODES[mode])
        for name, combine in peers.items():
            share, sigma = combine(drawn.true_ev, signal)
            measured.peers[mode][name].errors.append(share - truth)
            measured.peers[mode][name].sigmas.append(sigma)


def _by_numpy(energy_ev: Floats, signal: Floats) -> tuple[float, float]:
    """Ordinary least squares of the standards, a constant and a slope."""
    columns = [absorption(name, energy_ev) for name in STANDARDS]
    design = np.stack([*columns, np.ones_like(energy_ev), energy_ev - EDGE_EV], axis=1)
    amounts, *_ = np.linalg.lstsq(design, signal)
    left = signal - design @ amounts
    variance = float(left @ left) / np.subtract(*design.shape)
    covariance = variance * np.linalg.inv(design.T @ design)[:2, :2]
    total = float(amounts[0] + amounts[1])
    gradient = np.array([amounts[1], -amounts[0]]) / total**2
    return float(amounts[0] / total), float(np.sqrt(gradient @ covariance @ gradient))


def _by_larch() -> Combine:
    """`lincombo_fit` of what `pre_edge` has normalised, the standards as well."""
    wide_ev = np.arange(825.0, 905.0, 0.1)
    standards = [
        larch_peer.normalised(wide_ev, absorption(name, wide_ev), name) for name in STANDARDS
    ]

    def combine(energy_ev: Floats, signal: Floats) -> tuple[float, float]:
        scan = larch_peer.normalised(energy_ev, signal / float(np.ptp(signal)))
        weights, sigmas = larch_peer.combine(scan, standards, FIT_RANGE_EV)
        return weights[STANDARDS[0]], sigmas[STANDARDS[0]]

    return combine
