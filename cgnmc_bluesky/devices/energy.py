"""An energy axis behind EPICS."""

from typing import Any

from ophyd import Device, EpicsSignal, EpicsSignalRO, FormattedComponent, Kind
from ophyd.status import Status, SubscriptionStatus


class EnergyAxis(Device):
    """A monochromator's energy, whose set point completes its put when it has arrived.

    Its readback's data key is the device's name with `_energy`.

    Parameters
    ----------
    prefix
        Begin of all its records' names.
    name
        The device's name.
    setpoint
        What follows the prefix in the set point's name; in eV or in keV as the record has it.
    readback
        The same for the readback.
    stop
        The same for the record that stops it when 1 is written.
    timeout_s
        After this many seconds a motion has failed.
    """

    energy = FormattedComponent(EpicsSignalRO, "{prefix}{_readback}", kind=Kind.hinted)
    setpoint = FormattedComponent(
        EpicsSignal, "{prefix}{_setpoint}", put_complete=True, limits=True, kind=Kind.omitted
    )
    halt = FormattedComponent(EpicsSignal, "{prefix}{_stop}", kind=Kind.omitted)

    def __init__(
        self,
        prefix: str,
        *,
        name: str,
        setpoint: str = "Energy",
        readback: str = "Energy:RBV",
        stop: str = "Energy:STOP",
        timeout_s: float = 300.0,
        **kwargs: Any,
    ) -> None:
        self._setpoint, self._readback, self._stop = setpoint, readback, stop
        super().__init__(prefix, name=name, **kwargs)
        self.timeout_s = timeout_s

    @property
    def position(self) -> float:
        """The readback, in its record's unit."""
        return float(self.energy.get())

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest set point, as the record has them."""
        low, high = self.setpoint.limits
        return float(low), float(high)

    def check_value(self, value: float) -> None:
        """Refuse an energy outside the record's limits."""
        self.setpoint.check_value(value)

    def set(self, value: float) -> Status:
        """Go to an energy.

        Parameters
        ----------
        value
            Where to, in the record's unit.

        Returns
        -------
        Status
            Done when it is there.
        """
        self.check_value(value)
        return self.setpoint.set(value, timeout=self.timeout_s)

    def stop(self, *, success: bool = False) -> None:
        """Stay where it is.

        Parameters
        ----------
        success
            Whether this was wanted; it makes no difference here.
        """
        self.halt.put(1, wait=False)


class EnergyAxisWithDone(EnergyAxis):
    """An energy axis that has a record for "not moving" instead of a put that completes.

    Parameters
    ----------
    prefix
        Begin of all its records' names.
    name
        The device's name.
    done
        What follows the prefix in the name of the record that is 1 when it has arrived.
    **kwargs
        As for `EnergyAxis`.
    """

    done = FormattedComponent(EpicsSignalRO, "{prefix}{_done}", kind=Kind.omitted)

    def __init__(self, prefix: str, *, name: str, done: str = "Energy:DMOV", **kwargs: Any) -> None:
        self._done = done
        super().__init__(prefix, name=name, **kwargs)

    def set(self, value: float) -> Status:
        """Go to an energy.

        Parameters
        ----------
        value
            Where to, in the record's unit.

        Returns
        -------
        Status
            Done when it has moved and stands still.
        """
        self.check_value(value)

        def arrived(*, old_value: int, value: int, **_: Any) -> bool:
            return not old_value and bool(value)

        status = SubscriptionStatus(self.done, arrived, run=False, timeout=self.timeout_s)
        self.setpoint.put(value, wait=False)
        return status
