"""What PyMca makes of the same spectra; it comes with the extra `bench`."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.missing import NoPeer

Counts = NDArray[np.float32]

BACKGROUND_CONSTANT = 1


def line_areas(spectrum: Path, configuration: Path) -> Mapping[str, float]:
    """Fit a spectrum as `McaAdvancedFit` does: K counts by element.

    Parameters
    ----------
    spectrum
        A `.spe` file.
    configuration
        PyMca's own configuration of that fit.

    Raises
    ------
    NoPeer
        If PyMca is not installed.
    """
    theory = _theory()
    from PyMca5.PyMcaIO.ConfigDict import ConfigDict

    from benchmarks.spectrum_files import read_spe

    settings = ConfigDict()
    settings.read(str(configuration))
    counts = read_spe(spectrum, offset_ev=0.0, gain_ev=1.0).counts[0]
    limits = {limit: settings["fit"][limit] for limit in ("xmin", "xmax")}
    theory.configure(settings)
    theory.setData(np.arange(len(counts)), counts, **limits)
    theory.estimate()
    _, found = theory.startfit(digest=1)
    areas: dict[str, float] = {}
    for group in found["groups"]:
        element, shell = group.split()[:2]
        if shell[0] == "K":
            areas[element] = areas.get(element, 0.0) + float(found[group]["fitarea"])
    return areas


class FastFit:
    """PyMca's linear fit of many spectra at one go, `FastXRFLinearFit`.

    As many known curves as `Projector` is given: K lines of each element with their escape peaks,
    both kinds of scatter, and a constant.

    Parameters
    ----------
    elements
        Symbols of the elements.
    channels
        Numbers of the channels, shape `(n,)`.
    gain_ev
        Width of a channel; channel 0 is at 0 eV.
    incident_ev
        Energy of the beam.

    Raises
    ------
    NoPeer
        If PyMca is not installed.
    """

    def __init__(
        self,
        elements: Sequence[str],
        channels: NDArray[np.int64],
        *,
        gain_ev: float,
        incident_ev: float,
    ) -> None:
        settings = _theory().getConfiguration()
        from PyMca5.PyMcaPhysics.xrf.FastXRFLinearFit import FastXRFLinearFit

        self._channels = channels
        self._limits = {"xmin": int(channels[0]), "xmax": int(channels[-1])}
        settings["peaks"] = {element: ["K"] for element in elements}
        settings["attenuators"] = {"Matrix": [0, "-", 0.0, 0.0, 45.0, 45.0, 0, 90.0]}
        settings["detector"] |= {"zero": 0.0, "gain": gain_ev / 1e3, "noise": 0.09, "fano": 0.115}
        settings["fit"] |= {
            **self._limits,
            "use_limit": 1,
            "energy": [incident_ev / 1e3],
            "energyweight": [1.0],
            "energyflag": [1],
            "energyscatter": [1],
            "scatterflag": 1,
            "escapeflag": 1,
            "sumflag": 0,
            "stripflag": 0,
            "continuum": BACKGROUND_CONSTANT,
            "hypermetflag": 1,
        }
        # It says how many pixels it has forced to zero.
        logging.getLogger(FastXRFLinearFit.__module__).setLevel(logging.ERROR)
        self._fit = FastXRFLinearFit()
        self._fit.setFitConfiguration(settings)

    def __call__(self, counts: Counts, *, weight: int, refit: bool) -> Counts:
        """Fit spectra.

        Parameters
        ----------
        counts
            Shape `(m, n)`.
        weight
            0: none; 1: of the mean spectrum; 2: of each spectrum itself.
        refit
            Whether spectra with negative amounts are fitted again without these.

        Returns
        -------
        NDArray[np.float32]
            Amounts, shape `(k, m)`, the constant first, then the elements, then scatter.
        """
        done = self._fit.fitMultipleSpectra(
            x=self._channels, y=counts, weight=weight, refit=int(refit), **self._limits
        )
        amounts: Counts = done["parameters"]
        return amounts


def _theory() -> Any:
    try:
        from PyMca5.PyMcaPhysics.xrf.ClassMcaTheory import McaTheory
    except ModuleNotFoundError as absent:
        raise NoPeer("PyMca5 is not installed: `make bench` installs it (extra bench)") from absent
    return McaTheory()
