"""Measured spectra as runs."""

import shutil
from datetime import UTC, datetime

import event_model
import numpy as np
import pytest
from catalog_documents import events

from cgnmc_bluesky.catalogs import SourceError, open_source


def test_operando_series_is_twenty_runs_in_order(shared):
    source = open_source(shared / "kedge_operando_LNO")
    runs = list(source.runs())
    assert [run.start["scan_id"] for run in runs] == list(range(1, 21))
    assert runs[2].start["sample"] == "norm_op2_cell4_pos1_dq1_0007_av240_00001"
    assert runs[0].start["columns"] == {
        "shifted energy": "energy",
        "normalized": "mutrans",
        "reference": "murefer",
        "ref_derivative": "",
        "I0": "i0",
    }
    started = datetime(2022, 7, 26, 23, 1, 58, 55000, UTC).timestamp()
    assert runs[0].start["time"] == started
    assert sorted(runs, key=lambda run: run.start["time"]) == runs
    assert source.find(-1).uid == runs[-1].uid
    assert source.find(3).uid == runs[2].uid


def test_documents_are_valid_and_hold_the_columns(shared):
    [run] = open_source(shared / "kedge_foils" / "lisa_Ni_foil_111.xdi").runs()
    documents = list(run.documents())
    for name, doc in documents:
        event_model.schema_validators[event_model.DocumentNames[name]].validate(doc)
    start, descriptor, page, stop = (doc for _, doc in documents)
    assert start["edge"] == "Ni K"
    assert start["sample"] == "Ni metal foil @ RT"
    assert start["plan_name"] == "measured_spectrum"
    assert start["XDI"]["Mono"]["name"] == "Si(111)"
    assert descriptor["data_keys"]["energy"]["units"] == "eV"
    assert stop["num_events"] == {"primary": 965}
    np.testing.assert_allclose(page["data"]["mutrans"][:2], [-0.42110699, -0.42196762])
    assert len(events(documents)) == 965
    assert (np.diff(page["time"]) == 1.0).all()


def test_run_depends_on_the_content_alone(shared, tmp_path):
    original = shared / "kedge_foils" / "lisa_Ni_foil_111.xdi"
    copied = shutil.copy(original, tmp_path / "scan.xdi")
    first, second = open_source(original).find(-1), open_source(copied).find(-1)
    assert first.uid == second.uid
    assert list(first.documents())[2] == list(second.documents())[2]
    assert open_source(original).find(first.uid[:6]).uid == first.uid


def test_dots_in_the_names_of_columns_are_no_part_of_a_data_key(shared):
    run = open_source(shared / "kedge_operando_LNO").find(1)
    [data] = events(run.documents())[:1]
    assert set(data) == {"shifted energy", "normalized", "reference", "ref_derivative", "I0"}


def test_columns_may_be_told(tmp_path):
    (tmp_path / "scan.dat").write_text("0.5 8333 1\n0.6 8334 2\n")
    source = open_source(tmp_path / "scan.dat", columns={"energy_ev": 2, "mu": 3})
    assert events(source.find(1).documents())[0]["energy"] == 8333
    assert source.find(1).start["columns"] == {"energy": "energy", "mutrans": "mutrans"}


def test_header_may_use_the_data_keys_of_a_beamline(tmp_path):
    (tmp_path / "scan.dat").write_text("# th sclr_ch1 sclr_ch2\n8.333 5 1\n8.334 5 2\n")
    known = {"energy_ev": "th", "i0": "sclr_ch1", "itrans": "sclr_ch2"}
    run = open_source(tmp_path / "scan.dat", known=known).find(1)
    assert events(run.documents())[0] == {"th": 8333.0, "sclr_ch1": 5.0, "sclr_ch2": 1.0}


def test_every_folder_of_measured_spectra_opens(shared):
    counts = {
        folder.name: len(list(open_source(folder).runs()))
        for folder in sorted(shared.glob("kedge_*"))
    }
    assert counts == {
        "kedge_foils": 9,
        "kedge_mixtures": 7,
        "kedge_operando_LNO": 20,
        "kedge_oxides": 18,
    }


def test_files_of_a_folder_come_in_natural_order(tmp_path):
    for number in (10, 9, 1):
        (tmp_path / f"scan{number}.dat").write_text(f"8333 {number}\n8334 {number}\n")
    (tmp_path / "notes.txt").write_text("measured on a rainy day\n")
    (tmp_path / "more").mkdir()
    source = open_source(tmp_path)
    assert [run.start["file"] for run in source.runs()] == ["scan1.dat", "scan9.dat", "scan10.dat"]


def test_broken_spectrum_in_a_folder_is_a_run_that_says_so(tmp_path):
    (tmp_path / "scan1.xdi").write_text("# XDI/1.0\n# Column.1: energy eV\n")
    (tmp_path / "scan2.dat").write_text("8333 1\n8334 2\n8335\n")
    broken, noted = open_source(tmp_path).runs()
    assert [name for name, _ in broken.documents()] == ["start", "stop"]
    assert broken.note == "scan1.xdi has no two columns of numbers in its 2 lines"
    assert noted.note == "row left out: line 3 of scan2.dat, '8335'"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("scan.xdi", "", "scan.xdi is empty"),
        ("scan.txt", "no numbers\n", "scan.txt has no two columns of numbers"),
    ],
)
def test_file_without_a_spectrum(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(SourceError, match=message):
        open_source(tmp_path / name)


def test_folder_without_anything(tmp_path):
    with pytest.raises(SourceError, match=r"holds neither a catalog .* nor measured spectra"):
        open_source(tmp_path)
