"""What can be put into the beam or kept out of it."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ophyd import Component, Device, Kind
from ophyd.status import DeviceStatus

from cgnmc_bluesky.sim.clock import Clock
from cgnmc_bluesky.sim.light import Light
from cgnmc_bluesky.sim.sample import Sample
from cgnmc_bluesky.sim.signals import Reading
from cgnmc_bluesky.sim.soft.sample import SoftSample

Named = TypeVar("Named", Sample, SoftSample)


class Selector(Device):
    """Something with named positions, one at a time.

    Parameters
    ----------
    clock
        The simulation's clock.
    name
        The device's name, which is also its data key.
    choices
        What each position does, by its name.
    first
        The position it is in.
    """

    chosen = Component(Reading, value="", units="", kind=Kind.normal)

    def __init__(
        self,
        clock: Clock,
        *,
        name: str,
        choices: Mapping[str, Callable[[], None]],
        first: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.chosen.name = name
        self._clock = clock
        self._choices = dict(choices)
        self.set(first)

    @property
    def position(self) -> str:
        """Name of the position it is in."""
        return str(self.chosen.get())

    @property
    def positions(self) -> tuple[str, ...]:
        """Names of all positions."""
        return tuple(self._choices)

    def check_value(self, value: str) -> None:
        """Refuse a position that there is not."""
        if value not in self._choices:
            raise ValueError(f"{self.name} has no {value!r}; it has {', '.join(self._choices)}")

    def set(self, value: str) -> DeviceStatus:
        """Go to a position.

        Parameters
        ----------
        value
            Its name.

        Returns
        -------
        DeviceStatus
            Done when it is there.
        """
        self.check_value(value)
        self._choices[value]()
        self.chosen.update(value, self._clock.now_s())
        status = DeviceStatus(self)
        status.set_finished()
        return status


def sample_holder(
    light: Light, samples: Mapping[str, object], first: str, *, name: str = "sample"
) -> Selector:
    """Give a holder that brings one of several samples into the beam.

    Parameters
    ----------
    light
        Where it stands.
    samples
        What is mounted, by name.
    first
        The one in the beam.
    name
        The device's name.

    Returns
    -------
    Selector
        The device.
    """
    choices = {position: sets(light, "sample", sample) for position, sample in samples.items()}
    return Selector(light.clock, name=name, choices=choices, first=first)


def shutter(light: Light, *, name: str = "shutter") -> Selector:
    """Give a shutter before the first detector; closed for dark currents.

    Parameters
    ----------
    light
        Where it stands.
    name
        The device's name.

    Returns
    -------
    Selector
        The device, open.
    """
    choices = {
        "open": sets(light, "shutter_open", True),
        "closed": sets(light, "shutter_open", False),
    }
    return Selector(light.clock, name=name, choices=choices, first="open")


def mounted(sample: str | Named, samples: Mapping[str, Named]) -> tuple[dict[str, Named], str]:
    """Give what is mounted, and the name of what is first.

    Parameters
    ----------
    sample
        A name among `samples`, or a sample that comes on top.
    samples
        Samples by name.

    Raises
    ------
    ValueError
        If there is none of the name.
    """
    if not isinstance(sample, str):
        return {**samples, sample.name: sample}, sample.name
    if sample not in samples:
        raise ValueError(f"sample is {sample!r}; mounted are {', '.join(samples)}")
    return dict(samples), sample


def sets(light: Light, what: str, value: object) -> Callable[[], None]:
    """Give what a position does that changes one thing the light meets.

    Parameters
    ----------
    light
        Where it stands.
    what
        Name of the attribute.
    value
        What it is then.
    """

    def change() -> None:
        setattr(light, what, value)
        light.disturb()

    return change
