import numpy as np
import pytest
from event_model import DocumentNames, pack_event_page, schema_validators
from run_documents import as_from_tiled
from stack_runs import NICKEL_EV, documents_of, microscope, results_of

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.callbacks import XpeemFraction
from cgnmc_bluesky.replay import replay
from cgnmc_bluesky.results import ResultCollector
from cgnmc_bluesky.sim import Fault


@pytest.fixture(scope="module")
def instrument():
    return microscope(jumps={14: (2.0, -3.0)})


@pytest.fixture(scope="module")
def run(instrument):
    return documents_of(instrument)


@pytest.fixture(scope="module")
def found(run):
    [result] = results_of(run)
    return result


def same(one, other):
    assert one.values == other.values
    assert one.sigmas == other.sigmas
    assert (one.status, one.reason) == (other.status, other.reason)
    for group, arrays in one.curves.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, other.curves[group][name])


def truth_of(documents):
    return next(doc for name, doc in documents if name == "start")["truth"]


def test_the_fraction_comes_to_its_truth(run, found, instrument):
    assert (found.analysis, found.mode, found.status) == ("ni2_fraction", "xpeem", Status.FINAL)
    fraction, amount = instrument.fraction_map("Ni")
    mapped = found.curves["image"]["ni2_fraction"]
    seen = np.isfinite(mapped)
    truth = np.average(fraction[seen], weights=amount[seen])
    assert abs(found.values["ni2_fraction"] - truth) < 4 * found.sigmas["ni2_fraction"]
    assert truth == pytest.approx(truth_of(run)["ni2_fraction"], abs=0.03)
    assert found.values["drift_x_px"] == pytest.approx(instrument.drifts_px[-1, 1], abs=0.25)
    assert found.values["frames"] == len(NICKEL_EV)


def test_every_value_but_counts_has_a_sigma(found):
    for name, value in found.values.items():
        counts = name in {"frames", "pixels"}
        assert (value is None) == (found.sigmas[name] is None) or counts
    assert found.values["calibration_shift_ev"] is None
    assert found.units["drift_x_px"] == "px"


def test_updates_and_makers_orders_do_not_change_a_bit(run, found):
    [updated] = results_of(run, updates=True)
    same(found, updated)
    [from_tiled] = results_of(as_from_tiled(run))
    same(found, from_tiled)


def test_images_in_events_and_in_pages_give_the_same_bits():
    run = documents_of(microscope(inline=True))
    [by_event] = results_of(run, updates=True)
    events = [doc for name, doc in run if name == "event"]
    rest = [(name, doc) for name, doc in run if name != "event"]
    pages = [
        ("event_page", pack_event_page(*events[first : first + 7]))
        for first in range(0, len(events), 7)
    ]
    [by_page] = results_of([*rest[:2], *pages, rest[-1]])
    same(by_event, by_page)
    assert by_event.status is Status.FINAL


def test_live_and_replayed_agree_to_the_last_bit(run, found):
    documents = []
    collector = ResultCollector()
    with XpeemFraction() as analysis:
        analysis.subscribe(collector)
        analysis.subscribe(lambda name, doc: documents.append((name, doc)))
        for name, doc in run:
            analysis(name, doc)
        assert analysis.wait(60.0)
    [live] = collector.results
    same(found, live)
    for name, doc in documents:
        schema_validators[DocumentNames[name]].validate(doc)


def test_it_is_among_what_a_replay_finds(run, found, instrument):
    folder = str(instrument.folder)
    settings = {**instrument.roles(), "data": {"readable": [folder]}}
    results = [result for result in replay(run, _beamline(settings)) if result.mode == "xpeem"]
    same(found, results[0])
    assert len(results) == 1


def _beamline(settings):
    from cgnmc_bluesky import Beamline

    return Beamline.from_dict(settings)


def test_what_goes_wrong_is_named_by_its_key():
    faults = [
        Fault("nan", points=[4], channel="peem_image"),
        Fault("zero", points=[6], channel="peem_image"),
        Fault("nan", points=[9], channel="peem_mesh"),
        Fault("short", points=[20]),
    ]
    [told] = results_of(documents_of(microscope(inline=True, faults=faults)))
    assert told.status is Status.FINAL
    for said in (
        "peem_image without numbers in rows 4, 20",
        "peem_image shows nothing in row 6",
        "peem_mesh missing in row 9",
        "peem_image: row of shape (32, 64) instead of (64, 64) (row 20)",
    ):
        assert said in told.reason
    assert told.values["frames"] == len(NICKEL_EV) - 4


def test_a_mesh_that_was_not_recorded_is_named(run, instrument):
    roles = instrument.roles()
    roles["xpeem"] = {**roles["xpeem"], "i0": "another_mesh"}
    [told] = results_of(run, beamline=roles)
    assert told.status is Status.FAILED
    assert "no another_mesh" in told.reason
    assert set(told.values.values()) == {None}


def test_manganese_is_told_by_its_lowest_valence():
    energies_ev = [630.0, 634.0, *np.arange(637.0, 647.0, 0.5), 648.0, 652.0, 656.0, 662.0, 668.0]
    instrument = microscope(edge="Mn L3")
    [told] = results_of(documents_of(instrument, energies_ev=energies_ev, edge="Mn L3"))
    assert (told.analysis, told.status) == ("mn2_fraction", Status.FINAL)
    assert "mn4_fraction" in told.values


@pytest.mark.parametrize("left", [0, 1])
def test_without_two_standards_nothing_is_combined(run, instrument, left):
    roles = instrument.roles()
    roles["reference"] = roles["reference"][:left]
    [told] = results_of(run, beamline=roles)
    assert told.status is Status.FAILED
    assert 'add [[reference]] with edge = "Ni L3" and mode = "tey"' in told.reason


def test_a_run_without_images_gives_no_line(run, instrument):
    roles = instrument.roles()
    roles["xpeem"] = {**roles["xpeem"], "image": "another_camera"}
    assert results_of(run, beamline=roles) == []


def test_an_aborted_stack_waits():
    instrument = microscope()
    [told] = results_of(documents_of(instrument, energies_ev=NICKEL_EV[:12]))
    assert told.status is Status.WAITING
    assert "the run ended before that" in told.reason
