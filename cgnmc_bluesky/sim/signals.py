"""ophyd signals that say their unit and follow the simulated clock."""

from collections.abc import Callable
from typing import Any

from ophyd import Signal
from ophyd.status import Status
from ophyd.utils import ReadOnlyError


class Quantity(Signal):
    """A value with a unit.

    Parameters
    ----------
    units
        As `describe` gives it; empty for what has none.
    precision
        Decimals that are worth showing; `None` where there is nothing to say.
    **kwargs
        As for `ophyd.Signal`.
    """

    def __init__(self, *, units: str, precision: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._units = units
        self._precision = precision

    def describe(self) -> dict[str, dict[str, Any]]:
        """Describe the value, its unit and precision included."""
        description: dict[str, dict[str, Any]] = super().describe()
        if self._units:
            description[self.name]["units"] = self._units
        if self._precision is not None:
            description[self.name]["precision"] = self._precision
        return description


class Reading(Quantity):
    """A value that only its device changes."""

    def update(self, value: Any, time_s: float) -> None:
        """Take a new value.

        Parameters
        ----------
        value
            The value.
        time_s
            When it was measured, in seconds since the epoch.
        """
        super().put(value, timestamp=time_s, force=True)

    def put(self, value: Any, **kwargs: Any) -> None:
        """Refuse: this is a measured value."""
        raise ReadOnlyError(f"{self.name} is measured and cannot be set to {value}")

    def set(self, value: Any, **kwargs: Any) -> None:
        """Refuse: this is a measured value."""
        self.put(value)


class Setting(Quantity):
    """A number that a user may change, between limits.

    Parameters
    ----------
    limits
        Lowest and highest value.
    **kwargs
        As for `Quantity`.
    """

    def __init__(self, *, limits: tuple[float, float], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._limits = limits

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest value."""
        return self._limits

    def check_value(self, value: float) -> None:
        """Refuse what lies outside the limits."""
        low, high = self._limits
        if not low <= value <= high:
            raise ValueError(
                f"{self.name} = {value} {self._units}; give {low} to {high} {self._units}"
            )


class Command(Setting):
    """A number that its device acts upon at once."""

    _act: Callable[[float], float]

    def obey(self, act: Callable[[float], float]) -> None:
        """Say who acts upon it.

        Parameters
        ----------
        act
            Given the number, does what it says and gives the time, in seconds since the epoch.
        """
        self._act = act

    def put(self, value: float, **kwargs: Any) -> None:
        """Let the device act."""
        self.check_value(value)
        super().put(value, timestamp=self._act(value), force=True)

    def set(self, value: float, **kwargs: Any) -> Status:
        """Let the device act.

        Parameters
        ----------
        value
            The number.

        Returns
        -------
        Status
            Done at once.
        """
        self.put(value)
        status = Status(self)
        status.set_finished()
        return status

    def update(self, value: float, time_s: float) -> None:
        """Take note of what the device did by itself."""
        super().put(value, timestamp=time_s, force=True)
