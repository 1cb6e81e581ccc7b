from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bluesky import RunEngine
from map_documents import MeasuredMap, hxn_run, measured_map, srx_run

from cgnmc_bluesky import Beamline, replay
from cgnmc_bluesky.beamline import DataSection, Edge
from cgnmc_bluesky.beamline.settings import TECHNIQUES
from cgnmc_bluesky.check import Severity, check
from cgnmc_bluesky.plans import heating_ramp
from cgnmc_bluesky.sim.beamline import SimulatedBeamline
from cgnmc_bluesky.sim.fluorescence import DetectorElement
from cgnmc_bluesky.sim.hotstage import SimulatedHotStage
from cgnmc_bluesky.sim.nanobeam import Nanobeam
from cgnmc_bluesky.sim.particle import PARTICLES

EXAMPLES = Path(__file__).parents[1] / "examples"
MEASURED = ("lno", "oxides", "manganese", "gold_mixture")


def example(name: str) -> Beamline:
    return Beamline.load(EXAMPLES / f"{name}.toml")


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.toml")), ids=lambda file: file.stem)
def test_an_example_loads_and_gives_roles(file):
    beamline = Beamline.load(file)
    # the files of cyclers name their columns themselves
    assert beamline.cycling or any(beamline.roles(name) for name in TECHNIQUES)


def test_the_simulated_hot_stage_is_what_its_runs_carry():
    assert example("hotstage") == Beamline.from_dict(SimulatedHotStage().roles())


def test_the_simulated_beamline_is_what_its_runs_carry():
    carried = Beamline.from_dict(SimulatedBeamline().roles())
    assert example("simulated") == carried
    assert all(reference.path.is_file() for reference in carried.reference)


@pytest.mark.parametrize("name", MEASURED)
def test_the_measured_files_are_where_the_example_says(name, shared):
    beamline = example(name)
    standards = [item for item in (*beamline.reference, *beamline.foil) if item.file]
    assert standards
    for standard in standards:
        assert shared.joinpath(*standard.file.parts[-2:]).is_file()


def test_the_operando_series_ends_where_the_charge_does(shared):
    charge = (shared / "kedge_operando_LNO" / "index_time_charge.csv").read_text().splitlines()
    header, *rows = [line.split(",") for line in charge]
    lithium = header.index("x_Li_if_7.000mg")
    by_lithium = sorted(rows, key=lambda row: float(row[lithium]))
    pristine, charged = example("lno").references_of(Edge("Ni", "K"))
    assert pristine.path.name == by_lithium[-1][0]
    assert charged.path.name == by_lithium[0][0]
    assert (pristine.valence, charged.valence) == (3, 4)


def test_gold_is_combined_as_it_was_published():
    fraction = example("gold_mixture").analysis.fraction
    assert fraction.fit_range_ev == (11870.0, 12030.0)
    assert (fraction.baseline, fraction.sum_to_one) == ("none", True)


@pytest.mark.parametrize(
    ("name", "file", "fractions", "within"),
    [
        (
            "gold_mixture",
            "kedge_mixtures/larch_lcf_Au_unknown.dat",
            {"fraction_s1": 0.47066, "fraction_s2": 0.52934},
            0.002,
        ),
        ("manganese", "kedge_oxides/xaslib_MnO_rt_02.xdi", {"mn2_fraction": 1.0}, 0.03),
        ("manganese", "kedge_oxides/xaslib_Mn2O3_rt_02.xdi", {"mn3_fraction": 1.0}, 0.03),
        ("manganese", "kedge_oxides/xaslib_MnO2_rt_02.xdi", {"mn4_fraction": 1.0}, 0.03),
    ],
)
def test_an_example_gives_what_is_known(shared, name, file, fractions, within):
    results = replay(shared / file, example(name))
    [result] = [one for one in results if one.analysis.endswith("_fraction")]
    assert result.status == "final"
    assert {key: result.values[key] for key in fractions} == pytest.approx(fractions, abs=within)


@pytest.fixture(scope="module")
def mapped() -> MeasuredMap:
    """A core-shell particle under a beam, three detector elements, 21 lines of 25 pixels."""
    shape, random = (21, 25), np.random.default_rng(4)
    y_um, x_um = np.meshgrid(*(np.linspace(-6.0, 6.0, n) for n in shape), indexing="ij")
    x_um[1::2] = x_um[1::2, ::-1]
    beam = Nanobeam([PARTICLES["gradient"]], beam_fwhm_um=0.05, flux_ph_s=3e9)
    swept_um = 0.5 * (np.arange(8) - 3.5) / 8
    emission = beam.emission(x_um.reshape(-1, 1) + swept_um, y_um.reshape(-1, 1), dwell_s=0.02)
    elements = (
        DetectorElement(share=share, gain_ev=10.01, dead_time_s=1e-9) for share in (0.4, 0.3, 0.3)
    )
    recorded = [element.record(emission, 0.02, random) for element in elements]
    return measured_map(
        np.stack([one.counts for one in recorded], axis=1).reshape(*shape, 3, -1),
        x_um=x_um,
        y_um=y_um,
        dead_time=np.stack([one.dead_time_factor for one in recorded], axis=1).reshape(*shape, 3),
    )


def in_counts(measured: MeasuredMap, beamline: Beamline) -> MeasuredMap:
    """The same with positions as encoders count them."""
    worth = beamline.xrf.um_per_count
    return replace(
        measured, **{role: getattr(measured, role) / worth.get(role, 1.0) for role in worth}
    )


@pytest.mark.parametrize(("name", "make"), [("hxn", hxn_run), ("srx", srx_run)])
def test_maps_of_nanoprobes(mapped, tmp_path, name, make):
    written = example(name)
    section = written.xrf.model_copy(update={"beam_fwhm_um": 0.05})
    folder = DataSection(readable=(tmp_path,))
    beamline = written.model_copy(update={"data": folder, "xrf": section})
    run = make(in_counts(mapped, beamline), tmp_path)
    findings = check(beamline, run.documents)
    assert [str(one) for one in findings if one.severity is Severity.ERROR] == []
    [result] = replay(run.documents, beamline)
    assert result.status == "final", result.reason
    assert "dead time not corrected" in result.reason
    truth = PARTICLES["gradient"].truth()
    for end in ("core", "shell"):
        corrected = f"mn_ni_{end}_corrected"
        off = result.values[corrected] - truth[f"mn_ni_{end}"]
        assert abs(off) < 4 * result.sigmas[corrected] + 0.02 * truth[f"mn_ni_{end}"]
    assert result.values["particle_radius_um"] == pytest.approx(5.0, rel=0.02)
    line = result.curves["map"]["line"]
    assert np.unique(line).size == 21, "whichever way round the record says the shape"
    assert np.bincount(line.astype(int)).tolist() == [25] * 21


@pytest.fixture(scope="module")
def heated() -> list[tuple[str, dict]]:
    """A ramp of the conventional cathode."""
    stage, documents = SimulatedHotStage("conventional", seed=3), []
    detectors = [stage.diffractometer], [stage.rga]
    plan = heating_ramp(
        stage.furnace, *detectors, target_c=330.0, rate_c_per_min=8.0, pattern_period_s=120.0
    )
    RunEngine()(plan, lambda name, doc: documents.append((name, dict(doc))))
    return documents


def renamed(documents: list[tuple[str, dict]], names: Mapping[str, str]) -> list[tuple[str, dict]]:
    """The same run by another beamline's data keys."""

    def by_name(of_keys: Mapping) -> dict:
        return {names.get(key, key): value for key, value in of_keys.items()}

    tables = {"descriptor": ("data_keys",), "event": ("data", "timestamps")}
    return [
        (name, doc | {table: by_name(doc[table]) for table in tables.get(name, ())})
        for name, doc in documents
    ]


def test_a_ramp_at_xpd(heated):
    xpd = example("xpd").heating
    simulated = {"clock": "reading", "transport_delay_s": 11.0, "wavelength_a": 0.4522}
    beamline = Beamline(heating=xpd.model_copy(update=simulated))
    names = {f"rga_mz{mass}": key for mass, key in xpd.ion_current.items()}
    names |= {"furnace_temperature": xpd.temperature_c}
    names |= {"xrd_intensity": xpd.pattern, "xrd_two_theta": xpd.two_theta_deg}
    documents = renamed(heated, names)
    findings = check(beamline, documents)
    assert [str(one) for one in findings if one.severity is not Severity.OK] == []
    results = {result.analysis: result for result in replay(documents, beamline)}
    assert results.keys() == {"o2_onset", "phases"}
    assert {result.status for result in results.values()} == {"final"}
    assert 170.0 < results["o2_onset"].values["t_rate_c"] < 260.0
    assert 0.0 <= results["phases"].values["layered_fraction"] < 0.9


def test_the_text_export_of_a_mass_spectrometer(heated, tmp_path):
    rows: dict[float, dict[str, float]] = {}
    for name, doc in heated:
        if name == "event" and "xrd_intensity" not in doc["data"]:
            stamp = max(doc["timestamps"].values())
            rows.setdefault(round(stamp), {}).update(doc["data"])
    names = {f"rga_mz{mass}": f"mass {mass}.00" for mass in (18, 32, 44)}
    names |= {"furnace_temperature": "Temperature (C)"}
    first_s, lines = min(rows), [",".join(["Time (s)", *names.values()])]
    for time_s, row in sorted(rows.items()):
        if row.keys() >= names.keys():
            cells = [time_s - first_s, *(row[key] for key in names)]
            lines.append(",".join(f"{cell:.6g}" for cell in cells))
    file = tmp_path / "export.csv"
    file.write_text("\n".join(lines))
    findings = check(example("export"), str(file))
    assert [str(one) for one in findings if one.severity is not Severity.OK] == []
    [onset] = replay(file, example("export"))
    assert (onset.analysis, onset.status) == ("o2_onset", "final")
    assert 170.0 < onset.values["t_rate_c"] < 260.0
