"""Ion chambers and a fluorescence detector, with all that keeps them from being ideal."""

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from ophyd import Component, Device, Kind
from ophyd.status import DeviceStatus

from cgnmc_bluesky.sim.endstation import Endstation
from cgnmc_bluesky.sim.faults import DetectorFailure, spoilt
from cgnmc_bluesky.sim.light import Light, Moment
from cgnmc_bluesky.sim.signals import Reading, Setting

ELECTRON_C = 1.602e-19
ION_PAIR_EV = 34.6
"""Energy spent for each ion pair in nitrogen."""
AMPLIFIER_LIMIT_V = 10.0
AMPLIFIER_NOISE_V = 2e-5
"""Amplifier noise in one second."""


class Counter(Device, ABC):
    """A detector that counts for a dwell with all the others in the same light.

    Parameters
    ----------
    light
        Where the light is.
    channel
        Which light it sees, by which faults name it too.
    name
        The device's name.
    seed
        Of its noise; `None` for a reading without noise.
    """

    dwell_s = Component(Setting, value=0.1, units="s", limits=(1e-3, 600.0), kind=Kind.config)

    def __init__(
        self,
        light: Light,
        channel: str,
        *,
        name: str,
        seed: np.random.SeedSequence | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self._light = light
        self._channel = channel
        self._random = None if seed is None else np.random.default_rng(seed)

    def stage(self) -> list[object]:
        """Begin a run: its points are counted from 1."""
        self._light.restart()
        staged: list[object] = super().stage()
        return staged

    def trigger(self) -> DeviceStatus:
        """Count for the dwell.

        Returns
        -------
        DeviceStatus
            Done when the reading is there.

        Raises
        ------
        DetectorFailure
            Where a fault asks for it.
        """
        moment = self._light.moment(self._channel)
        fault = self._light.faults.of(self._channel, moment.point, moment.energy_ev)
        if fault is not None and fault.kind == "raise":
            raise DetectorFailure(f"{self.name} does not answer at point {moment.point}")
        status = DeviceStatus(self)
        dwell_s = float(self.dwell_s.get())

        def finish() -> None:
            self._take(moment, dwell_s)
            status.set_finished()

        self._light.clock.wait_until(moment.start_s + dwell_s, finish, counting=True)
        return status

    def _spoilt(self, reading: Reading, value: float, moment: Moment, full_scale: float) -> float:
        """Give what a reading of it says of a value, with what is wrong with it."""
        fault = self._light.faults.of(reading.name, moment.point, moment.energy_ev)
        return spoilt(fault, value, float(reading.get()), full_scale)

    @abstractmethod
    def _take(self, moment: Moment, dwell_s: float) -> None:
        """Publish what a count of this light has given."""


class Channel(Counter):
    """A detector of one reading, whose name is the channel's.

    Parameters
    ----------
    light
        Where the light is.
    channel
        Which light it sees, such as "i0"; also the data key.
    name
        The device's name.
    seed
        Of its noise; `None` for a reading without noise.
    """

    reading = Component(Reading, value=0.0, units="A", precision=13, kind=Kind.hinted)

    def __init__(
        self,
        light: Light,
        channel: str,
        *,
        name: str,
        seed: np.random.SeedSequence | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(light, channel, name=name, seed=seed, **kwargs)
        self.reading.name = channel

    def _take(self, moment: Moment, dwell_s: float) -> None:
        measured = self._measured(moment, dwell_s)
        value = self._spoilt(self.reading, measured, moment, self._full_scale())
        self.reading.update(value, moment.start_s + dwell_s)

    def _counted(self, photons: float) -> float:
        return photons if self._random is None else float(self._random.poisson(photons))

    @abstractmethod
    def _full_scale(self) -> float:
        """Give the largest reading there can be."""

    @abstractmethod
    def _measured(self, moment: Moment, dwell_s: float) -> float:
        """Give the reading of a count."""


class Amplified(Channel):
    """A detector with a current amplifier: mean current over the dwell, in A.

    Counting noise is that of what it detects. The amplifier adds a dark current and its own noise,
    and nothing above its limit of 10 V comes through.

    Parameters
    ----------
    light
        Where the light is.
    channel
        Which light it sees; also the data key.
    name
        The device's name.
    seed
        Of its noise; `None` for a reading without noise.
    gain_v_per_a
        Gain of the amplifier; 10 V over it is the largest current.
    dark_a
        Current without light.
    """

    NOISE_V = AMPLIFIER_NOISE_V
    gain_v_per_a = Component(Setting, value=1e9, units="V/A", limits=(1e3, 1e11), kind=Kind.config)

    def __init__(
        self,
        light: Light,
        channel: str,
        *,
        name: str,
        seed: np.random.SeedSequence | None,
        gain_v_per_a: float = 1e9,
        dark_a: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(light, channel, name=name, seed=seed, **kwargs)
        self.gain_v_per_a.put(gain_v_per_a)
        self.dark_a = dark_a

    def _full_scale(self) -> float:
        return AMPLIFIER_LIMIT_V / float(self.gain_v_per_a.get())

    def _measured(self, moment: Moment, dwell_s: float) -> float:
        seen = self._counted(moment.photons_s[self._channel] * dwell_s)
        current_a = seen / dwell_s * self._electrons(moment.energy_ev) * ELECTRON_C + self.dark_a
        if self._random is not None:
            noise_v = self.NOISE_V / math.sqrt(dwell_s) * self._random.standard_normal()
            current_a += noise_v / float(self.gain_v_per_a.get())
        return min(max(current_a, -self._full_scale()), self._full_scale())

    @abstractmethod
    def _electrons(self, energy_ev: float) -> float:
        """Give the electrons for each detected photon of an energy."""


class IonChamber(Amplified):
    """An ion chamber with its current amplifier."""

    def _electrons(self, energy_ev: float) -> float:
        return energy_ev / ION_PAIR_EV


class FluorescenceDetector(Channel):
    """A photon counter beside the sample: counts in the dwell."""

    reading = Component(Reading, value=0.0, units="counts", precision=0, kind=Kind.hinted)

    MAX_RATE_PER_S = 5e7
    """It counts no faster."""

    def _full_scale(self) -> float:
        return self.MAX_RATE_PER_S * float(self.dwell_s.get())

    def _measured(self, moment: Moment, dwell_s: float) -> float:
        return min(self._counted(moment.photons_s[self._channel] * dwell_s), self._full_scale())


class RingCurrent(Device):
    """The storage ring's current, as its control system publishes it, in mA."""

    current = Component(Reading, value=0.0, units="mA", precision=3, kind=Kind.hinted)

    def __init__(self, endstation: Endstation, *, name: str = "ring", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self._endstation = endstation
        self.refresh()

    def trigger(self) -> DeviceStatus:
        """Read the current as it is for this point."""
        status = DeviceStatus(self)
        moment = self._endstation.moment(self.name)
        self.current.update(moment.ring_ma, moment.start_s)
        status.set_finished()
        return status

    def dump(self) -> None:
        """Lose the beam until `inject`, and publish it."""
        self._endstation.ring.dump()
        self._endstation.disturb()
        self.refresh()

    def inject(self) -> None:
        """Bring the beam back, and publish it."""
        self._endstation.ring.inject()
        self._endstation.disturb()
        self.refresh()

    def refresh(self) -> None:
        """Publish the current as it is now."""
        now_s = self._endstation.clock.now_s()
        self.current.update(self._endstation.ring.current_ma(now_s), now_s)
