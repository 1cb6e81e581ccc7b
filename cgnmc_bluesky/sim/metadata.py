"""Runs that carry what the simulation knows of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from ophyd.device import Staged

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Informed(ABC):
    """Something simulated that knows the roles of its data keys, and the truth."""

    @abstractmethod
    def devices(self) -> dict[str, Any]:
        """All devices by the names that a session gives them."""

    @abstractmethod
    def roles(self) -> dict[str, Any]:
        """Which data key plays which role, as beamline.toml would say it."""

    @property
    def is_used(self) -> bool:
        """Whether a run uses it: whether one of its devices is staged."""
        return any(device._staged == Staged.yes for device in self.devices().values())

    @abstractmethod
    def metadata(self, run: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
        """What a run of it should carry in its start document.

        Parameters
        ----------
        run
            What its plan says of the run.
        """

    def with_metadata(self, plan: Iterable[Any]) -> Any:
        """Let every run of a plan carry `metadata` as it is when the run opens.

        Parameters
        ----------
        plan
            Any plan; or give this method to `RE.preprocessors`, and every plan has it. What the
            plan says itself has precedence.

        Returns
        -------
        Any
            The plan.
        """
        from bluesky.preprocessors import msg_mutator

        def add(msg: Any) -> Any:
            if msg.command != "open_run":
                return msg
            return msg._replace(kwargs={**self.metadata(msg.kwargs), **msg.kwargs})

        return msg_mutator(plan, add)
