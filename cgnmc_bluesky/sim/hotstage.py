"""A hot stage in a computer: a cathode in a furnace, watched by X-rays and a mass spectrometer."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.sim.clock import Clock
from cgnmc_bluesky.sim.decomposition import CHARGED, ChargedCathode, Decomposition, State
from cgnmc_bluesky.sim.diffraction import TWO_THETA_DEG, PowderInstrument
from cgnmc_bluesky.sim.diffractometer import Diffractometer
from cgnmc_bluesky.sim.faults import Fault, Faults
from cgnmc_bluesky.sim.furnace import Furnace
from cgnmc_bluesky.sim.gases import GasAnalyser
from cgnmc_bluesky.sim.gases import Reading as Currents
from cgnmc_bluesky.sim.gauge import Gauge
from cgnmc_bluesky.sim.imaging import AreaDetector, ImagingDiffractometer
from cgnmc_bluesky.sim.metadata import NOTHING, Informed
from cgnmc_bluesky.sim.optics import Selector
from cgnmc_bluesky.sim.oven import Oven
from cgnmc_bluesky.sim.ramp_truth import truth
from cgnmc_bluesky.sim.rowfile import temporary_folder
from cgnmc_bluesky.sim.spectrometer import make_spectrometer

GAUGE = Gauge()
INSTRUMENT = PowderInstrument()
TARGET_C = 500.0
"""Where a ramp goes of which nothing else is said."""


class SimulatedHotStage(Informed):
    """Simulated devices around a cathode that decomposes, ready for anybody's RunEngine.

    Parameters
    ----------
    material
        What is in the furnace first: a name among `mounted`, or a cathode of your own.
    seed
        Of all noise.
    clock
        The simulation's clock; without it a new one of this speed and pace.
    speed
        Simulated seconds for each real one; at infinity nothing waits.
    readings_per_s
        Real readings a second at most, at infinite speed.
    folder
        Where frames go; without it a temporary folder, which goes with the hot stage.
    frames
        Whether the diffractometer takes frames, keeps them and has pyFAI integrate them.
    faults
        What goes wrong, and when.
    mounted
        What can be brought into the furnace, by name.
    gauge
        How the mass spectrometer behaves.
    instrument
        How the diffractometer does.
    noise
        Whether readings have any.

    Attributes
    ----------
    furnace, diffractometer, rga, sample
        The devices. Data keys: `furnace_temperature` …; `xrd_intensity`, `xrd_two_theta`,
        `xrd_exposure_s`; `rga_mz18`, `rga_mz28`, `rga_mz32`, `rga_mz40`, `rga_mz44`; `capillary`.
    clock
        The clock.

    Examples
    --------
    >>> stage = SimulatedHotStage("gradient", seed=1)
    >>> stage.roles()["heating"]["temperature_c"], stage.metadata()["sample"]
    ('furnace_temperature', 'gradient NMC622, 4.4 V')
    """

    def __init__(
        self,
        material: str | ChargedCathode = "conventional",
        *,
        seed: int = 0,
        clock: Clock | None = None,
        speed: float = math.inf,
        readings_per_s: float | None = None,
        folder: str | Path | None = None,
        frames: bool = False,
        faults: Iterable[Fault] = (),
        mounted: Mapping[str, ChargedCathode] = CHARGED,
        gauge: Gauge = GAUGE,
        instrument: PowderInstrument = INSTRUMENT,
        noise: bool = True,
    ) -> None:
        self.clock = clock or Clock(speed, points_per_s=readings_per_s)
        own = {material.name: material} if isinstance(material, ChargedCathode) else {}
        first = material.name if isinstance(material, ChargedCathode) else material
        self._mounted = {**mounted, **own}
        if first not in self._mounted:
            raise ValueError(f"material is {first!r}; mounted are {', '.join(self._mounted)}")
        self._oven = Oven(self.clock.now_s(), self._heat)
        self.sample = Selector(
            self.clock,
            name="capillary",
            choices={name: self._loads(name) for name in self._mounted},
            first=first,
        )
        seeds = np.random.SeedSequence(seed).spawn(3) if noise else [None] * 3
        of_furnace, of_gases, of_patterns = seeds
        self._random = None if of_patterns is None else np.random.default_rng(of_patterns)
        all_faults = Faults(tuple(faults))
        self._analyser = GasAnalyser(gauge, of_gases, self.clock.now_s())
        self.furnace = Furnace(self.clock, self._oven, seed=of_furnace, faults=all_faults)
        self._instrument = instrument
        self.rga = make_spectrometer(
            self.clock,
            self._currents,
            faults=all_faults,
            is_driven=self._furnace_is_quicker,
        )
        self.folder: Path | None = None
        if frames:
            self.folder = Path(folder).resolve() if folder is not None else temporary_folder(self)
        self.diffractometer = self._diffractometer(all_faults)

    def devices(self) -> dict[str, Any]:
        """All devices by the names that a session gives them."""
        names = ("furnace", "diffractometer", "rga")
        return {**{name: getattr(self, name) for name in names}, "capillary": self.sample}

    def roles(self) -> dict[str, Any]:
        """Which data key plays which role, as beamline.toml would say it."""
        gauge = self._analyser.gauge
        kept = {} if self.folder is None else {"data": {"readable": [str(self.folder)]}}
        return {
            "beamline": {"name": "simulated hot stage", "facility": "cgnmc_bluesky"},
            **kept,
            "heating": {
                "temperature_c": self.furnace.temperature.name,
                "ion_current": {
                    name.removeprefix("mz"): getattr(self.rga, name).name
                    for name in self.rga.read_attrs
                },
                "transport_delay_s": gauge.delay_s + gauge.mixing_s,
                "pattern": self.diffractometer.intensity.name,
                "two_theta_deg": self.diffractometer.two_theta.name,
                "exposure_s": self.diffractometer.exposed_s.name,
                "wavelength_a": self._instrument.wavelength_a,
                "clock": "reading",
            },
        }

    def metadata(self, run: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
        """What a run of this hot stage should carry in its start document.

        Parameters
        ----------
        run
            What its plan says of the run: `rate_c_per_min` and `target_c`, where it says them.

        Returns
        -------
        dict[str, Any]
            The roles, the sample's name, and the truth: where it releases its oxygen on such a
            ramp, and what is left of it in the end; empty where the target is below what it has.
        """
        sample = self._decomposition.sample
        return {"beamline": self.roles(), "sample": sample.name, "truth": self._truth(run)}

    def _truth(self, run: Mapping[str, Any]) -> dict[str, Any]:
        start_c = self._oven.body.sample_c
        target_c = run.get("target_c", TARGET_C)
        if not target_c > start_c:
            return {}
        return truth(
            self._decomposition,
            run.get("rate_c_per_min", self._oven.rate_c_per_min),
            start_c=start_c,
            target_c=target_c,
            gauge=self._analyser.gauge,
            elapsed_s=self.clock.now_s() - self._analyser.start_s,
        )

    def _diffractometer(self, faults: Faults) -> Diffractometer:
        around = (self.clock, self._state, TWO_THETA_DEG)
        options: dict[str, Any] = {"is_driven": lambda: self.furnace.is_armed, "faults": faults}
        if self.folder is None:
            return Diffractometer(*around, expose=self._exposed, **options)
        detector = AreaDetector(self._instrument)
        return ImagingDiffractometer(
            *around, detector=detector, folder=self.folder, rng=self._random, **options
        )

    def _heat(self, time_s: float, temperature_c: float, duration_s: float) -> None:
        self._decomposition.advance(temperature_c, duration_s)
        self._analyser.feed(time_s, self._decomposition.gas_rates)

    def _loads(self, name: str) -> Any:
        def load() -> None:
            here_c = self._oven.body.sample_c
            self._decomposition = Decomposition(self._mounted[name], temperature_c=here_c)

        return load

    def _furnace_is_quicker(self) -> bool:
        """Whether the furnace lets time pass; slow ions would take too long for its watchdog."""
        is_quicker = self.furnace.period_s.get() < self.rga.period_s.get()
        return self.furnace.is_armed and bool(is_quicker)

    def _currents(self, time_s: float) -> Currents:
        with self._oven.lock:
            self._oven.advance_to(time_s)
            return self._analyser.read(time_s)

    def _state(self) -> State:
        with self._oven.lock:
            self._oven.advance_to(self.clock.now_s())
            return self._decomposition.state

    def _exposed(self, states: Sequence[State], exposure_s: float) -> NDArray[np.float64]:
        return self._instrument.pattern(states, exposure_s, self._random)
