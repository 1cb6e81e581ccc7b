"""Traces of a mass spectrometer during a heating ramp, with a release that is known, or none.

They share nothing with the package: neither with its simulated devices nor with its analysis. What
is drawn for each run, by its seed:

- **Temperature**: 1 to 10 minutes at 25 °C, then the ramp with a lag of 20 to 120 s and a wobble of
  up to 0.3 °C; the thermocouple adds 0.03 °C. It rises all the time.
- **Background**: 0.1 to 10 nA where the release begins. Pump-down by a power law, one exponential,
  two, or a logarithm: what falls is 0.1 to 3 times what stays, or 3 to 12 % with each e-fold of
  time. On it a slow drift: none, a line of up to 20 % over the run, a random walk of 0.5 to 2.5 %
  over the run, or a sine of 2 to 5 % with a period of 75 to 180 minutes.
- **Noise**, as a share of the background where the release begins: white 0.3 to 1 % a reading, and
  0.2 to 0.5 % with a memory (Ornstein–Uhlenbeck) of 30 to 300 s. Both go with a power of the
  current between 0 (an amplifier's) and 1 (a gauge whose gain flickers).
- **Faults**: up to six isolated spikes of 5 to 50 times the white noise, most of them upwards; in
  half of the runs 1 % of the readings are stale: value and stamp are those of the reading before.
- **Delay**: gas arrives 2 to 20 s after it has left the sample. The analysis is told.
- **Release**: by first-order, Avrami or autocatalytic kinetics (`releases.py`). *Sharp*: 10 to
  30 °C wide, from 175 to 205 °C (1 % of its largest rate), 0.3 to 3 times the background at its
  peak. *Spread*: 80 to 200 °C wide, from 160 to 200 °C, 0.15 to 0.6 of the background: many
  compositions, one after the other. *Weak*: 8 to 15 °C wide, 8 % of the background at its peak,
  which is 8 to 27 times the white noise of a reading and 16 to 40 times the correlated noise.

Heights and widths are those at which a hinge over a quadratic background (`release_peers.hinge`)
does what it is known for: it finds all sharp releases, the median 14 °C after 1 % of their largest
rate, 93 of 100 spread and 98 of 100 weak ones.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from benchmarks.releases import LAWS, reaction, truth

Floats = NDArray[np.float64]
Kind = Literal["none", "sharp", "spread", "weak"]

STARTS_AT_C = 25.0
GRID_C = 0.02
COMPOSITIONS = (np.arange(12) + 0.5) / 12
SPREADS = ((1.0, 1.0), (2.0, 2.0), (2.0, 4.0))
"""Beta distributions of the compositions."""
WEAK_SHARE = 0.08


@dataclass(frozen=True)
class Ramp:
    """What was recorded during a ramp, and what is true of it.

    Parameters
    ----------
    kind
        Which release there was.
    seed
        What it was drawn from.
    time_s
        Time of each reading, shape `(n,)`.
    stamp_s
        When the gauge took it, shape `(n,)`: an earlier one again where a reading is stale.
    temperature_c
        What the thermocouple said, shape `(n,)`.
    current_a
        Ion current at m/z 32, shape `(n,)`.
    delay_s
        Time that gas takes from the sample to the gauge.
    truth
        See `releases.truth`; empty without a release.
    background_a
        Current without release and noise, shape `(n,)`.
    release_a
        Release without noise, shape `(n,)`.
    """

    kind: Kind
    seed: int
    time_s: Floats
    stamp_s: Floats
    temperature_c: Floats
    current_a: Floats
    delay_s: float
    truth: dict[str, float]
    background_a: Floats
    release_a: Floats


def ramp(
    kind: Kind,
    seed: int,
    *,
    rate_c_per_min: float = 4.0,
    period_s: float = 3.0,
    until_c: float = 500.0,
) -> Ramp:
    """Draw a ramp from 25 °C.

    Parameters
    ----------
    kind
        Release: "none", "sharp", "spread" or "weak".
    seed
        Everything is drawn from it.
    rate_c_per_min
        Rate of the ramp.
    period_s
        From one reading to the next.
    until_c
        Where it ends.
    """
    random = np.random.default_rng([seed, *kind.encode()])
    fine_s, fine_c, waits_s = _heated(random, rate_c_per_min / 60, until_c)
    delay_s = random.uniform(2, 20)
    background = _background(random, fine_s[-1])
    starts_c = random.uniform(160, 200) if kind == "spread" else random.uniform(175, 205)
    starts_s = float(np.interp(starts_c, fine_c, fine_s))
    scale_a = 10 ** random.uniform(-10, -8) / float(background(np.array([starts_s]))[0])
    # What leaves the sample is seen against the background of the moment it arrives.
    under_a = scale_a * background(fine_s + delay_s)
    released_a = np.zeros_like(fine_s)
    known: dict[str, float] = {}
    if kind != "none":
        released_a = _released(random, kind, starts_c, fine_s - waits_s, fine_c, rate_c_per_min)
        top = int(np.argmax(released_a))
        released_a *= _height(random, kind) * under_a[top] / released_a[top]
        known = truth(released_a, fine_c, under_a)
    n = int((fine_s[-1] - 1) / period_s)
    time_s = np.arange(n) * period_s + random.uniform(0, 0.02 * period_s, n)
    background_a = scale_a * background(time_s)
    release_a = np.interp(time_s - delay_s, fine_s, released_a, left=0.0)
    level_a = scale_a * float(background(np.array([starts_s]))[0])
    current_a = _measured(random, time_s, background_a + release_a, level_a)
    stale = random.random(n) < random.choice([0.0, 0.01])
    stale[0] = False
    last = np.maximum.accumulate(np.where(stale, 0, np.arange(n)))
    temperature_c = np.interp(time_s, fine_s, fine_c) + random.normal(0, 0.03, n)
    return Ramp(
        kind=kind,
        seed=seed,
        time_s=time_s,
        stamp_s=time_s[last],
        temperature_c=temperature_c,
        current_a=current_a[last],
        delay_s=delay_s,
        truth=known,
        background_a=background_a,
        release_a=release_a,
    )


def _heated(
    random: np.random.Generator, rate_c_per_s: float, until_c: float
) -> tuple[Floats, Floats, float]:
    """Times and temperatures, finely; the time before the ramp."""
    waits_s, lag_s = random.uniform(60, 600), random.uniform(20, 120)
    end_s = waits_s + (until_c - STARTS_AT_C) / rate_c_per_s + lag_s
    time_s = np.linspace(0, end_s, int((until_c - STARTS_AT_C) / GRID_C))
    ramped_s = np.maximum(time_s - waits_s, 0)
    ramped_s = ramped_s - lag_s * -np.expm1(-ramped_s / lag_s)
    period_s = random.uniform(100, 400)
    # The wobble may not turn the ramp back: what is true needs a temperature that rises.
    most_c = min(random.uniform(0, 0.3), 0.6 * rate_c_per_s * period_s / (2 * np.pi))
    wobble_c = -most_c * np.expm1(-ramped_s / 300) * np.sin(2 * np.pi * time_s / period_s)
    temperature_c = STARTS_AT_C + rate_c_per_s * ramped_s + wobble_c
    return time_s, np.maximum.accumulate(temperature_c) + 1e-9 * time_s, waits_s


def _background(random: np.random.Generator, run_s: float) -> Callable[[Floats], Floats]:
    """Pump-down and drift, a function of time."""
    pumped = _PUMPED[random.integers(len(_PUMPED))](random)
    drift = _DRIFTS[random.integers(len(_DRIFTS))](random, run_s)
    return lambda time_s: pumped(time_s) * (1 + drift(time_s))


def _power(random: np.random.Generator) -> Callable[[Floats], Floats]:
    falls, tau_s = 10 ** random.uniform(-1, 0.5), 10 ** random.uniform(2, 3.2)
    power = random.uniform(0.5, 1.3)
    return lambda time_s: 1 + falls * (1 + time_s / tau_s) ** -power


def _exponential(random: np.random.Generator) -> Callable[[Floats], Floats]:
    falls, tau_s = 10 ** random.uniform(-1, 0.5), 10 ** random.uniform(2.7, 3.7)
    return lambda time_s: 1 + falls * np.exp(-time_s / tau_s)


def _two_exponentials(random: np.random.Generator) -> Callable[[Floats], Floats]:
    quick, slow = _exponential(random), _exponential(random)
    return lambda time_s: quick(time_s / 0.3) + 0.5 * slow(time_s / 2)


def _logarithm(random: np.random.Generator) -> Callable[[Floats], Floats]:
    falls, tau_s = 10 ** random.uniform(-1.3, -0.7), 10 ** random.uniform(2, 3)
    return lambda time_s: np.maximum(1 - 0.6 * falls * np.log1p(time_s / tau_s), 0.1)


def _no_drift(random: np.random.Generator, run_s: float) -> Callable[[Floats], Floats]:
    return np.zeros_like


def _line(random: np.random.Generator, run_s: float) -> Callable[[Floats], Floats]:
    slope = random.uniform(-0.2, 0.2) / run_s
    return lambda time_s: slope * time_s


def _walk(random: np.random.Generator, run_s: float) -> Callable[[Floats], Floats]:
    steps = random.normal(0, 1, 400)
    walked = random.uniform(0.005, 0.025) * np.cumsum(steps) / np.sqrt(len(steps))
    at_s = np.linspace(0, 1.01 * run_s, len(steps))
    return lambda time_s: np.interp(time_s, at_s, walked)


def _sine(random: np.random.Generator, run_s: float) -> Callable[[Floats], Floats]:
    height, period_s = random.uniform(0.02, 0.05), random.uniform(4500, 10800)
    phase = random.uniform(0, 2 * np.pi)
    return lambda time_s: height * np.sin(2 * np.pi * time_s / period_s + phase)


_PUMPED = (_power, _exponential, _two_exponentials, _logarithm)
_DRIFTS = (_no_drift, _line, _walk, _sine)


def _released(
    random: np.random.Generator,
    kind: Kind,
    starts_c: float,
    time_s: Floats,
    temperature_c: Floats,
    rate_c_per_min: float,
) -> Floats:
    law = LAWS[random.integers(len(LAWS))]
    low_c, high_c = {"sharp": (10.0, 30.0), "spread": (80.0, 200.0)}.get(kind, (8.0, 15.0))
    fwhm_c = low_c * (high_c / low_c) ** random.random()
    shares = np.zeros(1)
    if kind == "spread":
        shares = betaincinv(*SPREADS[random.integers(len(SPREADS))], COMPOSITIONS)
        shares = random.uniform(1.0, 3.0) * (shares - 0.5)
    rate_c_per_s = rate_c_per_min / 60
    found = reaction(law, starts_c, fwhm_c, shares, rate_c_per_s)
    return found.rate(temperature_c, time_s, rate_c_per_s)


def _height(random: np.random.Generator, kind: Kind) -> float:
    """Peak over the background under it."""
    low, high = {"sharp": (0.3, 3.0), "spread": (0.15, 0.6)}.get(kind, (WEAK_SHARE, WEAK_SHARE))
    return float(low * (high / low) ** random.random())


def _measured(
    random: np.random.Generator, time_s: Floats, current_a: Floats, level_a: float
) -> Floats:
    """Add noise and spikes."""
    n = len(time_s)
    white = random.uniform(0.003, 0.01) * random.normal(0, 1, n)
    spikes = random.choice(n, random.integers(0, 7), replace=False)
    signs = np.where(random.random(len(spikes)) < 0.8, 1, -1)
    white[spikes] += signs * np.std(white) * 10 ** random.uniform(np.log10(5), np.log10(50))
    remembered = random.uniform(0.002, 0.005) * _ornstein_uhlenbeck(
        random, time_s, 10 ** random.uniform(np.log10(30), np.log10(300))
    )
    scale_a = level_a * (current_a / level_a) ** random.random()
    return current_a + scale_a * (white + remembered)


def _ornstein_uhlenbeck(random: np.random.Generator, time_s: Floats, memory_s: float) -> Floats:
    """Noise of unit variance that forgets exponentially, shape `(n,)`."""
    kept = np.exp(-np.diff(time_s) / memory_s)
    pushes = random.normal(0, 1, len(time_s))
    noise = np.empty_like(pushes)
    noise[0] = pushes[0]
    for at, keep in enumerate(kept, 1):
        noise[at] = keep * noise[at - 1] + np.sqrt(1 - keep**2) * pushes[at]
    return noise
