"""The ageing cell: its laws against themselves, and the files that its cycler writes."""

import event_model
import numpy as np
import pytest

from cgnmc_bluesky.sim import CELLS, SimulatedCycler
from cgnmc_bluesky.sim.cell import half_cycles, truth_of

PAPER = (1.0 / 3.0, 2.7, 4.4)


@pytest.mark.parametrize("name", CELLS)
def test_a_cycle_stays_between_its_voltages_and_returns_what_it_should(name):
    cell = CELLS[name]
    for cycle in (1, 2, 100):
        up, down = half_cycles(cell, cycle, *PAPER)
        for half in (up, down):
            assert half.voltage_v.min() > 2.69
            assert half.voltage_v.max() < 4.401
            assert (np.diff(half.passed_mah_per_g) >= 0.0).all()
        assert up.voltage_v[-1] == pytest.approx(4.4, abs=1e-3)
        assert down.voltage_v[-1] == pytest.approx(2.7, abs=1e-3)
        efficiency = down.passed_mah_per_g[-1] / up.passed_mah_per_g[-1]
        expected = 1.0 - cell.lost_at_first if cycle == 1 else cell.efficiency
        assert efficiency == pytest.approx(expected, rel=1e-6)


def test_the_conventional_peak_moves_up_and_fades_from_cycle_60_and_the_other_hardly():
    def moved(name: str, first: int, last: int) -> tuple[float, float]:
        begin, end = (truth_of(CELLS[name], cycle, *PAPER) for cycle in (first, last))
        return end.peak_v - begin.peak_v, end.peak_height / begin.peak_height

    assert 3.74 < truth_of(CELLS["conventional"], 2, *PAPER).peak_v < 3.80
    early_v, early = moved("conventional", 2, 59)
    late_v, late = moved("conventional", 60, 100)
    assert early_v < 0.015
    assert late_v > 0.05
    assert early > 0.85
    assert late < 0.5
    gradient_v, gradient = moved("gradient", 60, 100)
    assert gradient_v < 0.012
    assert gradient > 0.85


def test_the_gradient_cell_keeps_more_of_its_capacity():
    def kept(name: str) -> float:
        return float(
            truth_of(CELLS[name], 100, *PAPER).discharge_mah_per_g
            / truth_of(CELLS[name], 1, *PAPER).discharge_mah_per_g
        )

    assert kept("conventional") < 0.80
    assert kept("gradient") > 0.90


def test_the_record_passes_what_the_truth_says():
    cycler = SimulatedCycler(cycles=2, row_s=120.0)
    rows = cycler.rows
    grams = cycler.active_mass_mg * 1e-3
    first = np.ptp(rows.capacity_mah[rows.half_cycle <= 0.0])
    assert first == pytest.approx(cycler.truth()[0].charge_mah_per_g * grams, rel=1e-6)
    assert (np.diff(rows.time_s) >= 0.0).all()
    assert set(rows.cycle) == {1.0, 2.0}
    again = SimulatedCycler(cycles=2, row_s=120.0).rows
    np.testing.assert_array_equal(again.voltage_v, rows.voltage_v)


def test_documents_are_valid_and_carry_roles_and_truth():
    cycler = SimulatedCycler("gradient", cycles=1, row_s=300.0)
    documents = list(cycler.documents())
    for name, doc in documents:
        event_model.schema_validators[event_model.DocumentNames[name]].validate(
            event_model.sanitize_doc(doc)
        )
    start = documents[0][1]
    assert (start["material"], start["cycles"], start["cutoff_v"]) == ("gradient", 1, 4.4)
    assert start["beamline"]["cycling"]["voltage_v"] == "cycler_voltage"
    assert start["truth"]["cycling"][0]["cycle"] == 1


def test_texts_are_as_eclab_and_others_write_them(tmp_path):
    cycler = SimulatedCycler(cycles=1, row_s=600.0, start_s=1658875110.19)
    lines = cycler.write_mpt(tmp_path / "cell.mpt").read_text(encoding="latin-1").splitlines()
    assert lines[:2] == ["EC-Lab ASCII FILE", "Nb header lines : 10"]
    assert "Acquisition started on : 07/26/2022 22:38:30.190" in lines
    assert lines[9].startswith("mode\ttime/s\tEwe/V\t<I>/mA")
    assert len(lines) == 10 + len(cycler.rows.time_s)
    assert lines[10].split("\t")[1] == "0,000000000E+00"
    table = cycler.write_csv(tmp_path / "cell.csv").read_text().splitlines()
    assert table[0] == "Time (s),Voltage (V),Current (mA),Capacity (mAh),Cycle"
    assert len(table) == 1 + len(cycler.rows.time_s)
