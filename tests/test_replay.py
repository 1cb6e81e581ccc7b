import csv
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from bluesky import RunEngine

from cgnmc_bluesky import Beamline, replay
from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.beamline import ConfigurationError, ConfigurationMissing
from cgnmc_bluesky.plans import measure_standard, xanes_scan
from cgnmc_bluesky.replay import NothingFits
from cgnmc_bluesky.sim import SimulatedBeamline

EXAMPLES = Path(__file__).parents[1] / "examples"
REGIONS = [(-60, -15, 5), (-15, 40, 0.5), (40, 200, 4)]


@pytest.fixture(scope="module")
def runs() -> list[tuple[str, dict]]:
    """Three runs: both standards, then a sample."""
    found: list[tuple[str, dict]] = []
    beamline = SimulatedBeamline(seed=5)
    engine = RunEngine()
    engine.preprocessors.append(beamline.with_metadata)
    engine.subscribe(lambda name, doc: found.append((name, doc)))
    detectors = [beamline.i0, beamline.it, beamline.ir]
    for name, valence in (("NiO", 2), ("LiNiO2", 3)):
        beamline.sample.set(name).wait(10)
        engine(
            measure_standard(
                detectors, beamline.mono, name=name, valence=valence, edge="Ni K", regions=REGIONS
            )
        )
    beamline.sample.set("conventional, 100 cycles").wait(10)
    engine(xanes_scan(detectors, beamline.mono, edge="Ni K", regions=REGIONS))
    return found


def uids_of(documents: Iterable[tuple[str, dict]]) -> list[str]:
    return [doc["uid"] for name, doc in documents if name == "start"]


def by_analysis(results):
    return {result.analysis: result for result in results}


def test_any_iterable_of_documents_is_a_source(runs):
    results = list(replay(runs))
    assert len(results) == 6
    assert {result.run_uid for result in results} == set(uids_of(runs))
    assert all(result.status is Status.FINAL for result in results)


def test_a_file_of_documents_gives_the_same_bits(runs, tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_text("".join(json.dumps([name, doc]) + "\n" for name, doc in runs))
    straight, stored = list(replay(runs)), list(replay(path))
    assert [result.as_dict() for result in straight] == [result.as_dict() for result in stored]


def test_one_run_is_chosen(runs):
    uid = uids_of(runs)[1]
    assert {result.run_uid for result in replay(runs, runs=[uid[:8]])} == {uid}
    assert {result.run_uid for result in replay(runs, runs=[-1])} == {uids_of(runs)[-1]}


def test_standards_just_measured_are_named_by_their_runs(runs):
    """The fraction from references in the same source is that of the packaged ones."""
    roles = dict(runs[0][1]["beamline"])
    packaged = by_analysis(replay(runs, runs=[-1]))["ni2_fraction"]
    roles["reference"] = [
        {"name": name, "edge": "Ni K", "valence": valence, "run": uid}
        for name, valence, uid in zip(("NiO", "LiNiO2"), (2, 3), uids_of(runs), strict=False)
    ]
    measured = by_analysis(replay(runs, Beamline.from_dict(roles), runs=[-1]))["ni2_fraction"]
    truth = [doc for name, doc in runs if name == "start"][-1]["truth"]["valences"]["Ni"]["2"]
    for found in (packaged, measured):
        assert found.values["ni2_fraction"] == pytest.approx(truth, abs=0.01)
    assert packaged.about["analysis"]["references"] != measured.about["analysis"]["references"]


def test_a_reference_run_that_is_not_there_is_named(runs):
    roles = dict(runs[0][1]["beamline"])
    roles["reference"] = [{"name": "NiO", "edge": "Ni K", "run": "nothing"}]
    with pytest.raises(ValueError, match="nothing"):
        list(replay(runs, Beamline.from_dict(roles)))


def test_a_result_depends_on_its_own_run_alone(runs):
    alone = [result.as_dict() for result in replay(runs, runs=[uids_of(runs)[1]])]
    among = [result.as_dict() for result in replay(runs) if result.run_uid == uids_of(runs)[1]]
    assert alone == among


def test_where_nothing_fits_the_missing_keys_and_the_nearest_are_named(runs):
    beamline = Beamline.from_dict(
        {"xanes": {"energy_ev": "mono_enrgy", "i0": "i0", "itrans": "it"}}
    )
    with pytest.raises(NothingFits, match=r"'mono_enrgy' \(nearest: mono_energy"):
        list(replay(runs, beamline))


def test_without_a_configuration_there_is_an_error(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bare = [
        (name, {k: v for k, v in doc.items() if k != "beamline"} if name == "start" else doc)
        for name, doc in runs
    ]
    with pytest.raises(ConfigurationMissing, match=r"beamline\.toml"):
        list(replay(bare))


def test_a_dark_run_is_taken_off(runs, tmp_path):
    """Darks measured in a run of their own, named by its uid."""
    dark = {"i0": 0.25, "it": 0.125, "ir": 0.0625}
    roles = dict(runs[0][1]["beamline"])
    roles["xanes"] = {**roles["xanes"], "dark": {"i0": 0.0, "itrans": 0.0, "irefer": 0.0}}
    plain = by_analysis(replay(runs, Beamline.from_dict(roles), runs=[-1]))["edge_position"]
    raised = []
    for name, doc in runs:
        if name == "event" and "it" in doc["data"]:
            data = {key: value + dark.get(key, 0.0) for key, value in doc["data"].items()}
            raised.append((name, {**doc, "data": data}))
        else:
            raised.append((name, doc))
    start, descriptor, event = (next(d for n, d in runs if n == kind) for kind in _KINDS)
    dark_run = [
        ("start", {**start, "uid": "dark-run", "scan_id": 99}),
        ("descriptor", {**descriptor, "uid": "dark-d", "run_start": "dark-run", "name": "primary"}),
        ("event", {**event, "uid": "e", "descriptor": "dark-d", "data": {**event["data"], **dark}}),
        ("stop", {"uid": "s", "run_start": "dark-run", "time": 0.0, "exit_status": "success"}),
    ]
    roles["xanes"] = {**roles["xanes"], "dark": "dark-run"}
    found = by_analysis(
        replay([*dark_run, *raised], Beamline.from_dict(roles), runs=[uids_of(runs)[-1]])
    )["edge_position"]
    assert found.values == pytest.approx(plain.values, rel=1e-6)


_KINDS = ("start", "descriptor", "event")


def test_the_operando_series(shared):
    """LiNiO2 on its first charge: fractions follow the charge, edges too."""
    folder = shared / "kedge_operando_LNO"
    with (folder / "index_time_charge.csv").open() as index:
        lithium = {
            row["file"].split(".")[0]: float(row["x_Li_if_7.000mg"])
            for row in csv.DictReader(index)
        }
    results = list(replay(folder, EXAMPLES / "lno.toml"))
    assert len(results) == 60
    assert all(result.status is Status.FINAL for result in results)
    states = {r.sample: r.values["x_li"] for r in results if r.analysis == "state_of_charge"}
    assert states == pytest.approx(lithium, abs=2e-4)
    fraction = {r.sample: r.values["ni4_fraction"] for r in results if "fraction" in r.analysis}
    edges = {r.sample: r.values["edge_ev"] for r in results if r.analysis == "edge_position"}
    x = np.array([lithium[sample] for sample in fraction])
    charge = (x.max() - x) / (x.max() - x.min())
    assert np.sqrt(np.mean((np.array(list(fraction.values())) - charge) ** 2)) <= 0.085
    assert np.corrcoef(charge, [edges[sample] for sample in fraction])[0, 1] >= 0.97
    shifts = [r.values["calibration_shift_ev"] for r in results if r.analysis == "edge_position"]
    assert np.std(shifts) < 0.03


def test_larchs_published_combination_by_its_files(shared):
    unknown = shared / "kedge_mixtures" / "larch_lcf_Au_unknown.dat"
    found = by_analysis(replay(unknown, EXAMPLES / "gold_mixture.toml"))
    [fraction] = [result for name, result in found.items() if name.endswith("fraction")]
    assert fraction.values["fraction_s1"] == pytest.approx(0.47066, abs=0.002)
    assert fraction.values["fraction_s2"] == pytest.approx(0.52934, abs=0.002)


def test_a_file_in_kilo_electronvolts_is_converted_once(shared, tmp_path):
    energy_ev, mu = np.loadtxt(shared / "kedge_foils" / "lisa_Ni_foil_111.xdi", unpack=True)[:2]
    path = tmp_path / "foil.dat"
    np.savetxt(path, np.stack([energy_ev / 1000, mu], axis=1), header="energy mutrans", fmt="%.9f")
    roles = {"energy_ev": "energy", "energy_unit": "keV", "mutrans": "mutrans"}
    [edge] = replay(path, Beamline.from_dict({"xanes": roles, "foil": [{"edge": "Ni K"}]}))
    assert edge.values["edge_ev"] == pytest.approx(8333.0, abs=0.3)


def test_a_broken_configuration_file_is_named(runs, tmp_path):
    path = tmp_path / "beamline.toml"
    path.write_text("[xanes]\nenergy_ev = 3\n")
    with pytest.raises(ConfigurationError, match=r"beamline\.toml"):
        list(replay(runs, path))


def test_live_stored_and_replayed_are_the_same_bits(tmp_path):
    """Through a real server: what is said in the scan, what is stored, what a replay says."""
    from cgnmc_bluesky.callbacks import EdgePosition, Ni2Fraction
    from cgnmc_bluesky.catalogs import EmbeddedCatalog, open_source
    from cgnmc_bluesky.results import Result, ResultCollector

    beamline = SimulatedBeamline(seed=9)
    engine = RunEngine()
    engine.preprocessors.append(beamline.with_metadata)
    live = ResultCollector()
    with (
        EmbeddedCatalog(tmp_path / "catalog") as catalog,
        EdgePosition() as edge,
        Ni2Fraction() as fraction,
    ):
        writer = catalog.writer()
        engine.subscribe(writer)
        for callback in (edge, fraction):
            callback.subscribe(live)
            callback.subscribe(writer)
            engine.subscribe(callback)
        detectors = [beamline.i0, beamline.it, beamline.ir]
        engine(xanes_scan(detectors, beamline.mono, edge="Ni K", regions=REGIONS))
        assert edge.wait(60)
        assert fraction.wait(60)
        writer.close(60)
        with open_source(tmp_path / "catalog") as source:
            run = source.find(-1)
            stored = [Result.from_documents(one.documents()) for one in source.results_of(run.uid)]
            replayed = list(replay(source, runs=[-1]))
    lines = [{r.analysis: r.as_dict() for r in found} for found in (live.results, stored, replayed)]
    assert len(lines[0]) == 2
    assert lines[0] == lines[1] == lines[2]
