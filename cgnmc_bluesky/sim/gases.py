"""What a residual gas analyser shows: a vacuum that gets better, air, noise, the sample's gas."""

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.sim.decomposition import Gases
from cgnmc_bluesky.sim.gauge import AIR, AIR_28_A, MASSES, Gauge

GRID_S = 0.5
"""Noise is drawn for cells of time of this length, whoever reads when."""
CELLS = 2048
"""Cells that are drawn at once."""
ELECTRON_C = 1.602e-19
SHOWN = np.array(
    [[0.0, 0.0, 1.0], [0.0, 0.11, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
)
"""What O2, CO2 and water (columns) show at each mass (rows), relative to their parents' current."""
SHARED_DECAY_S = 400.0
OWN_DECAY_S = 150.0
"""Times over which the air leak's and each mass' own slow noise forget themselves."""
KEPT_S = 3600.0
FORGOTTEN = 1000
"""What the sample gave longer ago than it takes to be read is left out, so many at once."""


class Reading(NamedTuple):
    """One reading of the analyser.

    Attributes
    ----------
    time_s
        When it was taken; earlier than it was asked for where it is an old one.
    currents_a
        By mass, in A.
    """

    time_s: float
    currents_a: Mapping[int, float]


class _Cells(NamedTuple):
    """What `CELLS` cells of time hold, each of shape `(CELLS, masses)`; `stale` is `(CELLS,)`."""

    background_a: NDArray[np.float64]
    factor: NDArray[np.float64]
    white: NDArray[np.float64]
    spike: NDArray[np.float64]
    stale: NDArray[np.bool_]


@dataclass(eq=False)
class GasAnalyser:
    """A residual gas analyser behind a capillary.

    Tell it with `feed` what leaves the sample, as often as that is known, and read it at any later
    time. Noise belongs to cells of time, so that who reads when does not change it.

    Parameters
    ----------
    gauge
        How it behaves.
    seed
        Of its noise; `None` for readings without noise, spikes and old ones.
    start_s
        Its first moment, in seconds since the epoch.
    masses
        Those that it records.

    Examples
    --------
    >>> analyser = GasAnalyser(seed=None)
    >>> analyser.feed(0.0, Gases(0.0, 0.0, 0.0))
    >>> {mass: f"{current_a:.1e}" for mass, current_a in analyser.read(1.0).currents_a.items()}
    {18: '3.0e-09', 28: '5.1e-10', 32: '9.8e-11', 40: '3.8e-12', 44: '6.0e-11'}
    """

    gauge: Gauge = field(default_factory=Gauge)
    seed: int | np.random.SeedSequence | None = None
    start_s: float = 0.0
    masses: tuple[int, ...] = MASSES

    def __post_init__(self) -> None:
        if unknown := set(self.masses) - set(MASSES):
            raise ValueError(f"no masses {sorted(unknown)}; there are {list(MASSES)}")
        self._random = None if self.seed is None else np.random.default_rng(self.seed)
        self._drawn: deque[_Cells] = deque(maxlen=2)
        self._blocks = 0
        self._slow = np.zeros(len(MASSES) + 1)
        self._fed_s = [self.start_s - self.gauge.delay_s - 1, self.start_s]
        self._fed = [np.zeros(len(MASSES))] * 2
        self._before: Reading | None = None
        self._raw = np.zeros(len(MASSES))

    def feed(self, time_s: float, rates: Gases) -> None:
        """Tell what leaves the sample.

        Parameters
        ----------
        time_s
            When, in seconds since the epoch; times before the last one are left out.
        rates
            Molecules for each transition metal and second. Between two times they go in a straight
            line.
        """
        since_s = time_s - self._fed_s[-1]
        if since_s <= 0:
            return
        gain = self.gauge.gain_at(time_s - self.start_s)
        raw_a = SHOWN @ np.array(rates) * (self.gauge.sensitivity_a_s * gain)
        self._fed.append(self._mixed_a(raw_a, since_s))
        self._fed_s.append(time_s)
        self._raw = raw_a
        gone = bisect_right(self._fed_s, time_s - 2 * self.gauge.delay_s - KEPT_S)
        if gone > FORGOTTEN:
            del self._fed[: gone - 1], self._fed_s[: gone - 1]

    def read(self, time_s: float) -> Reading:
        """Read all masses.

        Parameters
        ----------
        time_s
            When, in seconds since the epoch.

        Returns
        -------
        Reading
            Or the one before once more.

        Raises
        ------
        ValueError
            Before the analyser's start.
        """
        elapsed_s = time_s - self.start_s
        if elapsed_s < 0:
            raise ValueError(f"{time_s} s is {-elapsed_s} s before the analyser's start")
        sample_a = self._arrived_a(time_s - self.gauge.delay_s)
        if self._random is None:
            background_a = [float(self.gauge.background_a(mass, elapsed_s)) for mass in MASSES]
            return self._reading(time_s, background_a + sample_a)
        block, cell = self._at(elapsed_s)
        if block.stale[cell] and self._before is not None:
            return self._before
        ions_a = (block.background_a[cell] + sample_a) * block.factor[cell]
        scatter_a = np.sqrt(
            (self.gauge.white_noise * ions_a) ** 2
            + 2 * ELECTRON_C * self.gauge.multiplier * np.abs(ions_a)
            + self.gauge.electrometer_a**2
        )
        currents_a = ions_a * (1 + block.spike[cell]) + scatter_a * block.white[cell]
        self._before = self._reading(time_s, currents_a)
        return self._before

    def _reading(self, time_s: float, currents_a: NDArray[np.float64]) -> Reading:
        by_mass = dict(zip(MASSES, currents_a.tolist(), strict=True))
        return Reading(time_s, {mass: by_mass[mass] for mass in self.masses})

    def _mixed_a(self, raw_a: NDArray[np.float64], since_s: float) -> NDArray[np.float64]:
        """What leaves the mixing volume, exactly for an input that goes in a straight line."""
        before_a, mixing_s = self._fed[-1], self.gauge.mixing_s
        if mixing_s == 0:
            return raw_a
        rest = math.exp(-since_s / mixing_s)
        lag_a = (raw_a - self._raw) * (mixing_s / since_s)
        return before_a * rest + raw_a - self._raw * rest - lag_a * (1 - rest)

    def _arrived_a(self, time_s: float) -> NDArray[np.float64]:
        """What has come through the capillary, of what left the mixing volume at a time."""
        after = max(bisect_right(self._fed_s, time_s), 1)
        if after == len(self._fed_s):
            return self._fed[-1]
        before_s = self._fed_s[after - 1]
        share = (time_s - before_s) / (self._fed_s[after] - before_s)
        return (1 - share) * self._fed[after - 1] + share * self._fed[after]

    def _at(self, elapsed_s: float) -> tuple[_Cells, int]:
        """Give the noise of a time, as a block and the cell in it."""
        number, cell = divmod(int(elapsed_s / GRID_S), CELLS)
        while self._blocks <= number:
            self._drawn.append(self._draw())
            self._blocks += 1
        back = self._blocks - number
        if back > len(self._drawn):
            raise ValueError(
                f"{elapsed_s} s after the analyser's start its noise is forgotten; read in order "
                "of time"
            )
        return self._drawn[-back], cell

    def _draw(self) -> _Cells:
        """Draw the next cells."""
        from scipy.signal import lfilter

        assert self._random is not None
        random, gauge, n = self._random, self.gauge, len(MASSES)
        elapsed_s = (self._blocks * CELLS + np.arange(CELLS) + 0.5) * GRID_S
        decay = np.exp(-GRID_S / np.array([OWN_DECAY_S] * n + [SHARED_DECAY_S]))
        if self._blocks == 0:
            self._slow = random.standard_normal(n + 1)
        slow = np.empty((CELLS, n + 1))
        kicks = random.standard_normal((CELLS, n + 1)) * np.sqrt(1 - decay**2)
        for each, memory in enumerate(decay):
            slow[:, each], _ = lfilter(
                [1.0], [1.0, -memory], kicks[:, each], zi=[memory * self._slow[each]]
            )
        self._slow = slow[-1]
        background_a = np.stack([gauge.background_a(mass, elapsed_s) for mass in MASSES], axis=1)
        air_a = AIR_28_A * np.array([AIR.get(mass, 0.0) for mass in MASSES])
        background_a += 2 * gauge.slow_noise * slow[:, -1:] * air_a
        spikes = random.random((CELLS, n)) < gauge.spikes_per_h * GRID_S / 3600 / n
        return _Cells(
            background_a,
            1 + gauge.slow_noise * slow[:, :n],
            random.standard_normal((CELLS, n)),
            spikes * random.lognormal(0.0, 0.7, (CELLS, n)),
            random.random(CELLS) < gauge.stale,
        )
