"""Results that are written into a catalog and verified there, on the command line."""

import json
from pathlib import Path

import pytest
from bluesky import RunEngine

from cgnmc_bluesky.catalogs import EmbeddedCatalog
from cgnmc_bluesky.cli import main
from cgnmc_bluesky.plans import xanes_scan
from cgnmc_bluesky.sim import SimulatedBeamline

REGIONS = [(-60, -15, 5), (-15, 40, 0.5), (40, 200, 4)]
OTHER_FOIL = """
[xanes]
energy_ev = "mono_energy"
i0 = "i0"
itrans = "it"
irefer = "ir"

[[foil]]
edge = "Ni K"
energy_ev = 8331.5
"""


@pytest.fixture
def catalog(tmp_path):
    """A catalog of two scans, served once for all commands of a test."""
    with EmbeddedCatalog(tmp_path / "catalog").open() as served:
        writer = served.writer()
        engine = RunEngine()
        engine.subscribe(writer)
        beamline = SimulatedBeamline(seed=5)
        engine.preprocessors.append(beamline.with_metadata)
        for name in ("NiO", "gradient, pristine"):
            beamline.sample.set(name).wait(10)
            detectors = [beamline.i0, beamline.it, beamline.ir]
            engine(xanes_scan(detectors, beamline.mono, edge="Ni K", regions=REGIONS))
        writer.flush()
        yield served.directory


@pytest.fixture
def cgnmc(tmp_path, monkeypatch, capsys):
    """Calls the command line and gives its exit status, its output and its errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def call(*arguments: object) -> tuple[int, str, str]:
        return main([*map(str, arguments)]), *capsys.readouterr()

    return call


def test_results_are_written_verified_and_found_different(catalog, cgnmc):
    chosen = ("replay", catalog, "--run", "2", "--json")
    status, out, err = cgnmc(*chosen, "--write")
    assert (status, err) == (0, "")
    assert {json.loads(line)["scan_id"] for line in out.splitlines()} == {2}
    status, out, err = cgnmc("replay", catalog, "--run", "2", "--verify")
    assert (status, err) == (0, "")
    assert "identical" in out

    Path("other.toml").write_text(OTHER_FOIL)
    status, _, err = cgnmc(*chosen, "--config", "other.toml", "--write")
    assert (status, err) == (0, "")
    status, _, err = cgnmc(*chosen, "--verify")
    assert status == 1
    assert "edge_ev" in err

    assert cgnmc(*chosen, "--write")[0] == 0
    assert cgnmc(*chosen, "--verify")[0] == 0
