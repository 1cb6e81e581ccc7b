"""The standards that are shipped are what the simulated beamline measures."""

from pathlib import Path

import numpy as np
import pytest

from cgnmc_bluesky.sim import standards
from cgnmc_bluesky.spectra import read_spectra


@pytest.mark.parametrize("name", standards.ELEMENT_OF)
def test_shipped_standards_are_made_by_this_code(name: str) -> None:
    shipped = (standards.FOLDER / f"{name}.xdi").read_text(encoding="utf-8").splitlines()
    made = standards.as_xdi(name, standards.measure(name)).splitlines()
    is_header = [line.startswith("#") for line in made]
    header = sum(is_header)
    assert shipped[:header] == made[:header]
    numbers = [
        np.array([line.split() for line in text[header:]], float) for text in (shipped, made)
    ]
    np.testing.assert_allclose(numbers[0], numbers[1], atol=2e-6)


def test_they_can_be_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standards, "ELEMENT_OF", {"NiO": "Ni"})
    assert standards.write(tmp_path) == [tmp_path / "NiO.xdi"]


def test_a_standard_is_small_and_has_its_foil() -> None:
    for name, element in standards.ELEMENT_OF.items():
        path = standards.FOLDER / f"{name}.xdi"
        assert path.stat().st_size < 40_000
        (spectrum,) = read_spectra(path)
        assert {"energy", "mutrans", "murefer"} <= set(spectrum.columns)
        assert spectrum.metadata["Element"]["symbol"] == element
        energy_ev, foil = spectrum.columns["energy"], spectrum.columns["murefer"]
        assert np.diff(energy_ev).min() > 0
        assert foil[-300:].mean() - foil[:30].mean() > 0.5
