"""What a residual gas analyser shows: a vacuum that gets better, air, noise, the sample's gas."""

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import lfilter

from cgnmc_bluesky.sim.decomposition import Gases

PumpDown = Literal["power", "exponential", "logarithmic"]

MASSES = (18, 28, 32, 40, 44)
GRID_S = 0.5
"""Noise is drawn for cells of time of this length, whoever reads when."""
CELLS = 2048
"""Cells that are drawn at once."""
ELECTRON_C = 1.602e-19
OUTGASSING_A: Mapping[int, float] = MappingProxyType(
    {18: 3.0e-9, 28: 2.5e-10, 32: 1.5e-11, 40: 2.0e-13, 44: 6.0e-11}
)
"""Currents from the walls when the analyser starts; they pump down."""
AIR_28_A = 2.6e-10
"""Nitrogen's current from the leak."""
AIR: Mapping[int, float] = MappingProxyType({28: 1.0, 32: 0.26, 40: 0.014})
"""Currents of air relative to nitrogen's, argon and oxygen with their sensitivities."""
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


@dataclass(frozen=True)
class Gauge:
    """How an analyser behaves.

    Parameters
    ----------
    pump_down
        The law by which outgassing falls: a power of time, two exponentials and a rest, or a
        logarithm.
    pumped_s
        How long it has been pumped when it starts.
    sensitivity_a_s
        Current for each molecule of O2 (of CO2, of water) for each transition metal and second.
    drift_per_h
        Relative growth of all currents in an hour.
    leak_per_h
        Relative growth of the air leak in an hour.
    slow_noise
        Standard deviation of the noise that is correlated over minutes, relative to the current.
    white_noise
        The same of a reading's own noise.
    electrometer_a
        Standard deviation of the electrometer's noise.
    multiplier
        Electrons for each ion: the charge whose number makes the shot noise.
    spikes_per_h
        Isolated readings that are far too high, at one mass each.
    stale
        Share of readings that repeat the one before, with its time.
    delay_s
        What the gas needs from the sample.
    mixing_s
        Time constant of the volume in which it mixes on the way.
    """

    pump_down: PumpDown = "power"
    pumped_s: float = 3600.0
    sensitivity_a_s: float = 5e-7
    drift_per_h: float = 0.01
    leak_per_h: float = 0.03
    slow_noise: float = 0.004
    white_noise: float = 0.003
    electrometer_a: float = 2e-14
    multiplier: float = 1000.0
    spikes_per_h: float = 4.0
    stale: float = 0.01
    delay_s: float = 8.0
    mixing_s: float = 3.0

    def __post_init__(self) -> None:
        if self.pump_down not in get_args(PumpDown):
            known = ", ".join(get_args(PumpDown))
            raise ValueError(f"no pump-down {self.pump_down!r}; there are {known}")
        if not (self.pumped_s > 0 and self.sensitivity_a_s > 0):
            raise ValueError(
                f"pumped_s is {self.pumped_s} and sensitivity_a_s {self.sensitivity_a_s}; "
                "give both above 0"
            )
        for name in ("slow_noise", "white_noise", "spikes_per_h", "stale", "delay_s", "mixing_s"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; give 0 or more")

    def gain_at(self, elapsed_s: ArrayLike) -> NDArray[np.float64]:
        """All currents relative to those at the start, of the shape of `elapsed_s`."""
        return 1 + self.drift_per_h * np.asarray(elapsed_s, float) / 3600

    def outgassing(self, elapsed_s: ArrayLike) -> NDArray[np.float64]:
        """Outgassing relative to that at the start, of the shape of `elapsed_s`."""
        return PUMP_DOWNS[self.pump_down](np.asarray(elapsed_s, float) / self.pumped_s)

    def background_a(self, mass: int, elapsed_s: ArrayLike) -> NDArray[np.float64]:
        """Current without the sample and without noise.

        Parameters
        ----------
        mass
            One of `MASSES`.
        elapsed_s
            Time since the analyser's start, of any shape.

        Returns
        -------
        NDArray[np.float64]
            In A, of the same shape.
        """
        elapsed_h = np.asarray(elapsed_s, float) / 3600
        air_a = AIR.get(mass, 0.0) * AIR_28_A * (1 + self.leak_per_h * elapsed_h)
        walls_a = OUTGASSING_A[mass] * self.outgassing(elapsed_s)
        currents_a: NDArray[np.float64] = (air_a + walls_a) * self.gain_at(elapsed_s)
        return currents_a


def _power(times: NDArray[np.float64]) -> NDArray[np.float64]:
    return (1 + times) ** -1.1


def _exponential(times: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.45 * np.exp(-2.5 * times) + 0.35 * np.exp(-0.5 * times) + 0.2


def _logarithmic(times: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(1 - 0.35 * np.log1p(times), 0.05)


PUMP_DOWNS: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = MappingProxyType(
    {"power": _power, "exponential": _exponential, "logarithmic": _logarithmic}
)


@dataclass
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
    {18: '3.0e-09', 28: '5.1e-10', 32: '8.3e-11', 40: '3.8e-12', 44: '6.0e-11'}
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
