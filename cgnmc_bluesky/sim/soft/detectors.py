"""Electrometers, and a silicon drift detector with a window about an element's emission."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from ophyd import Component, Kind

from cgnmc_bluesky.sim.detectors import Amplified, Counter
from cgnmc_bluesky.sim.emission import Emission, Source
from cgnmc_bluesky.sim.fluorescence import DetectorElement
from cgnmc_bluesky.sim.light import Light, Moment
from cgnmc_bluesky.sim.signals import Reading, Setting
from cgnmc_bluesky.sim.soft.endstation import EMITTERS, SCATTER
from cgnmc_bluesky.sim.soft.matter import OXYGEN_EMISSION_EV
from cgnmc_bluesky.sim.soft.spectra import L_SHELLS

CHANNELS = 128
"""Channels that are kept of a spectrum: up to 1280 eV."""
SILICON = DetectorElement(
    gain_ev=10.0, noise_ev=50.0, tail=0.02, tail_ev=60.0, dead_time_s=1e-6, threshold_ev=250.0
)
LINES = tuple(
    Source(name, (OXYGEN_EMISSION_EV if name == "O" else L_SHELLS[name].emission_ev,), (1.0,))
    for name in EMITTERS
)
SCATTER_STEP_EV = 20.0
"""Scatter has the light's energy, to within half of this."""


class Electrometer(Amplified):
    """The current that flows to something which loses electrons, in A."""

    NOISE_V = 2e-4

    def _electrons(self, energy_ev: float) -> float:
        return 1.0


class DriftDetector(Counter):
    """A silicon drift detector: counts of an emission, their dead time, and spectra if asked for.

    Data keys: `sdd_pfy`, counts with an energy in the window; `sdd_dead_time_factor`, true over
    recorded counts; `sdd_spectrum`, counts in channels of 10 eV from 0 on.

    Parameters
    ----------
    light
        Where the light is.
    window_ev
        Lowest and highest energy of the window, at first.
    spectrum
        Whether the spectra are read too.
    seed
        Of its noise; `None` for counts as they are expected.
    element
        Its electronics.
    name
        Its name, with which its data keys begin.
    """

    pfy = Component(Reading, value=0.0, units="counts", precision=0, kind=Kind.hinted)
    dead_time_factor = Component(Reading, value=1.0, units="", precision=4, kind=Kind.normal)
    spectrum = Component(Reading, value=np.zeros(CHANNELS), units="counts", kind=Kind.omitted)
    window_low_ev = Component(
        Setting, value=800.0, units="eV", limits=(0.0, 1280.0), kind=Kind.config
    )
    window_high_ev = Component(
        Setting, value=900.0, units="eV", limits=(0.0, 1280.0), kind=Kind.config
    )

    MAX_RATE_PER_S = 1e6
    """It counts no faster."""

    def __init__(
        self,
        light: Light,
        *,
        window_ev: tuple[float, float],
        spectrum: bool = False,
        seed: np.random.SeedSequence | None,
        element: DetectorElement = SILICON,
        name: str = "sdd",
        **kwargs: Any,
    ) -> None:
        super().__init__(light, f"{name}_pfy", name=name, seed=seed, **kwargs)
        self.spectrum.kind = Kind.normal if spectrum else Kind.omitted
        self._element = element
        for setting, limit_ev in zip(
            (self.window_low_ev, self.window_high_ev), window_ev, strict=True
        ):
            setting.put(limit_ev)

    def _take(self, moment: Moment, dwell_s: float) -> None:
        counts, factor = self._counted(moment, dwell_s)
        energy_ev = self._element.offset_ev + self._element.gain_ev * np.arange(CHANNELS)
        low_ev, high_ev = self.window_low_ev.get(), self.window_high_ev.get()
        in_window = float(counts[(energy_ev >= low_ev) & (energy_ev <= high_ev)].sum())
        end_s = moment.start_s + dwell_s
        full_scale = self.MAX_RATE_PER_S * dwell_s
        self.spectrum.update(counts, end_s)
        self.pfy.update(self._spoilt(self.pfy, in_window, moment, full_scale), end_s)
        factor = self._spoilt(self.dead_time_factor, factor, moment, self.MAX_RATE_PER_S)
        self.dead_time_factor.update(factor, end_s)

    def _counted(self, moment: Moment, dwell_s: float) -> tuple[NDArray[np.float64], float]:
        """Counts in each channel that is kept, and the dead time's factor."""
        scatter_ev = SCATTER_STEP_EV * round(moment.energy_ev / SCATTER_STEP_EV)
        sources = (*LINES, Source(SCATTER, (scatter_ev,), (1.0,)))
        photons = np.array([[moment.photons_s[source.name] * dwell_s for source in sources]])
        emission = Emission(sources, photons)
        if self._random is None:
            counts, factor = self._element.expected(emission, dwell_s)
        else:
            counts, factor = self._element.record(emission, dwell_s, self._random)
        return np.asarray(counts[0, :CHANNELS], float), float(factor[0])
