"""A whole nanoprobe in a computer: a stage, a flying detector, and the particles under its beam."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cgnmc_bluesky.sim.clock import Clock
from cgnmc_bluesky.sim.faults import Fault
from cgnmc_bluesky.sim.fluorescence import DetectorElement
from cgnmc_bluesky.sim.flyer import FlyingDetector
from cgnmc_bluesky.sim.metadata import NOTHING, Informed
from cgnmc_bluesky.sim.nanobeam import Nanobeam
from cgnmc_bluesky.sim.optics import Selector
from cgnmc_bluesky.sim.particle import METALS, PARTICLES, CoreShell
from cgnmc_bluesky.sim.recording import LineRecorder
from cgnmc_bluesky.sim.rowfile import temporary_folder
from cgnmc_bluesky.sim.stage import make_stage

STANDARD = CoreShell(radius_um=0.5, core=dict.fromkeys(METALS, 1 / 3), shell=None)
"""As many atoms of each metal, and so few that they hardly absorb."""
MOUNTED: Mapping[str, tuple[CoreShell, ...]] = MappingProxyType(
    {**{name: (particle,) for name, particle in PARTICLES.items()}, "standard": (STANDARD,)}
)
"""What can be brought under the beam, by name."""
ELEMENTS = (
    DetectorElement(share=0.36, gain_ev=10.002, offset_ev=1.5, noise_ev=62.0, drift_per_h=2e-4),
    DetectorElement(share=0.33, gain_ev=9.999, offset_ev=-1.0, noise_ev=66.0, drift_per_h=1e-4),
    DetectorElement(share=0.31, gain_ev=10.0, offset_ev=0.5, noise_ev=60.0, drift_per_h=-1e-4),
)
"""Three elements that are not quite alike."""


OWN = "own"
"""How particles are named that are none of these."""


class SimulatedNanoprobe(Informed):
    """Simulated devices over particles under a nanobeam, ready for anybody's RunEngine.

    Parameters
    ----------
    particles
        What is under the beam first: a name among `mounted`, or particles of your own; or a beam
        that is on them already, of which several nanoprobes may have a part.
    seed
        Of all noise.
    clock
        The simulation's clock; without it a new one of this speed and pace.
    speed
        Simulated seconds for each real one; at infinity nothing waits.
    rows_per_s
        Real rows a second at most, at infinite speed.
    folder
        Where the detector's files go; without it a temporary folder, which goes with the nanoprobe.
    oversampling
        Encoder readings a pixel.
    compression
        Of the files: "gzip", or `None` for none.
    faults
        What goes wrong, and in which rows.
    elements
        The detector's elements.
    mounted
        What can be brought under the beam, by name; your own particles come on top.
    beam_fwhm_um
        Diameter of the beam.
    incident_energy_ev
        Energy of its photons.
    flux_ph_s
        Photons a second: it sets the signal to noise.
    self_absorption
        Whether matter absorbs.

    Attributes
    ----------
    xspress3, stage, particle
        The devices. Data keys of the first: `xs_channel1` …, `xs_channel1_dt` …, `sclr_i0`,
        `stage_x`, `stage_y`.
    clock
        The clock.

    Examples
    --------
    >>> nanoprobe = SimulatedNanoprobe("conventional", seed=1)
    >>> nanoprobe.roles()["xrf"]["x_um"], nanoprobe.metadata()["sample"]
    ('stage_x', 'conventional')
    """

    def __init__(
        self,
        particles: str | Sequence[CoreShell] | Nanobeam = "gradient",
        *,
        seed: int = 0,
        clock: Clock | None = None,
        speed: float = math.inf,
        rows_per_s: float | None = None,
        folder: str | Path | None = None,
        oversampling: int = 1,
        compression: str | None = "gzip",
        faults: Iterable[Fault] = (),
        elements: Sequence[DetectorElement] = ELEMENTS,
        mounted: Mapping[str, Sequence[CoreShell]] = MOUNTED,
        beam_fwhm_um: float = 0.1,
        incident_energy_ev: float = 9000.0,
        flux_ph_s: float = 2.7e8,
        self_absorption: bool = True,
    ) -> None:
        self.clock = clock or Clock(speed, points_per_s=rows_per_s)
        if isinstance(particles, Nanobeam):
            beam_fwhm_um, incident_energy_ev = particles.beam_fwhm_um, particles.incident_energy_ev
        first = particles if isinstance(particles, str) else OWN
        own = {} if isinstance(particles, str) else {OWN: particles}
        self._holder = _Holder(
            {**mounted, **own},
            beam_fwhm_um=beam_fwhm_um,
            incident_energy_ev=incident_energy_ev,
            flux_ph_s=flux_ph_s,
            self_absorption=self_absorption,
        )
        self.particle = self._holder.device(self.clock, first)
        self.stage = make_stage(self.clock)
        self._roles = {
            "oversampling": oversampling,
            "incident_energy_ev": incident_energy_ev,
            "beam_fwhm_um": beam_fwhm_um,
        }
        self.folder = Path(folder).resolve() if folder is not None else temporary_folder(self)
        self._recorder = LineRecorder(
            self.stage,
            lambda: self._holder.beam(self.particle.position),
            elements,
            seed=seed,
            oversampling=oversampling,
            faults=faults,
            start_s=self.clock.now_s(),
        )
        self.xspress3 = FlyingDetector(
            self.clock, self._recorder, self.folder, compression=compression
        )

    def devices(self) -> dict[str, Any]:
        """All devices by the names that a session gives them."""
        return {name: getattr(self, name) for name in ("xspress3", "stage", "particle")}

    def roles(self) -> dict[str, Any]:
        """Which data key plays which role, as beamline.toml would say it."""
        x, y = self._recorder.axes
        return {
            "beamline": {"name": "simulated nanoprobe", "facility": "cgnmc_bluesky"},
            "data": {"readable": [str(self.folder)]},
            "xrf": {
                "spectra": self._recorder.channels,
                "channel_ev": {"offset": 0.0, "gain": 10.0},
                "dead_time_factor": self._recorder.factors,
                "i0": "sclr_i0",
                "x_um": x,
                "y_um": y,
                "elements": list(METALS),
                **self._roles,
            },
        }

    def metadata(self, run: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
        """What a run of this nanoprobe should carry in its start document.

        Parameters
        ----------
        run
            What its plan says of the run; it makes no difference here.

        Returns
        -------
        dict[str, Any]
            The roles, the sample's name, and the truth: that of each particle.
        """
        name = self.particle.position
        truth = {"particles": [particle.truth() for particle in self._holder.particles(name)]}
        return {"beamline": self.roles(), "sample": name, "truth": truth}


class _Holder:
    """What is mounted, and the beam on each of it, made when it is first wanted."""

    def __init__(
        self, mounted: Mapping[str, Sequence[CoreShell] | Nanobeam], **options: Any
    ) -> None:
        self._mounted = dict(mounted)
        self._options = options
        self._beams: dict[str, Nanobeam] = {}

    def device(self, clock: Clock, first: str) -> Selector:
        if first not in self._mounted:
            raise ValueError(f"particles are {first!r}; mounted are {', '.join(self._mounted)}")
        choices = dict.fromkeys(self._mounted, _nothing)
        return Selector(clock, name="particle", choices=choices, first=first)

    def particles(self, name: str) -> Sequence[CoreShell]:
        mounted = self._mounted[name]
        return mounted.particles if isinstance(mounted, Nanobeam) else mounted

    def beam(self, name: str) -> Nanobeam:
        mounted = self._mounted[name]
        if isinstance(mounted, Nanobeam):
            return mounted
        if name not in self._beams:
            self._beams[name] = Nanobeam(mounted, **self._options)
        return self._beams[name]


def _nothing() -> None:
    return
