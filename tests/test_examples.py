from pathlib import Path

import pytest

from cgnmc_bluesky import Beamline, replay
from cgnmc_bluesky.beamline import Edge
from cgnmc_bluesky.sim.beamline import SimulatedBeamline

EXAMPLES = Path(__file__).parents[1] / "examples"
MEASURED = ("lno", "oxides", "manganese", "gold_mixture")


def example(name: str) -> Beamline:
    return Beamline.load(EXAMPLES / f"{name}.toml")


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.toml")), ids=lambda file: file.stem)
def test_an_example_loads_and_gives_roles(file):
    beamline = Beamline.load(file)
    sections = [beamline.roles(name) for name in ("xanes", "soft_xanes", "xrf", "heating")]
    assert any(sections)


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
