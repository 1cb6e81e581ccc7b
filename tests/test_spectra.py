"""Measured spectra: every shared file, Larch as the oracle, and what files get wrong."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from cgnmc_bluesky.spectra import (
    MeasuredSpectrum,
    SpectrumError,
    read_spectra,
    standard_names,
)


def one(path: Path, **columns: int | str) -> MeasuredSpectrum:
    [spectrum] = read_spectra(path, columns)
    return spectrum


@pytest.fixture
def written(tmp_path):
    def write(text: str | bytes, name: str = "scan.dat") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_every_shared_xdi_agrees_with_larch(shared):
    from larch.io import read_xdi

    files = sorted(shared.glob("kedge_*/*.xdi"))
    assert len(files) == 21
    for path in files:
        spectrum, oracle = one(path), read_xdi(str(path))
        assert list(spectrum.columns) == oracle.array_labels, path.name
        for name, array in spectrum.columns.items():
            np.testing.assert_array_equal(array, getattr(oracle, name), err_msg=path.name)
        assert spectrum.metadata["Element"]["symbol"] == oracle.element
        assert spectrum.metadata["Sample"]["name"] == oracle.attrs["sample"]["name"]
        assert spectrum.units["energy"] == "eV"
        assert spectrum.notes == ()


@pytest.mark.parametrize(
    ("pattern", "n_files", "n_columns", "standard"),
    [
        ("kedge_foils/xasref_*.dat", 4, 3, {"energy": "energy", "mu": "mutrans"}),
        ("kedge_mixtures/*.dat", 7, 2, {"energy": "energy", "munorm": "mutrans"}),
        ("kedge_oxides/pyxas_*.txt", 2, 2, {"energy": "energy", "mutrans": "mutrans"}),
        (
            "kedge_operando_LNO/*.txt.gz",
            20,
            5,
            {
                "shifted energy": "energy",
                "normalized": "mutrans",
                "reference": "murefer",
                "I0": "i0",
            },
        ),
        (
            "bluesky_docs/*APS10BM*.dat",
            1,
            5,
            {"energy": "energy", "Io": "i0", "It": "itrans", "Iref": "irefer", "If": "ifluor"},
        ),
    ],
)
def test_every_shared_column_text(shared, pattern, n_files, n_columns, standard):
    files = sorted(shared.glob(pattern))
    assert len(files) == n_files
    for path in files:
        spectrum = one(path)
        assert len(spectrum.columns) == n_columns
        assert standard_names(spectrum.columns) == standard
        energy = next(iter(spectrum.columns.values()))
        assert 6000 < energy.min() < energy.max() < 13000
        assert len(energy) > 200


def test_operando_file_knows_its_start(shared):
    path = shared / "kedge_operando_LNO" / "norm_op2_cell4_pos1_dq1_0001_av240_00001.txt.gz"
    spectrum = one(path)
    assert spectrum.name == "norm_op2_cell4_pos1_dq1_0001_av240_00001"
    assert spectrum.metadata["Scan"]["start_time"] == "2022-07-26 23:01:58.055"


def test_beamline_xdi_written_by_bluesky(shared):
    spectrum = one(shared / "bluesky_docs" / "beamline_NSLS6BM_2019.dat")
    assert spectrum.metadata["Sample"]["name"] == "Ca0.25V2O5"
    assert spectrum.units["DTC1"] == "dead-time corrected count rate"
    assert spectrum.columns["It"][0] == pytest.approx(0.0, abs=1)
    assert len(spectrum.columns) == 23


def test_index_of_a_series_is_no_spectrum(shared):
    with pytest.raises(SpectrumError, match="no two columns of numbers"):
        read_spectra(shared / "kedge_operando_LNO" / "index_time_charge.csv")


@pytest.mark.parametrize(
    "text",
    [
        "8300 0.1\n8301 0.2\n8302 0.3\n",
        "8.300 0.1\n8.301 0.2\n8.302 0.3\n",
        "energy,xmu\n8300,0.1\n8301,0.2\n8302,0.3\n",
        "# E (keV)\tmu\n8.300\t0.1\n8.301\t0.2\n8.302\t0.3\n",
        "; energy; mu\n8300; 0.1\n8301; 0.2\n8302; 0.3\n",
        "% energy  xmu\r\n8300 0.1\r\n8301 0.2\r\n8302 0.3\r\n",
        "8300,0 0,1\n8301,0 0,2\n8302,0 0,3\n",
        "energy\tmu\n8300,0\t0,1\n8301,0\t0,2\n8302,0\t0,3\n",
        "# measured on Monday\n#----\n8300 0.1\n\n8301 0.2\n# pause\n8302 0.3\n",
    ],
)
def test_the_same_spectrum_in_many_forms(written, text):
    spectrum = one(written(text))
    energy, mu = spectrum.columns.values()
    np.testing.assert_allclose(energy, [8300, 8301, 8302])
    np.testing.assert_allclose(mu, [0.1, 0.2, 0.3])
    assert set(standard_names(spectrum.columns).values()) == {"energy", "mutrans"}
    assert spectrum.notes == ()


def test_gzip_and_latin1_change_nothing(written):
    text = "# Temperatur 20 °C\n# energy xmu\n8300 0.1\n8301 0.2\n".encode("latin-1")
    plain, packed = one(written(text)), one(written(gzip.compress(text), "scan.dat.gz"))
    assert plain.content_hash == packed.content_hash
    assert plain.name == packed.name == "scan"


def test_unit_declared_in_xdi_is_converted(written):
    spectrum = one(
        written("# XDI/1.0\n# Column.1: energy keV\n# Column.2: mutrans\n8.3 1\n8.4 2\n")
    )
    np.testing.assert_allclose(spectrum.columns["energy"], [8300, 8400])
    assert spectrum.units["energy"] == "eV"


def test_angle_is_not_taken_for_an_energy(written):
    path = written("# XDI/1.0\n# Column.1: energy pixel\n# Column.2: mutrans\n8.3 1\n8.4 2\n")
    with pytest.raises(SpectrumError, match="'pixel'; convert it to eV"):
        read_spectra(path)


def test_missing_readings_stay_missing(written):
    spectrum = one(written("8300 nan\n8301 -nan\n8302 0.3\n"))
    np.testing.assert_array_equal(np.isnan(spectrum.columns["mutrans"]), [True, True, False])


def test_broken_rows_are_left_out_and_noted(written):
    spectrum = one(written("8300 0.1 5\n8301 0.2 5\n8302 0.3 5 7\nbeam lost\n8303 0.4 5\n8304 0."))
    np.testing.assert_array_equal(spectrum.columns["energy"], [8300, 8301, 8303])
    assert [note.split(",")[0] for note in spectrum.notes] == [
        "row left out: line 3 of scan.dat",
        "row left out: line 4 of scan.dat",
        "row left out: line 6 of scan.dat",
    ]


def test_columns_override_the_header(written):
    path = written("# energy i0 itrans norm\n8300 5 3 0.1\n8301 5 2 0.2\n")
    spectrum = one(path, energy_ev=1, mu="norm", i0="itrans", itrans="i0")
    assert list(spectrum.columns) == ["energy", "itrans", "i0", "mutrans"]
    np.testing.assert_array_equal(spectrum.columns["mutrans"], [0.1, 0.2])
    np.testing.assert_array_equal(spectrum.columns["itrans"], [5, 5])


def test_columns_name_what_no_header_names(written):
    spectrum = one(written("1 0.1 8.300\n2 0.2 8.301\n"), energy=3, mutrans=2)
    np.testing.assert_allclose(spectrum.columns["energy"], [8300, 8301])
    np.testing.assert_array_equal(spectrum.columns["mutrans"], [0.1, 0.2])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"mutrans": "munrm"}, "no column 'munrm' for mutrans; did you mean 'munorm'"),
        ({"energy": 3}, "no column 3 for energy; it has columns 1 to 2: energy, munorm"),
        ({"mutrnas": 2}, "'mutrnas' is no column of a spectrum; did you mean 'mutrans'"),
    ],
)
def test_column_that_is_not_there(written, columns, message):
    with pytest.raises(SpectrumError, match=message):
        read_spectra(written("# energy munorm\n8300 0.1\n8301 0.2\n"), columns)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "scan.dat is empty"),
        (b"# energy mu\n", "no two columns of numbers"),
        (b"8300\n8301\n", "no two columns of numbers"),
        (b"Voltage,Charge\n3.7,0.1\n3.8,0.2\n", "no energy among its columns Voltage, Charge"),
        (gzip.compress(b"8300 0.1\n" * 900, mtime=0)[:-20], "scan.dat is damaged"),
        (b"# Athena project file -- Demeter version 0.9\n{broken", "no complete Athena project"),
        (b"# Athena project file -- Demeter version 0.9.21\n1;\n", "holds no group"),
    ],
)
def test_unusable_file_says_why_in_one_line(written, content, message):
    with pytest.raises(SpectrumError, match=message) as raised:
        read_spectra(written(content))
    assert "\n" not in str(raised.value)


def test_file_that_is_not_there(tmp_path):
    with pytest.raises(SpectrumError, match=r"nowhere\.xdi cannot be read: No such file"):
        read_spectra(tmp_path / "nowhere.xdi")


def test_two_names_for_one_quantity_give_the_more_trusted():
    assert standard_names(["energy", "norm", "mu"]) == {"energy": "energy", "mu": "mutrans"}


@pytest.mark.parametrize("use_gzip", [True, False])
def test_athena_project_is_one_spectrum_a_group(tmp_path, shared, use_gzip):
    from larch import Group
    from larch.io import create_athena

    path = tmp_path / "oxides.prj"
    project = create_athena(str(path))
    measured = {name: one(shared / "kedge_oxides" / f"lisa_{name}.xdi") for name in ("MnO", "MnO2")}
    for name, spectrum in measured.items():
        columns = spectrum.columns
        project.add_group(Group(energy=columns["energy"], mu=columns["mutrans"], filename=name))
    project.save()
    if not use_gzip:
        path.write_bytes(gzip.decompress(path.read_bytes()))
    groups = read_spectra(path)
    assert [group.name for group in groups] == ["MnO", "MnO2"]
    assert len({group.content_hash for group in groups}) == 2
    for group in groups:
        original = measured[group.name].columns
        np.testing.assert_allclose(group.columns["energy"], original["energy"], rtol=1e-9)
        np.testing.assert_allclose(group.columns["mutrans"], original["mutrans"], rtol=1e-6)
        assert group.metadata["Element"] == {"symbol": "Mn", "edge": "K"}


KEYS = {"energy_ev": "braggs", "i0": "sclr_ch1", "itrans": "sclr_ch2"}


@pytest.mark.parametrize(
    "text",
    [
        "# braggs sclr_ch1 sclr_ch2\n8.300 5 3\n8.301 5 2\n",
        "# scan 7 today\n# braggs\tsclr_ch1\tsclr_ch2\n#----\n8300 5 3\n8301 5 2\n",
        "braggs,sclr_ch1,sclr_ch2\n8300,5,3\n8301,5,2\n",
    ],
)
def test_header_may_use_the_data_keys_of_a_beamline(written, text):
    [spectrum] = read_spectra(written(text), known=KEYS)
    assert list(spectrum.columns) == ["braggs", "sclr_ch1", "sclr_ch2"]
    np.testing.assert_allclose(spectrum.columns["braggs"], [8300, 8301])
    assert spectrum.units["braggs"] == "eV"


def test_header_that_speaks_of_one_energy_is_understood(written):
    spectrum = one(written("# dcm_energy sclr_ch1 sclr_ch2\n8.300 5 3\n8.301 5 2\n"))
    assert standard_names(spectrum.columns) == {"dcm_energy": "energy"}
    np.testing.assert_allclose(spectrum.columns["dcm_energy"], [8300, 8301])


def test_header_that_names_intensities_alone_is_not_read_as_energy_and_mu(written):
    with pytest.raises(SpectrumError, match="no energy among its columns theta, sclr_ch1"):
        read_spectra(written("# theta sclr_ch1 sclr_ch2\n12 5 3\n13 5 2\n"), known=KEYS)


def test_comment_with_one_key_in_it_is_no_header(written):
    [spectrum] = read_spectra(written("# sclr_ch1 first\n8300 0.1\n8301 0.2\n"), known=KEYS)
    assert list(spectrum.columns) == ["energy", "mutrans"]
