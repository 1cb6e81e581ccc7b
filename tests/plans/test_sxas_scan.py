"""Soft X-ray scans and image stacks: one run over L3 and L2, with what was set put back."""

from typing import Any

import pytest
from bluesky import RunEngine
from bluesky.utils import FailedStatus, RunEngineInterrupted
from ophyd import Component, Device, Kind, Signal
from ophyd.sim import SynAxis, SynSignal
from ways_out import FaultError, broken_at, paused_before

from cgnmc_bluesky.beamline import Edge
from cgnmc_bluesky.plans import measure_standard, sxas_scan, xpeem_stack
from cgnmc_bluesky.plans.emission import window_settings

SHORT = [[-1, 1, 1]]
POINTS_EV = [851.7, 852.7, 853.7]
NI_WINDOW_EV = [808.7, 906.0]
MESH_A = 1e-9


class DriftDetector(Device):
    """A silicon drift detector with a window."""

    counts = Component(Signal, value=100.0, kind=Kind.hinted)
    window_ev = Component(Signal, value=(0.0, 2000.0), kind=Kind.config)


@pytest.fixture
def pgm(mono: Any) -> Any:
    mono.limits = (200.0, 1500.0)
    mono.set(700.0)
    mono.sent.clear()
    return mono


@pytest.fixture
def sdd() -> DriftDetector:
    return DriftDetector(name="sdd")


@pytest.fixture
def mesh() -> SynSignal:
    return SynSignal(func=lambda: MESH_A, name="gold_mesh")


def test_all_yields_come_in_one_event_a_point_over_both_edges(
    RE: RunEngine, recorder: Any, pgm: Any, mesh: SynSignal, sdd: DriftDetector
) -> None:
    (uid,) = RE(sxas_scan([mesh, sdd], pgm, edge="Ni L2,3", md={"sample": "pristine"}))
    (start,), (descriptor,) = recorder.of("start"), recorder.of("descriptor")
    assert (start["uid"], start["plan_name"]) == (uid, "sxas_scan")
    assert (start["edge"], start["sweeps"], start["sample"]) == ("Ni L3", 1, "pristine")
    assert start["XDI"]["Element"] == {"symbol": "Ni", "edge": "L3"}
    assert start["XDI"]["Scan"]["edge_energy"] == 852.7
    energies_ev = [doc["data"]["mono"] for doc in recorder.of("event")]
    assert energies_ev == sorted(energies_ev)
    assert (energies_ev[0], energies_ev[-1]) == (832.7, 897.0)
    assert len(energies_ev) == start["num_points"] < 300
    assert set(recorder.of("event")[0]["data"]) == {
        "mono",
        "mono_setpoint",
        "gold_mesh",
        "sdd_counts",
    }
    window_ev = descriptor["configuration"]["sdd"]["data"]["sdd_window_ev"]
    assert list(window_ev) == NI_WINDOW_EV
    assert (pgm.position, sdd.window_ev.get()) == (700.0, (0.0, 2000.0))


def test_sweeps_are_one_run_and_begin_below_their_first_point(
    RE: RunEngine, recorder: Any, pgm: Any, mesh: SynSignal
) -> None:
    RE(sxas_scan([mesh], pgm, regions=SHORT, sweeps=2))
    (start,) = recorder.of("start")
    assert (start["sweeps"], start["num_points"], start["shape"]) == (2, 6, [6])
    assert pgm.sent == [846.7, *POINTS_EV, 846.7, *POINTS_EV, 700.0]
    assert [doc["data"]["mono"] for doc in recorder.of("event")] == 2 * POINTS_EV


def test_a_pause_between_two_sweeps_repeats_no_point(
    RE: RunEngine, recorder: Any, pgm: Any, mesh: SynSignal
) -> None:
    with pytest.raises(RunEngineInterrupted):
        # the first point's motion is the second message of its kind in each sweep
        RE(paused_before(sxas_scan([mesh], pgm, regions=SHORT, sweeps=2), "set", 5))
    RE.resume()
    assert [doc["seq_num"] for doc in recorder.of("event")] == [1, 2, 3, 4, 5, 6]
    assert pgm.position == 700.0


@pytest.mark.parametrize(
    ("device", "method", "call"),
    [("mono", "set", 2), ("sdd", "read", 2), ("gold_mesh", "trigger", 3), ("sdd", "stage", 1)],
)
def test_a_device_that_fails_leaves_energy_and_window_as_they_were(
    *,
    RE: RunEngine,
    pgm: Any,
    mesh: SynSignal,
    sdd: DriftDetector,
    device: str,
    method: str,
    call: int,
) -> None:
    broken_at({d.name: d for d in (pgm, mesh, sdd)}[device], method, call)
    with pytest.raises((FaultError, FailedStatus)):
        RE(sxas_scan([mesh, sdd], pgm, regions=SHORT))
    assert (pgm.position, sdd.window_ev.get()) == (700.0, (0.0, 2000.0))


@pytest.mark.parametrize("way_out", ["abort", "stop"])
def test_an_ended_scan_leaves_energy_and_window_as_they_were(
    RE: RunEngine, pgm: Any, mesh: SynSignal, sdd: DriftDetector, way_out: str
) -> None:
    with pytest.raises(RunEngineInterrupted):
        RE(paused_before(sxas_scan([mesh, sdd], pgm, regions=SHORT), "create", 2))
    assert sdd.window_ev.get() == (808.7, 906.0)
    getattr(RE, way_out)()
    assert (pgm.position, sdd.window_ev.get()) == (700.0, (0.0, 2000.0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"edge": "Ni K"}, "edge is 'Ni K', at 8333 eV: give a soft X-ray one, such as 'Ni L3'"),
        ({"edge": "Ni L2"}, "edge is 'Ni L2': give 'Ni L3', L2 follows in the same scan"),
        ({"edge": "Nn L3"}, "there is no element 'Nn'"),
        ({"sweeps": 0}, "sweeps is 0: give a whole number above 0"),
        ({"sweeps": 1.5}, "sweeps is 1.5: give a whole number above 0"),
        ({"sweeps": True}, "sweeps is True"),
        ({"regions": [[850, 860, 0.1]]}, "subtract its energy"),
        ({"edge": "Al L3"}, r"mono cannot go to 47\.5 .*narrow the scan"),
    ],
)
def test_what_cannot_be_scanned_is_refused_before_the_first_message(
    pgm: Any, mesh: SynSignal, sdd: DriftDetector, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        next(sxas_scan([mesh, sdd], pgm, **options))


def test_a_window_that_could_not_be_put_back_is_refused(pgm: Any, mesh: SynSignal) -> None:
    class OneWay:
        def set(self, value: Any) -> Any:
            raise AssertionError

    mesh.window_ev = OneWay()
    with pytest.raises(ValueError, match=r"the window .* could not be put back"):
        next(sxas_scan([mesh], pgm))


def test_a_window_of_two_parts_is_set_and_put_back(RE: RunEngine, recorder: Any, pgm: Any) -> None:
    class TwoEnds(DriftDetector):
        window_ev = None
        window_low_ev = Component(Signal, value=0.0, kind=Kind.config)
        window_high_ev = Component(Signal, value=2000.0, kind=Kind.config)

    sdd = TwoEnds(name="sdd")
    expected = [(sdd.window_low_ev, 596.7), (sdd.window_high_ev, 687.9)]
    assert window_settings([sdd.counts, sdd], Edge("Mn", "L3")) == expected
    RE(sxas_scan([sdd], pgm, edge="Mn L3", regions=SHORT))
    (descriptor,) = recorder.of("descriptor")
    set_to = descriptor["configuration"]["sdd"]["data"]
    assert (set_to["sdd_window_low_ev"], set_to["sdd_window_high_ev"]) == (596.7, 687.9)
    assert (sdd.window_low_ev.get(), sdd.window_high_ev.get()) == (0.0, 2000.0)


def test_a_standard_of_a_soft_edge_is_counted_in_its_window(
    *, RE: RunEngine, recorder: Any, pgm: Any, sdd: DriftDetector, capsys: Any
) -> None:
    RE(measure_standard([sdd], pgm, name="NiO", valence=2, edge="Ni L3", regions=SHORT))
    (start,), (descriptor,) = recorder.of("start"), recorder.of("descriptor")
    assert (start["plan_name"], start["sample"]) == ("measure_standard", "NiO")
    assert list(descriptor["configuration"]["sdd"]["data"]["sdd_window_ev"]) == NI_WINDOW_EV
    assert 'mode = "tey"' in capsys.readouterr().out


def test_a_stack_takes_an_image_at_each_energy(
    RE: RunEngine, recorder: Any, pgm: Any, mesh: SynSignal
) -> None:
    RE(xpeem_stack([mesh], pgm, edge="Ni L3", energies_ev=[845, 853.1, 855.0]))
    (start,) = recorder.of("start")
    assert (start["plan_name"], start["edge"], start["num_points"]) == ("xpeem_stack", "Ni L3", 3)
    assert [doc["data"]["mono"] for doc in recorder.of("event")] == [845.0, 853.1, 855.0]
    assert pgm.position == 700.0


def test_a_usual_stack_goes_over_both_edges(
    RE: RunEngine, recorder: Any, pgm: Any, mesh: SynSignal
) -> None:
    RE(xpeem_stack([mesh], pgm, edge="Co L3"))
    energies_ev = [doc["data"]["mono"] for doc in recorder.of("event")]
    assert 90 <= len(energies_ev) <= 130
    assert energies_ev[0] < 770.0
    assert energies_ev[-1] > 810.0


@pytest.mark.parametrize(
    ("energies_ev", "message"),
    [
        ([], r"energies_ev are \[\]: give a list of at least two"),
        (853.0, "energies_ev are 853.0: give a list"),
        ([850, float("nan")], "energy 2 of energies_ev is nan: give a number in eV above 0"),
        ([850, "853"], "energy 2 of energies_ev is '853'"),
        ([850, 860, 855], "energy 3 of energies_ev is 855 eV, after 860 eV: let them ascend"),
        ([-10, 20], "energy 1 of energies_ev is -10"),
        ([770, 790], "run from 770 to 790 eV: let them lie around Ni L3 at 852.7 eV"),
    ],
)
def test_energies_that_cannot_be_taken_are_refused(
    pgm: Any, mesh: SynSignal, energies_ev: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        next(xpeem_stack([mesh], pgm, energies_ev=energies_ev))


def test_an_axis_and_a_camera_of_one_name_are_refused(pgm: Any) -> None:
    with pytest.raises(ValueError, match="among the detectors"):
        next(xpeem_stack([SynAxis(name="mono")], pgm))
