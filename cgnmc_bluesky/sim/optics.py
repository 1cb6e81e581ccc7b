"""What can be put into the beam or kept out of it."""

from collections.abc import Callable, Mapping
from typing import Any

from ophyd import Component, Device, Kind
from ophyd.status import DeviceStatus

from cgnmc_bluesky.sim.clock import Clock
from cgnmc_bluesky.sim.endstation import Endstation
from cgnmc_bluesky.sim.light import Light
from cgnmc_bluesky.sim.sample import Sample
from cgnmc_bluesky.sim.signals import Reading


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


def sample_holder(endstation: Endstation, samples: Mapping[str, Sample], first: str) -> Selector:
    """Give a holder that brings one of several samples into the beam.

    Parameters
    ----------
    endstation
        Where it stands.
    samples
        What is mounted, by name.
    first
        The one in the beam.

    Returns
    -------
    Selector
        The device `sample`.
    """
    choices = {name: sets(endstation, "sample", sample) for name, sample in samples.items()}
    return Selector(endstation.clock, name="sample", choices=choices, first=first)


def shutter(endstation: Endstation) -> Selector:
    """Give a shutter before the first chamber; closed for dark currents.

    Parameters
    ----------
    endstation
        Where it stands.

    Returns
    -------
    Selector
        The device `shutter`, open.
    """
    choices = {
        "open": sets(endstation, "shutter_open", True),
        "closed": sets(endstation, "shutter_open", False),
    }
    return Selector(endstation.clock, name="shutter", choices=choices, first="open")


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
