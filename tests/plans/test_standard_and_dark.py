"""Plans that end by naming their run for beamline.toml."""

import tomllib
from typing import Any

import pytest
from bluesky import RunEngine
from bluesky.simulators import RunEngineSimulator
from hypothesis import example, given
from hypothesis import strategies as st
from ophyd.sim import SynAxis, SynSignal

from cgnmc_bluesky.plans import measure_dark, measure_standard
from cgnmc_bluesky.plans.xanes import reference_block

SHORT = [[-2, 2, 1]]


def test_a_standard_ends_with_the_block_that_names_it(
    *,
    RE: RunEngine,
    recorder: Any,
    mono: SynAxis,
    chambers: list[SynSignal],
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = measure_standard(chambers, mono, name="LiNiO2", valence=3, regions=SHORT)
    (uid,) = RE(plan)
    (block,) = tomllib.loads(capsys.readouterr().out)["reference"]
    assert block == {"name": "LiNiO2", "edge": "Ni K", "valence": 3, "run": uid}
    (start,) = recorder.of("start")
    assert (start["plan_name"], start["sample"]) == ("measure_standard", "LiNiO2")
    assert start["XDI"]["Sample"] == {"name": "LiNiO2"}
    assert len(recorder.of("event")) == 5


def test_a_standard_that_failed_names_nothing(
    RE: RunEngine, mono: SynAxis, chambers: list[SynSignal], capsys: pytest.CaptureFixture[str]
) -> None:
    chambers[0].sim_set_func(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        RE(measure_standard(chambers, mono, name="NiO", valence=2, regions=SHORT))
    assert "reference" not in capsys.readouterr().out


@example("\x7f", 2)
@given(st.text(min_size=1).filter(str.strip), st.floats(-4, 8))
def test_any_name_makes_a_block_that_can_be_read(name: str, valence: float) -> None:
    (block,) = tomllib.loads(reference_block(name, "Ni K", valence, "4c9e"))["reference"]
    assert block == {"name": name, "edge": "Ni K", "valence": valence, "run": "4c9e"}


def test_a_standard_at_a_soft_x_ray_edge_is_its_electron_yield() -> None:
    (block,) = tomllib.loads(reference_block("NiO", "Ni L3", 2, "4c9e"))["reference"]
    assert block["mode"] == "tey"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": " ", "valence": 2}, "name is ' ': name the compound"),
        ({"name": "NiO", "valence": "2"}, "valence is '2': give a number"),
        ({"name": "NiO", "valence": float("nan")}, "valence is nan: give a number"),
    ],
)
def test_a_standard_that_is_not_described_is_refused(
    mono: SynAxis, chambers: list[SynSignal], arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        next(measure_standard(chambers, mono, **arguments))


def test_the_dark_is_measured_with_the_shutter_closed(
    *,
    RE: RunEngine,
    recorder: Any,
    chambers: list[SynSignal],
    shutter: SynAxis,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chambers[0].sim_set_func(lambda: 5.0 * shutter.position + 0.25)
    (uid,) = RE(measure_dark(chambers, shutter, closed=0, num=3))
    assert [doc["data"]["i0"] for doc in recorder.of("event")] == [0.25, 0.25, 0.25]
    assert shutter.position == 1.0
    assert capsys.readouterr().out.strip() == f'dark = "{uid}"'


def test_the_shutter_is_put_back_when_a_detector_fails(
    RE: RunEngine, chambers: list[SynSignal], shutter: SynAxis
) -> None:
    chambers[1].sim_set_func(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        RE(measure_dark(chambers, shutter, closed=0))
    assert shutter.position == 1.0


def test_the_shutter_moves_before_the_first_reading_and_after_the_last(
    chambers: list[SynSignal], shutter: SynAxis
) -> None:
    simulator = RunEngineSimulator()
    simulator.add_handler("read", lambda _: {"shutter": {"value": 1.0}}, "shutter")
    messages = simulator.simulate_plan(measure_dark(chambers, shutter, closed=0, num=2))
    commands = [msg.command for msg in messages if msg.command in {"set", "save", "close_run"}]
    assert commands == ["set", "save", "save", "close_run", "set"]
    assert [msg.args for msg in messages if msg.command == "set"] == [(0,), (1.0,)]


class Blind:
    """A shutter that cannot say where it is."""

    def set(self, value: float) -> None: ...


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num": 0}, "num is 0: take at least one"),
        ({"num": True}, "num is True"),
        ({"shutter": "shutter"}, "shutter 'shutter' cannot be moved"),
        ({"shutter": Blind()}, "cannot be read, so it could not be put back"),
    ],
)
def test_a_dark_that_cannot_be_measured_is_refused(
    chambers: list[SynSignal], shutter: SynAxis, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        next(measure_dark(chambers, **{"shutter": shutter, **arguments}))
