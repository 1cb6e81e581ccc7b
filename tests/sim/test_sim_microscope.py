import h5py
import numpy as np
import pytest
from event_model import DocumentNames, schema_validators

from cgnmc_bluesky.plans.stack import xpeem_stack
from cgnmc_bluesky.sim import Fault, SimulatedMicroscope
from cgnmc_bluesky.sim.micrograph import BLUR_PX, Grain, Micrograph

ENERGIES_EV = [840.0, 852.0, 853.2, 855.0, 880.0]


def taken(documents, **settings):
    microscope = SimulatedMicroscope(shape=(48, 40), seed=2, **settings)
    devices = [microscope.camera, microscope.mesh]
    plan = xpeem_stack(devices, microscope.pgm, energies_ev=ENERGIES_EV)
    return microscope, documents(microscope.with_metadata(plan))


def test_images_are_in_a_file_that_is_announced_event_by_event(documents):
    microscope, docs = taken(documents)
    for name, doc in docs:
        schema_validators[DocumentNames[name]].validate(doc)
    names = [name for name, _ in docs]
    assert names.count("stream_resource") == 1
    assert names.count("stream_datum") == names.count("event") == len(ENERGIES_EV)
    [file] = microscope.folder.glob("*.h5")
    with h5py.File(file) as kept:
        images = kept["entry/peem_image"][:]
    assert images.shape == (len(ENERGIES_EV), 48, 40)
    assert images[2].mean() > 1.2 * images[0].mean()
    assert microscope.drifts_px.shape == (len(ENERGIES_EV), 2)
    assert microscope.drifts_px[0].tolist() == [0.0, 0.0]


def test_a_start_document_carries_roles_and_truth(documents):
    microscope, docs = taken(documents)
    start = docs[0][1]
    assert start["beamline"]["xpeem"]["i0"] == "peem_mesh"
    assert (start["sample"], start["cycles"]) == ("conventional, pristine", 0)
    fraction, amount = microscope.fraction_map("Ni")
    mean = np.average(fraction, weights=amount)
    assert start["truth"]["ni2_fraction"] == pytest.approx(mean)
    assert 0.3 < mean < 0.6
    assert fraction.min() >= 0
    assert fraction.max() <= 1


def test_the_same_seed_takes_the_same_stack(documents):
    one, other = (taken(documents, inline=True)[1] for _ in range(2))
    images = [
        [doc["data"]["peem_image"] for name, doc in docs if name == "event"]
        for docs in (one, other)
    ]
    np.testing.assert_array_equal(*images)


def test_a_field_drifts_without_changing(documents):
    field = Micrograph((40, 40), [Grain(20.0, 18.0, 6.0, 1.0, 0.2, 0.0, np.zeros((0, 3)))])
    here, there = field.seen().particles, field.seen(3.5, -2.25).particles
    rows, columns = np.mgrid[:40, :40]
    for seen, y, x in ((here, 20.0, 18.0), (there, 23.5, 15.75)):
        assert np.average(rows, weights=seen) == pytest.approx(y, abs=1e-2)
        assert np.average(columns, weights=seen) == pytest.approx(x, abs=1e-2)
    assert here.sum() == pytest.approx(np.pi * (6.0**2 + BLUR_PX**2), rel=0.02)
    assert here.sum() == pytest.approx(there.sum(), rel=1e-3)


def test_jumps_and_faults_come_when_they_are_asked_for(documents):
    faults = [Fault("zero", points=[2], channel="peem_image")]
    jumps = {4: (5.0, 0.0)}
    microscope, docs = taken(documents, inline=True, faults=faults, jumps=jumps, walk_px=0.0)
    images = [doc["data"]["peem_image"] for name, doc in docs if name == "event"]
    assert not images[1].any()
    assert microscope.drifts_px[:, 0].tolist() == [0.0, 0.0, 0.0, 5.0, 5.0]


@pytest.mark.parametrize("settings", [{"sample": "cobalt blue"}, {"edge": "Fe L3"}])
def test_what_there_is_not_is_refused(settings):
    with pytest.raises(ValueError, match=r"mounted are|knows Ni L3"):
        SimulatedMicroscope(**settings)
