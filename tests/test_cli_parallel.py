"""Runs that one process has read and another replays."""

import pickle

import pytest

from cgnmc_bluesky import Beamline
from cgnmc_bluesky.catalogs import open_source
from cgnmc_bluesky.cli.parallel import replay_listed
from cgnmc_bluesky.replay import Replay
from cgnmc_bluesky.results import ResultCollector


def told(documents) -> list:
    collector = ResultCollector()
    for name, doc in documents:
        collector(name, doc)
    return [(one.analysis, one.status, one.reason, one.values) for one in collector.results]


@pytest.mark.parametrize("cell", [{}, {"clock_offset_s": 0.0}])
def test_runs_that_are_read_can_be_handed_on(shared, cell):
    settings = {
        "xanes": {"energy_ev": "shifted energy", "mutrans": "normalized"},
        "cell": {
            "record": str(shared / "galvanostatic" / "perex_LNO_cell4_C06.mpt.gz"),
            "active_mass_mg": 7.0,
            "formula": "LiNiO2",
            **cell,
        },
    }
    beamline = Beamline.from_dict(settings)
    folder = shared / "kedge_operando_LNO"
    source = open_source(folder / "norm_op2_cell4_pos1_dq1_0031_av240_00001.txt.gz")
    runs = list(source.runs())
    handed = pickle.loads(pickle.dumps(runs))
    [(start, documents)] = replay_listed(source.name, handed, beamline.to_dict())
    assert start["uid"] == runs[0].uid
    assert told(documents) == told(Replay(source, beamline).documents(runs[0]))
    assert [analysis for analysis, *_ in told(documents)][-1] == "state_of_charge"


def test_a_clock_that_is_known_to_be_right_stays_known():
    told_right = Beamline.from_dict({"cell": {"clock_offset_s": 0.0}})
    assert Beamline.from_dict(told_right.to_dict()).cell.clock_offset_s == 0.0
    assert Beamline.from_dict({"cell": {}}).cell.clock_offset_s is None
