"""Detectors on one counter behind EPICS: ion chambers, and the yields of soft X-rays."""

from collections.abc import Mapping
from keyword import iskeyword
from typing import Any

from ophyd import Component, Device, EpicsSignal, EpicsSignalRO, FormattedComponent, Kind
from ophyd.device import create_device_from_components
from ophyd.status import Status

CHANNELS: Mapping[str, str] = {"i0": "I0", "it": "IT", "ir": "IR", "if": "IF"}
YIELDS: Mapping[str, str] = {
    "gold_mesh": "Mesh",
    "sample_current": "TEY",
    "reference_current": "Reference",
    "sdd_pfy": "PFY",
    "sdd_dead_time_factor": "DeadTime",
}


class Channel(Device):
    """One channel of a counter; a detector of its own where only some are wanted.

    Parameters
    ----------
    prefix
        The record's name.
    key
        Its data key.
    **kwargs
        As for `ophyd.Device`.
    """

    reading = FormattedComponent(EpicsSignalRO, "{prefix}", kind=Kind.hinted)

    def __init__(self, prefix: str, *, key: str, **kwargs: Any) -> None:
        super().__init__(prefix, **kwargs)
        self.reading.name = key

    def trigger(self) -> Status:
        """Count, together with the other channels that are triggered now."""
        return self.parent.join(self.attr_name)


class IonChambers(Device):
    """All channels of one counter, which count together; made by `ion_chambers`, `soft_yields`.

    Parameters
    ----------
    prefix
        Begin of all its records' names.
    name
        The device's name.
    count
        What follows the prefix in the name of the record that counts when 1 is written, and
        completes that put when it has counted.
    dwell
        The same for the record of the counting time, in seconds.
    timeout_s
        After this many seconds a count has failed.
    **kwargs
        As for `ophyd.Device`.
    """

    count = FormattedComponent(
        EpicsSignal, "{prefix}{_count}", put_complete=True, kind=Kind.omitted
    )
    dwell_s = FormattedComponent(EpicsSignal, "{prefix}{_dwell}", kind=Kind.config)

    def __init__(
        self,
        prefix: str,
        *,
        name: str,
        count: str = "CNT",
        dwell: str = "TP",
        timeout_s: float = 120.0,
        **kwargs: Any,
    ) -> None:
        self._count, self._dwell = count, dwell
        super().__init__(prefix, name=name, **kwargs)
        self.timeout_s = timeout_s
        self._status: Status | None = None
        self._counting: set[str] = set()

    def trigger(self) -> Status:
        """Count with all channels."""
        self._status = self.count.set(1, timeout=self.timeout_s)
        self._counting = set(self.component_names)
        return self._status

    def join(self, channel: str) -> Status:
        """Count with one channel, in the count of the others where it has no part in that yet.

        Parameters
        ----------
        channel
            Its attribute's name.

        Returns
        -------
        Status
            Done when it has counted.
        """
        if self._status is None or self._status.done or channel in self._counting:
            self._status = self.count.set(1, timeout=self.timeout_s)
            self._counting = set()
        self._counting.add(channel)
        return self._status


def ion_chambers(
    prefix: str, *, name: str, channels: Mapping[str, str] = CHANNELS, **kwargs: Any
) -> IonChambers:
    """Give ion chambers by their data keys.

    Parameters
    ----------
    prefix
        Begin of all records' names.
    name
        The device's name.
    channels
        For each data key what follows the prefix in its record's name. The attribute has the key's
        name, with an underscore where Python takes that name itself (`if_`).
    **kwargs
        As for `IonChambers`.

    Returns
    -------
    IonChambers
        The device; each of its channels is one, too.
    """
    return _made(prefix, name, _components(channels), kwargs)


def soft_yields(
    prefix: str,
    *,
    name: str,
    channels: Mapping[str, str] = YIELDS,
    window: tuple[str, str] = ("Window:Low", "Window:High"),
    **kwargs: Any,
) -> IonChambers:
    """Give the detectors of soft X-rays by their data keys, with the drift detector's window.

    Parameters
    ----------
    prefix
        Begin of all records' names.
    name
        The device's name.
    channels
        For each data key what follows the prefix in its record's name, as for `ion_chambers`.
    window
        The same for the lowest and the highest energy that the drift detector counts, in eV. They
        are the device's `window_low_ev` and `window_high_ev`, which `sxas_scan` sets.
    **kwargs
        As for `IonChambers`.

    Returns
    -------
    IonChambers
        The device; each of its channels is one, too.
    """
    ends = {
        key: Component(EpicsSignal, suffix, put_complete=True, kind=Kind.config)
        for key, suffix in zip(("window_low_ev", "window_high_ev"), window, strict=True)
    }
    return _made(prefix, name, {**_components(channels), **ends}, kwargs)


def _components(channels: Mapping[str, str]) -> dict[str, Component]:
    return {
        f"{key}_" if iskeyword(key) else key: Component(Channel, suffix, key=key, kind=Kind.normal)
        for key, suffix in channels.items()
    }


def _made(
    prefix: str, name: str, components: Mapping[str, Component], options: Mapping[str, Any]
) -> IonChambers:
    made = create_device_from_components("IonChambers", base_class=IonChambers, **components)
    counter: IonChambers = made(prefix, name=name, **options)
    return counter
