"""Line areas of fluorescence spectra that others have measured."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import measured, pymca_peer
from benchmarks.figure import Figure
from benchmarks.spectrum_files import Recorded, read_mca, read_spe
from cgnmc_bluesky.analysis.xrf.calibration import Calibration, calibrate, nominal
from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.standards.fluorescence import emitters_of

Floats = NDArray[np.float64]

STEEL = ("xrf/pymca_Steel.spe", "xrf/pymca_Steel.cfg")
STEEL_ELEMENTS = ("V", "Cr", "Mn", "Fe", "Ni", "Cu")
"""Those of its configuration whose K lines lie among the metals' own."""
STEEL_METALS = ("Cr", "Mn", "Fe", "Ni")
STEEL_CHANNEL_EV = {"offset_ev": -6.12447, "gain_ev": 11.92816}
STEEL_BEAM_EV = 16_000.0
GLASS = "xrf/larch_srm1832.mca"
GLASS_ELEMENTS = ("V", "Mn", "Co", "Cu")
GLASS_BEAM_EV = 35_000.0


def figures(*, tiny: bool = False) -> Iterator[Figure]:
    """Measure it; there is no tiny way."""
    del tiny
    folder = measured.folder()
    ratios, sigmas = glass_ratios(folder)
    mean = float(np.average(ratios, weights=sigmas**-2))
    yield Figure(
        "SRM 1832, Mn/Co counts of four detector elements: rms of deviations over sigmas",
        float(np.sqrt(np.sum(((ratios - mean) / sigmas) ** 2) / (len(ratios) - 1))),
        at_most=1.94,
        remark=f"{', '.join(f'{one:.3f}' for one in ratios)}, each ± {sigmas.mean():.3f}; "
        "the bound is passed by chance once in a hundred times",
    )
    by_pymca = pymca_peer.line_areas(*(folder / name for name in STEEL))
    areas = steel_areas(folder)
    apart = {metal: areas[metal] / by_pymca[metal] - 1 for metal in STEEL_METALS}
    yield Figure(
        "SRM 1155 steel, line areas against PyMca's own fit, farthest",
        100 * max(map(abs, apart.values())),
        "%",
        at_most=3.0,
        remark=", ".join(f"{metal} {100 * of:+.1f}" for metal, of in apart.items()),
    )


def steel_areas(folder: Path) -> Mapping[str, float]:
    """K counts of each element in PyMca's example of a steel.

    Parameters
    ----------
    folder
        Where the real measurements lie.
    """
    recorded = read_spe(folder / STEEL[0], **STEEL_CHANNEL_EV)
    [found] = _fits(recorded, STEEL_ELEMENTS, STEEL_BEAM_EV)
    return dict(zip(found.components.names, found.amounts.tolist(), strict=True))


def glass_ratios(folder: Path) -> tuple[Floats, Floats]:
    """Mn over Co K counts in each of the four detector elements that saw a thin glass.

    Parameters
    ----------
    folder
        Where the real measurements lie.

    Returns
    -------
    tuple
        The ratios, and one standard deviation of each by counting.
    """
    fits = _fits(read_mca(folder / GLASS), GLASS_ELEMENTS, GLASS_BEAM_EV)
    pair = [GLASS_ELEMENTS.index(element) for element in ("Mn", "Co")]
    amounts = np.array([found.amounts[pair] for found in fits])
    ratios = amounts[:, 0] / amounts[:, 1]
    gradient = np.stack([1 / amounts[:, 1], -ratios / amounts[:, 1]], axis=1)
    covariances = np.array([found.covariance[np.ix_(pair, pair)] for found in fits])
    return ratios, np.sqrt(np.einsum("ni,nij,nj->n", gradient, covariances, gradient))


def _fits(recorded: Recorded, elements: Sequence[str], beam_ev: float) -> list[Calibration]:
    """Fit each spectrum in the channels that a configuration of these elements would take."""
    found = []
    emitters = emitters_of(elements, beam_ev)
    for counts, offset_ev, gain_ev in zip(
        recorded.counts, recorded.offset_ev.tolist(), recorded.gain_ev.tolist(), strict=True
    ):
        channel_ev = {"offset": offset_ev, "gain": gain_ev}
        section = {"spectra": "counts", "channel_ev": channel_ev, "elements": list(elements)}
        roles = Beamline.from_dict({"xrf": section}).xrf
        assert roles is not None
        channels = np.arange(*(roles.channels() or (0, len(counts))))
        start = nominal(gain_ev, offset_ev, None)
        found.append(calibrate(counts[channels], channels, emitters, start))
    return found
