"""Exports of mass spectrometers as sources: an onset, or one line that helps."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from cgnmc_bluesky import Beamline, replay
from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.beamline import ConfigurationMissing
from cgnmc_bluesky.catalogs import open_source
from cgnmc_bluesky.check import draft
from cgnmc_bluesky.documents import RunReader
from cgnmc_bluesky.replay import NothingFits

ONSET_C = 190.0
ROLES = '[heating]\ntemperature_c = "{temperature}"\nion_current = {{ "32" = "{ion}" }}\n'


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def export(folder: Path, separator: str = ",", decimal: str = ".") -> Path:
    """A ramp of two hours with a release, as a mass spectrometer writes it."""
    rng = np.random.default_rng(2)
    seconds = 30.0 * np.arange(240)
    kelvin = 298.15 + seconds / 15.0
    release = 1.0 / (1.0 + np.exp(-(kelvin - 273.15 - ONSET_C - 25.0) / 6.0))
    release *= np.exp(-np.clip(kelvin - 273.15 - ONSET_C - 25.0, 0.0, None) / 30.0)
    current = 1e-9 * (1.0 + np.exp(-seconds / 2000.0) + release + rng.normal(0.0, 0.01, 240))
    rows = zip(seconds, kelvin, current, current[::-1], strict=True)
    lines = [separator.join(f"{value:.6g}".replace(".", decimal) for value in row) for row in rows]
    lines[7] = separator.join([*lines[7].split(separator)[:2], "-nan", ""])
    header = separator.join(["Time Relative (sec)", "TC Furnace [K]", "32.00 [A]", "44.00 [A]"])
    path = folder / "export.txt"
    path.write_text("\n".join(["PV MassSpec", "240 TimePoints", "", header, *lines]))
    return path


@pytest.mark.parametrize(("separator", "decimal"), [(",", "."), (";", ",")])
def test_an_export_gives_the_onset_of_its_release(folder, separator, decimal) -> None:
    roles = ROLES.format(temperature="TC Furnace [K]", ion="32.00")
    (folder / "beamline.toml").write_text(roles)
    [result] = replay(export(folder, separator, decimal))
    assert (result.analysis, result.status) == ("o2_onset", Status.FINAL)
    assert result.values["t_rate_c"] == pytest.approx(ONSET_C, abs=15.0)
    assert "32.00: no number (row 8)" in result.reason


def test_without_a_configuration_an_error_says_what_to_do(folder) -> None:
    with pytest.raises(ConfigurationMissing, match="let cgnmc check SOURCE draft it"):
        list(replay(export(folder)))


def test_what_is_drafted_fits(folder) -> None:
    path = export(folder)
    drafted = Beamline.from_dict(tomllib.loads(draft(open_source(path))))
    heating = drafted.data_keys("heating")
    assert (heating["temperature_c"], heating["ion_32"]) == ("TC Furnace", "32_00")
    reader = RunReader(drafted.roles("heating"))
    for name, doc in open_source(path, traced=heating).find(-1).documents():
        reader(name, doc)
    assert reader.missing() == {}


def test_a_column_that_is_not_there_is_named_with_the_nearest(folder) -> None:
    roles = ROLES.format(temperature="TC Furnce", ion="32.00")
    with pytest.raises(NothingFits, match=r"'TC Furnce' \(nearest: TC Furnace"):
        list(replay(export(folder), Beamline.from_dict(tomllib.loads(roles))))
