from dataclasses import replace

import numpy as np
import pytest
from simulated_scans import KEYS, block, scan_grid

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.analysis.xanes.edge import EdgeAccumulator
from cgnmc_bluesky.sim.spectra import shapes

TRANSMISSION = {"energy_ev": "mono_energy", "i0": "i0", "itrans": "it", "irefer": "ir"}


def edge_of(model, rows, keys=KEYS, *, ended=True, mode="transmission", constants=None):
    accumulator = EdgeAccumulator(model, keys, mode, constants)
    accumulator.add(rows)
    return accumulator.result(ended=ended)


def intensities(seed=1, *, ni2=0.3, off_ev=0.7):
    """I0, It and Ir of a sample and a foil, in counts with their noise."""
    rng = np.random.default_rng(seed)
    true_ev = scan_grid(0.1)
    mu = 0.9 * (ni2 * shapes()["NiO"](true_ev) + (1 - ni2) * shapes()["LiNiO2"](true_ev)) + 0.2
    foil = 1.2 * shapes()["Ni"](true_ev)
    flux = 2e6 * (1 + 0.1 * np.sin(true_ev / 40))
    i0 = rng.poisson(flux).astype(float)
    itrans = rng.poisson(flux * np.exp(-mu)).astype(float)
    irefer = rng.poisson(flux * np.exp(-mu - foil)).astype(float)
    return {"energy_ev": true_ev - off_ev, "i0": i0, "itrans": itrans, "irefer": irefer}


def test_shifts_with_sigmas_that_are_those_of_repeated_scans(nickel, measure):
    rng = np.random.default_rng(31)
    found, off_ev = [], rng.uniform(-5, 5, size=600)
    for off in off_ev:
        found.append(edge_of(nickel, measure(rng, 0.0, off_ev=off, signal_to_noise=200)))
    edges = np.array([one.values["edge_shift_ev"] for one in found])
    sigmas = np.array([one.sigmas["edge_shift_ev"] for one in found])
    assert 0.62 < np.mean(np.abs(edges) < sigmas) < 0.74
    axis = np.array([one.values["calibration_shift_ev"] for one in found]) - off_ev
    axis_sigmas = np.array([one.sigmas["calibration_shift_ev"] for one in found])
    assert 0.62 < np.mean(np.abs(axis) < axis_sigmas) < 0.74


def test_where_template_and_foil_have_their_inflections_is_part_of_the_edges_sigma(nickel):
    assert nickel.template is not None
    assert nickel.foil is not None
    foil = replace(nickel.foil, inflection_sigma_ev=0.3)
    plain = edge_of(nickel, block(intensities()), TRANSMISSION).sigmas
    found = edge_of(replace(nickel, foil=foil), block(intensities()), TRANSMISSION).sigmas
    own_ev = nickel.template.inflection_sigma_ev
    assert own_ev > 0.01
    assert plain["edge_ev"] == pytest.approx(np.hypot(plain["edge_shift_ev"], own_ev))
    assert found["edge_ev"] > 0.3
    assert found["calibration_shift_ev"] > 0.3
    assert found["edge_shift_ev"] == plain["edge_shift_ev"]


def test_all_values_of_a_whole_scan(nickel):
    found = edge_of(nickel, block(intensities()), TRANSMISSION)
    assert found.status is Status.FINAL
    assert found.reason == ""
    assert found.values["calibration_shift_ev"] == pytest.approx(0.7, abs=0.03)
    assert found.values["edge_step"] == pytest.approx(0.9, rel=0.05)
    assert -3 < found.values["edge_shift_ev"] < 0
    assert all(sigma > 0 for sigma in found.sigmas.values())
    assert set(found.curves["spectrum"]) == {"energy_ev", "mu", "normalised"}


def test_drift_of_5_ev_leaves_sample_against_foil_within_0_03_ev(shared, nickel):
    """Real scans of a drifting axis; the foils and the sample are theirs."""
    from cgnmc_bluesky.analysis.xanes.calibrate import master_foil, template_of

    folder = shared / "kedge_oxides"
    lisa = np.loadtxt(shared / "kedge_foils" / "lisa_Ni_foil_111.xdi", unpack=True)
    energy_ev, mu, foil = np.loadtxt(folder / "lisa_LaNiO3_Ni_80K_111.xdi", unpack=True)
    model = replace(
        nickel,
        foil=master_foil(lisa[0], lisa[1], 8333.0),
        template=template_of(energy_ev, mu, 8333.0),
    )
    rng = np.random.default_rng(1)
    edges = []
    for off_ev in np.linspace(-2.5, 2.5, 10):
        noise = rng.normal(size=(2, len(energy_ev))) * 3e-4
        rows = {
            "energy_ev": energy_ev - off_ev,
            "mutrans": mu + noise[0],
            "murefer": foil + noise[1],
        }
        edges.append(edge_of(model, block(rows)).values["edge_ev"])
    assert np.std(edges) < 0.03


def test_without_a_template_the_edge_is_the_scans_own(nickel):
    found = edge_of(replace(nickel, template=None), block(intensities()), TRANSMISSION)
    assert found.status is Status.FINAL
    assert "no template" in found.reason
    assert found.values["edge_shift_ev"] is None
    assert found.sigmas["edge_ev"] > 0.1


@pytest.mark.parametrize("offset_ev", [0.0, 0.3, 0.5, 0.8])
def test_a_foil_in_the_samples_place_is_matched_to_the_foil(nickel, offset_ev):
    """At 1 eV steps and a signal to noise of 1000, within 0.1 eV of the table value."""
    grid_ev = np.arange(8250.0 + offset_ev, 8450)
    noise = np.random.default_rng(1).normal(size=len(grid_ev)) / 1000
    rows = block({"energy_ev": grid_ev, "mutrans": shapes()["Ni"](grid_ev) + noise})
    found = edge_of(replace(nickel, template=None), rows)
    assert found.values["edge_ev"] == pytest.approx(8333.0, abs=0.1)
    assert "matched" in found.reason


def test_without_a_foil_energies_are_as_recorded(nickel):
    columns = intensities()
    del columns["irefer"]
    found = edge_of(nickel, block(columns), TRANSMISSION)
    assert found.status is Status.FINAL
    assert "no foil (ir)" in found.reason
    assert found.values["calibration_shift_ev"] is None
    assert found.values["edge_ev"] is not None


def test_a_foil_of_another_element_is_named_and_not_used(nickel):
    columns = intensities()
    columns["irefer"] = columns["itrans"] * np.exp(-shapes()["Co"](columns["energy_ev"]))
    found = edge_of(nickel, block(columns), TRANSMISSION)
    assert "foil channel ir cannot be used" in found.reason
    assert found.values["calibration_shift_ev"] is None


def test_a_growing_scan_shows_no_edge_step_before_its_windows_stand_still(nickel):
    columns = {name: column[:170] for name, column in intensities().items()}
    found = edge_of(nickel, block(columns), TRANSMISSION, ended=False)
    assert found.status is Status.PROVISIONAL
    assert found.values["edge_ev"] is not None
    assert found.values["edge_step"] is None


def test_dark_currents_are_taken_off(nickel):
    columns = intensities()
    dark = {"dark_i0": 3e5, "dark_itrans": 2e5, "dark_irefer": 1e5}
    shifted = {**columns}
    for role in ("i0", "itrans", "irefer"):
        shifted[role] = columns[role] + dark[f"dark_{role}"]
    plain = edge_of(nickel, block(columns), TRANSMISSION)
    found = edge_of(nickel, block(shifted), TRANSMISSION, constants=dark)
    assert found.values == pytest.approx(plain.values)


@pytest.mark.parametrize("value", [0.0, -5.0, np.nan, np.inf])
@pytest.mark.parametrize("role", ["i0", "itrans", "irefer"])
def test_readings_that_are_none_are_left_out_and_named(nickel, role, value):
    columns = intensities()
    columns[role][[100, 150, 151]] = value
    found = edge_of(nickel, block(columns), TRANSMISSION)
    clean = edge_of(nickel, block(intensities()), TRANSMISSION)
    assert found.status is Status.FINAL
    assert found.values["edge_ev"] == pytest.approx(clean.values["edge_ev"], abs=0.1)
    if role != "irefer":
        assert TRANSMISSION[role] in found.reason
        assert "3 rows" in found.reason


def test_saturated_and_stuck_readings_are_left_out(nickel):
    columns = intensities()
    columns["i0"][200:206] = 5e6
    columns["itrans"][30:40] = columns["itrans"][30]
    reason = edge_of(nickel, block(columns), TRANSMISSION).reason
    assert "i0 saturated in 6 rows" in reason
    assert "it stuck in 10 rows" in reason


def test_rows_without_beam_are_left_out(nickel):
    columns = intensities()
    for role in ("i0", "itrans", "irefer"):
        columns[role][210:230] *= 1e-3
    found = edge_of(nickel, block(columns), TRANSMISSION)
    assert "i0 without beam in 20 rows" in found.reason
    assert found.status is Status.FINAL


@pytest.mark.parametrize("role", ["i0", "itrans"])
def test_a_dead_detector_is_a_failure_with_its_name(nickel, role):
    columns = intensities()
    columns[role][:] = 0.0
    found = edge_of(nickel, block(columns), TRANSMISSION)
    assert found.status is Status.FAILED
    assert TRANSMISSION[role] in found.reason
    assert found.values["edge_ev"] is None


def test_a_glitch_at_one_energy_in_all_channels(nickel):
    columns = intensities()
    columns["itrans"][140] *= 0.4
    columns["irefer"][140] *= 0.2
    found = edge_of(nickel, block(columns), TRANSMISSION)
    clean = edge_of(nickel, block(intensities()), TRANSMISSION)
    assert "glitch" in found.reason
    assert found.values["edge_ev"] == pytest.approx(clean.values["edge_ev"], abs=0.05)


def test_a_constant_i0_beside_a_recorded_ratio_is_no_fault(nickel):
    columns = intensities()
    columns["itrans"] = columns["itrans"] / columns["i0"]
    columns["irefer"] = columns["irefer"] / columns["i0"]
    columns["i0"] = np.ones(len(columns["i0"]))
    found = edge_of(nickel, block(columns), TRANSMISSION)
    assert found.status is Status.FINAL
    assert found.reason == ""


def test_no_rows_at_all(nickel):
    found = EdgeAccumulator(nickel, KEYS).result(ended=True)
    assert found.status is Status.WAITING
    assert "no rows" in found.reason


def test_fluorescence_is_if_over_i0(nickel):
    columns = intensities()
    true_ev = columns["energy_ev"] + 0.7
    columns["ifluor"] = columns["i0"] * (0.02 + 0.1 * shapes()["LiNiO2"](true_ev))
    keys = {**TRANSMISSION, "ifluor": "if"}
    found = edge_of(nickel, block(columns), keys, mode="fluorescence")
    assert nickel.template is not None
    assert found.values["edge_ev"] == pytest.approx(nickel.template.inflection_ev, abs=0.1)
