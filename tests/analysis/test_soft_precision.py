"""Fractions in yields of samples that are cut into sheets."""

import numpy as np
import pytest

from benchmarks.scans import documents
from benchmarks.yields import configuration, draw
from cgnmc_bluesky.callbacks.pipeline import Pipeline
from cgnmc_bluesky.callbacks.soft import SurfaceBulkAnalysis, YieldFractionAnalysis
from cgnmc_bluesky.results import ResultCollector
from cgnmc_bluesky.standards import Library

KINDS = (YieldFractionAnalysis, SurfaceBulkAnalysis)
SCANS = 30


@pytest.fixture(scope="module", params=[False, True], ids=["alike", "counts"])
def errors(request):
    """Error and sigma of each yield's fraction, by scan, and of their difference."""
    random, library, beamline = np.random.default_rng(4), Library(), configuration()
    found = []
    for _ in range(SCANS):
        drawn = draw(
            random,
            signal_to_noise=300.0,
            counts=request.param,
            axis_error_ev=random.uniform(-0.5, 0.5),
        )
        collector = ResultCollector()
        pipeline = Pipeline(KINDS, collector, beamline=beamline, library=library)
        for name, doc in documents(drawn.columns, edge="Ni L3"):
            pipeline(name, doc)
        truth = {
            "tey": ("ni2_fraction", drawn.surface),
            "pfy": ("ni2_fraction", drawn.bulk),
            None: ("ni2_fraction_difference", drawn.surface - drawn.bulk),
        }
        results = {result.mode: result for result in collector.results}
        found.append(
            [
                (results[mode].values[name] - true, results[mode].sigmas[name])
                for mode, (name, true) in truth.items()
            ]
        )
    return np.array(found)


def test_fractions_are_near_the_truth(errors):
    assert np.all(np.sqrt(np.mean(errors[:, :2, 0] ** 2, axis=0)) <= 0.01)


def test_no_sigma_is_far_too_small(errors):
    """How well they hold is for the benchmark, which has hundreds of scans."""
    pulls = errors[..., 0] / errors[..., 1]
    assert np.all(np.sqrt(np.mean(pulls**2, axis=0)) < 1.7)
