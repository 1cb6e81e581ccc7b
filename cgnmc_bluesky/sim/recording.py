"""What is recorded along a line of a map: spectra, dead time, I0 and encoders."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.devices.flying import FlyLine
from cgnmc_bluesky.sim.faults import DetectorFailure, Fault, Faults
from cgnmc_bluesky.sim.fluorescence import CHANNELS, DetectorElement
from cgnmc_bluesky.sim.nanobeam import Nanobeam
from cgnmc_bluesky.sim.stage import ENCODER_STEP_UM, Stage, StageAxis

Values = dict[str, NDArray[Any]]

PASSED = 4
"""Positions that stand for those that the beam passes during a pixel."""
ENCODER_NOISE_UM = 0.002
I0_COUNTS_PER_PHOTON = 1e-3
RIPPLE = 0.02
RIPPLE_PERIOD_S = 7.3
"""How the beam's intensity goes up and down."""
SHORT_ROW = 0.6
"""Part that is there of a row that lacks its end."""


class LineRecorder:
    """Records lines of what is under the beam.

    Parameters
    ----------
    stage
        What is swept.
    beam
        Gives the beam and what is under it now.
    elements
        The detector's elements.
    seed
        Of all noise.
    oversampling
        Encoder readings a pixel.
    faults
        What goes wrong, and in which rows.
    start_s
        When the detector's gain begins to drift, in seconds since the epoch.
    """

    def __init__(
        self,
        stage: Stage,
        beam: Callable[[], Nanobeam],
        elements: Sequence[DetectorElement],
        *,
        seed: int = 0,
        oversampling: int = 1,
        faults: Iterable[Fault] = (),
        start_s: float = 0.0,
    ) -> None:
        self._stage = stage
        self._beam = beam
        self._elements = tuple(elements)
        self._seed = seed
        self._oversampling = oversampling
        self._faults = Faults(tuple(faults))
        self._start_s = start_s
        self._last: Values = {}
        self.channels = [f"xs_channel{n}" for n in range(1, len(self._elements) + 1)]
        self.factors = [f"{channel}_dt" for channel in self.channels]
        self.axes = (stage.x.name, stage.y.name)

    def empty_row(self, num: int) -> Values:
        """Arrays of the shapes and types that a row of so many pixels has, by data key."""
        spectra = np.zeros((num, CHANNELS), np.uint32)
        return {
            **dict.fromkeys(self.channels, spectra),
            **dict.fromkeys([*self.factors, "sclr_i0"], np.zeros(num)),
            **dict.fromkeys(self.axes, np.zeros(num * self._oversampling)),
        }

    def unit(self, key: str) -> str:
        """Unit of a data key; empty for the factors."""
        return "um" if key in self.axes else "" if key in self.factors else "counts"

    def row(
        self, line: FlyLine, number: int, *, run: int, slow_um: float, time_s: float
    ) -> Values | None:
        """Record a line.

        Parameters
        ----------
        line
            The line.
        number
            Which row of its run it is, from 1.
        run
            Which run.
        slow_um
            Where the other axis is.
        time_s
            When the first pixel begins, in seconds since the epoch.

        Returns
        -------
        dict or None
            Arrays by data key, whatever was asked for having gone wrong with them; `None` of a row
            that never comes.

        Raises
        ------
        DetectorFailure
            Where a fault asks for it.
        """
        struck = self._faults.at(number, self._beam().incident_energy_ev)
        random = np.random.default_rng([self._seed, run, number])
        values = self._last if "repeated" in struck else {}
        self._last = values = values or self._measured(line, slow_um, time_s, random)
        spoilt = {key: self._faulty(key, of_key, number) for key, of_key in values.items()}
        if "missing" in struck:
            return None
        if "short" in struck:
            kept = int(SHORT_ROW * line.num)
            return {key: array[: kept * len(array) // line.num] for key, array in spoilt.items()}
        return spoilt

    def truncates(self, number: int) -> bool:
        """Whether the file of a run that ends with this row loses its second half."""
        return "truncated" in self._faults.at(number, self._beam().incident_energy_ev)

    def _measured(
        self, line: FlyLine, slow_um: float, time_s: float, random: np.random.Generator
    ) -> Values:
        beam = self._beam()
        along, across = self._path(line, slow_um, PASSED)
        times_s = time_s + line.dwell_s * (np.arange(line.num) + 0.5)
        light = 1 + RIPPLE * np.sin(2 * math.pi * times_s / RIPPLE_PERIOD_S)
        x_um, y_um = (along, across) if line.axis is self._stage.x else (across, along)
        emission = beam.emission(x_um, y_um, line.dwell_s * light)
        elapsed_s = time_s - self._start_s
        recordings = [
            element.record(emission, line.dwell_s, random, elapsed_s=elapsed_s)
            for element in self._elements
        ]
        i0 = random.poisson(beam.flux_ph_s * I0_COUNTS_PER_PHOTON * line.dwell_s * light)
        return {
            **dict(zip(self.channels, (r.counts for r in recordings), strict=True)),
            **dict(zip(self.factors, (r.dead_time_factor for r in recordings), strict=True)),
            "sclr_i0": i0.astype(np.float64),
            **self._encoders(line, slow_um, random),
        }

    def _encoders(self, line: FlyLine, slow_um: float, random: np.random.Generator) -> Values:
        fast, slow = self.axes_of(line)
        readings = {}
        paths_um = self._path(line, slow_um, self._oversampling)
        for axis, path_um in zip((fast, slow), paths_um, strict=True):
            noise_um = ENCODER_NOISE_UM * random.standard_normal(path_um.size)
            steps = np.round((path_um.ravel() + noise_um) / ENCODER_STEP_UM)
            readings[axis.name] = steps * ENCODER_STEP_UM
        return readings

    def axes_of(self, line: FlyLine) -> tuple[StageAxis, StageAxis]:
        """Fast and slow axis of a line.

        Raises
        ------
        ValueError
            If the line's axis is none of the stage's.
        """
        x: StageAxis = self._stage.x
        y: StageAxis = self._stage.y
        if line.axis not in (x, y):
            raise ValueError(f"{line.axis.name} cannot be swept; give {x.name} or {y.name}")
        return (x, y) if line.axis is x else (y, x)

    def _path(
        self, line: FlyLine, slow_um: float, n_a_pixel: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where fast and slow axis really are, at times spread evenly over each pixel."""
        fast, _ = self.axes_of(line)
        pixels = np.arange(line.num)[:, None] + (np.arange(n_a_pixel) + 0.5) / n_a_pixel - 0.5
        behind_um = math.copysign(fast.lag_s * line.speed_um_s, line.pitch_um)
        along_um = line.start_um + line.pitch_um * pixels - behind_um
        return along_um, np.full(along_um.shape, slow_um)

    def _faulty(self, key: str, values: NDArray[Any], number: int) -> NDArray[Any]:
        energy_ev = self._beam().incident_energy_ev
        fault = self._faults.of(key, number, energy_ev)
        kind = None if fault is None else fault.kind
        if kind == "raise":
            raise DetectorFailure(f"{key} does not come in row {number}")
        if kind == "zero":
            return np.zeros_like(values)
        if kind == "nan" and values.dtype.kind == "f":
            return np.full_like(values, np.nan)
        return values
