"""A furnace and a mass spectrometer behind EPICS."""

from collections.abc import Mapping
from typing import Any

from ophyd import Component, Device, EpicsSignal, EpicsSignalRO, FormattedComponent, Kind
from ophyd.device import create_device_from_components
from ophyd.status import DeviceStatus, SubscriptionStatus

CONTROLS: Mapping[str, str] = {
    "ramp_rate": "Rate",
    "heater": "Heater",
    "heartbeat": "Heartbeat",
    "heartbeat_timeout_s": "Timeout",
    "over_temperature": "Limit",
}
MASSES: Mapping[str, str] = {f"mz{mass}": f"MZ{mass}" for mass in (18, 28, 32, 40, 44)}


class EpicsFurnace(Device):
    """A furnace behind EPICS; `epics_furnace` makes one whose controller ramps and guards it.

    Its temperature's data key is the device's name with `_temperature`.

    Parameters
    ----------
    prefix
        Begin of all its records' names.
    name
        The device's name.
    temperature
        What follows the prefix in the name of the record of the temperature, in degC or K.
    setpoint
        The same for where it goes.
    near
        So near to its set point a motion of it is done, in the temperature's unit.
    **kwargs
        As for `ophyd.Device`.
    """

    temperature = FormattedComponent(EpicsSignalRO, "{prefix}{_temperature}", kind=Kind.hinted)
    setpoint = FormattedComponent(EpicsSignal, "{prefix}{_setpoint}", limits=True, kind=Kind.normal)

    def __init__(
        self,
        prefix: str,
        *,
        name: str,
        temperature: str = "T",
        setpoint: str = "SP",
        near: float = 1.0,
        **kwargs: Any,
    ) -> None:
        self._temperature, self._setpoint = temperature, setpoint
        super().__init__(prefix, name=name, **kwargs)
        self.near = near
        self._motion: DeviceStatus | None = None

    @property
    def position(self) -> float:
        """The temperature, in its record's unit."""
        return float(self.temperature.get())

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest set point, as the record has them; the same where it has none."""
        low, high = self.setpoint.limits
        return float(low), float(high)

    def set(self, value: float) -> DeviceStatus:
        """Go to a temperature.

        Parameters
        ----------
        value
            Where to, in the record's unit.

        Returns
        -------
        DeviceStatus
            Done when it is near that, or is stopped or sent elsewhere.
        """
        self._end()
        self.setpoint.put(value, wait=False)
        target = value

        def is_near(*, value: float, **_: Any) -> bool:
            return abs(value - target) <= self.near

        self._motion = SubscriptionStatus(self.temperature, is_near)
        return self._motion

    def stop(self, *, success: bool = False) -> None:
        """Stay at the temperature that it has.

        Parameters
        ----------
        success
            Whether this was wanted; it makes no difference here.
        """
        self.setpoint.put(self.position, wait=False)
        self._end()

    def _end(self) -> None:
        motion, self._motion = self._motion, None
        if motion is not None and not motion.done:
            motion.set_finished()


def epics_furnace(
    prefix: str, *, name: str, controls: Mapping[str, str] = CONTROLS, **kwargs: Any
) -> EpicsFurnace:
    """Give a furnace with what its controller has beside temperature and set point.

    Parameters
    ----------
    prefix
        Begin of all records' names.
    name
        The device's name.
    controls
        For each of `devices.heating.Controls` that there is, what follows the prefix in its
        record's name.
    **kwargs
        As for `EpicsFurnace`.

    Raises
    ------
    ValueError
        If a control is none.
    """
    unknown = sorted(set(controls) - set(CONTROLS))
    if unknown:
        raise ValueError(f"a furnace has no {unknown[0]!r}: name some of {', '.join(CONTROLS)}")
    options = {"put_complete": True, "limits": True, "kind": Kind.config}
    kinds = {"heater": {"kind": Kind.normal}, "heartbeat": {"kind": Kind.omitted}}
    components = {
        control: Component(EpicsSignal, suffix, **{**options, **kinds.get(control, {})})
        for control, suffix in controls.items()
    }
    made = create_device_from_components("EpicsFurnace", base_class=EpicsFurnace, **components)
    furnace: EpicsFurnace = made(prefix, name=name, **kwargs)
    return furnace


class EpicsSpectrometer(Device):
    """A mass spectrometer that runs freely behind EPICS; made by `epics_spectrometer`.

    Parameters
    ----------
    prefix
        Begin of all its records' names.
    name
        The device's name.
    period
        What follows the prefix in the name of the record of the time between two scans, in seconds.
    timeout_s
        After so many seconds without a scan it has failed.
    **kwargs
        As for `ophyd.Device`.
    """

    period_s = FormattedComponent(
        EpicsSignal, "{prefix}{_period}", put_complete=True, kind=Kind.config
    )

    def __init__(
        self,
        prefix: str,
        *,
        name: str,
        period: str = "Period",
        timeout_s: float = 30.0,
        **kwargs: Any,
    ) -> None:
        self._period = period
        super().__init__(prefix, name=name, **kwargs)
        self.timeout_s = timeout_s

    def trigger(self) -> SubscriptionStatus:
        """Wait for the end of a scan, which is a new value of the last mass."""
        last = getattr(self, self.read_attrs[-1])
        timeout_s = self.timeout_s + float(self.period_s.get())
        return SubscriptionStatus(last, lambda **_: True, run=False, timeout=timeout_s)


def epics_spectrometer(
    prefix: str, *, name: str, channels: Mapping[str, str] = MASSES, **kwargs: Any
) -> EpicsSpectrometer:
    """Give a mass spectrometer with a channel for each mass.

    Parameters
    ----------
    prefix
        Begin of all records' names.
    name
        The device's name, with which its data keys begin.
    channels
        For each channel, such as `mz32`, what follows the prefix in its record's name; in the order
        in which they are measured.
    **kwargs
        As for `EpicsSpectrometer`.
    """
    options = {"kind": Kind.hinted, "auto_monitor": True}
    components = {
        channel: Component(EpicsSignalRO, suffix, **options) for channel, suffix in channels.items()
    }
    made = create_device_from_components(
        "EpicsSpectrometer", base_class=EpicsSpectrometer, **components
    )
    spectrometer: EpicsSpectrometer = made(prefix, name=name, **kwargs)
    return spectrometer
