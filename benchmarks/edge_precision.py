"""How near edges and calibrations come to what is known of them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from benchmarks import larch_peer, measured
from benchmarks.figure import Figure
from benchmarks.scans import (
    NI_K_EV,
    Analyst,
    Columns,
    named,
    nickel,
    simulated,
    simulated_beamline,
)
from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.spectra import MeasuredSpectrum, read_spectra, standard_names

Floats = NDArray[np.float64]

FOILS = ("kedge_foils/xasref_Ni_foil_K.dat", "kedge_foils/lisa_Ni_foil_111.xdi")
OXIDES = ("NiO_111", "NiFe2O4_Ni_80K_111", "LaNiO3_Ni_80K_111", "NiCo2O4_Ni_80K_111")
OPERANDO = ("0001", "0013", "0022", "0034", "0046", "0058")
RECORDED = {"energy_ev": "energy", "mutrans": "mutrans", "murefer": "murefer"}
DRIFT_EV = 5.0


def figures(*, tiny: bool = False) -> Iterator[Figure]:
    """Measure it."""
    yield from _real_foil(2 if tiny else 50)
    yield _simulated_alignment(2 if tiny else 200)
    yield _drifting_series(2 if tiny else len(OXIDES) + len(OPERANDO))


def _real_foil(n_offsets: int) -> Iterator[Figure]:
    """The two measured nickel foils at 1 eV steps, wherever the grid begins."""
    spectra = [read_spectra(measured.folder() / name)[0] for name in FOILS]
    random = np.random.default_rng(3)
    scans = [
        (_other(name), _foil_scan(spectrum, offset_ev, random))
        for name, spectrum in zip(FOILS, spectra, strict=True)
        for offset_ev in np.arange(n_offsets) / n_offsets
    ]
    matched = {name: Analyst(_foil_alone(measured.folder() / name)) for name in FOILS}
    alone = Analyst(_foil_alone(None))
    larch = [larch_peer.find_e0(scan["energy"], scan["murefer"]) - NI_K_EV for _, scan in scans]
    beside = {"Larch": max(map(abs, larch))}
    for how, analyst_of in (
        ("matched to another", matched.__getitem__),
        ("its own derivative", lambda _: alone),
    ):
        errors = [_calibration(analyst_of(other).results(scan)) for other, scan in scans]
        found = [error for error in errors if error is not None]
        yield Figure(
            f"real Ni foil at 1 eV steps, {how}: farthest from the table",
            max(map(abs, found)) if len(found) == len(errors) else float("inf"),
            "eV",
            at_most=0.1,
            peers=beside,
            remark=f"{len(errors)} grids, S/N 1000: {min(found):+.3f} to {max(found):+.3f} eV",
        )


def _other(name: str) -> str:
    return next(other for other in FOILS if other != name)


def _foil_alone(file: Path | None) -> Beamline:
    named_file = {"file": str(file)} if file else {}
    return Beamline.from_dict(
        {"xanes": RECORDED, "foil": [{"edge": "Ni K", "energy_ev": NI_K_EV, **named_file}]}
    )


def _foil_scan(
    spectrum: MeasuredSpectrum, offset_ev: float, random: np.random.Generator
) -> Columns:
    energy_ev = np.arange(NI_K_EV - 150, NI_K_EV + 350) + offset_ev
    xdi = {name: spectrum.columns[key] for key, name in standard_names(spectrum.columns).items()}
    mu = CubicSpline(xdi["energy"], xdi["mutrans"])(energy_ev)
    step = np.ptp(mu[np.abs(energy_ev - NI_K_EV) < 100])
    mu = mu + random.normal(0, step / 1000, len(mu))
    return {"energy": energy_ev, "mutrans": mu, "murefer": mu}


def _calibration(results: Sequence[Result]) -> float | None:
    return named(results, "edge_position").values["calibration_shift_ev"]


def _simulated_alignment(n_scans: int) -> Figure:
    """The foil behind simulated samples, at the energies of `xanes_scan`."""
    random = np.random.default_rng(4)
    analyst = Analyst(simulated_beamline())
    errors, larch = [], []
    for axis_error_ev in random.uniform(-2, 2, n_scans):
        scan = simulated(nickel(0.4), random, signal_to_noise=100, axis_error_ev=axis_error_ev)
        errors.append((_calibration(analyst.results(scan)) or np.nan) - axis_error_ev)
        foil_mu = np.log(scan["it"] / scan["ir"])
        e0_ev = larch_peer.find_e0(scan["mono_energy"], foil_mu)
        larch.append(NI_K_EV - e0_ev - axis_error_ev)
    return Figure(
        "simulated alignment at S/N 100, rms",
        _rms(errors),
        "eV",
        at_most=0.02,
        peers={"Larch": _rms(larch)},
        remark=f"{n_scans} scans; scatter {np.std(errors):.4f} eV about {np.mean(errors):+.4f} eV",
    )


class _Real(NamedTuple):
    """A measured scan with its foil, and what analyses it."""

    scan: Columns
    keys: Mapping[str, str]
    analyst: Analyst


def _drifting_series(n_scans: int) -> Figure:
    """Real scans as a monochromator whose axis drifts by 5 eV would have recorded them."""
    drifts_ev = np.linspace(0, DRIFT_EV, n_scans)
    moved, larch = [], []
    for real, drift_ev in zip(_real_scans(), drifts_ev, strict=False):
        drifted = _drifted(real, float(drift_ev))
        at = [_edge_ev(real.analyst.results(scan)) for scan in (real.scan, drifted)]
        moved.append(at[1] - at[0])
        larch.append(_apart(drifted, real.keys) - _apart(real.scan, real.keys))
    return Figure(
        "real scans on an axis that drifts 5 eV: sample minus foil, scatter",
        float(np.std(moved, ddof=1)),
        "eV",
        at_most=0.03,
        peers={"Larch": float(np.std(larch, ddof=1))},
        remark=f"{len(moved)} scans; at most {max(map(abs, moved)):.3f} eV",
    )


def _real_scans() -> Iterator[_Real]:
    oxides, lno = Analyst(measured.example("oxides")), Analyst(measured.example("lno"))
    folder = measured.folder()
    files = [(folder / f"kedge_oxides/lisa_{name}.xdi", oxides, RECORDED) for name in OXIDES]
    keys = {"energy_ev": "shifted energy", "mutrans": "normalized", "murefer": "reference"}
    series = "kedge_operando_LNO/norm_op2_cell4_pos1_dq1_{}_av240_00001.txt.gz"
    files += [(folder / series.format(number), lno, keys) for number in OPERANDO]
    for path, analyst, wanted in files:
        columns = read_spectra(path)[0].columns
        yield _Real({key: columns[key] for key in wanted.values()}, wanted, analyst)


def _drifted(real: _Real, drift_ev: float) -> Columns:
    """The scan at the same readings of an axis that has moved: other places on the same curves."""
    recorded_ev = real.scan[real.keys["energy_ev"]]
    inside = recorded_ev + drift_ev <= recorded_ev[-1]
    at_ev = recorded_ev[inside] + drift_ev
    return {
        key: recorded_ev[inside]
        if key == real.keys["energy_ev"]
        else CubicSpline(recorded_ev, values)(at_ev)
        for key, values in real.scan.items()
    }


def _edge_ev(results: Sequence[Result]) -> float:
    return named(results, "edge_position").values["edge_ev"] or np.nan


def _apart(scan: Columns, keys: Mapping[str, str]) -> float:
    """Sample's edge minus the foil's, by Larch."""
    energy_ev = scan[keys["energy_ev"]]
    sample, foil = (scan[keys[role]] for role in ("mutrans", "murefer"))
    return larch_peer.find_e0(energy_ev, sample) - larch_peer.find_e0(energy_ev, foil)


def _rms(errors: Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))
