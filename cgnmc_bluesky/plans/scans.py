"""Which scan a series makes on a sample."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import bluesky.preprocessors as bpp
from bluesky import Msg
from bluesky.utils import MsgGenerator

from cgnmc_bluesky.beamline import Edge
from cgnmc_bluesky.beamline.errors import suggestion
from cgnmc_bluesky.beamline.samples import Sample
from cgnmc_bluesky.plans.regions import is_soft
from cgnmc_bluesky.plans.stack import xpeem_stack
from cgnmc_bluesky.plans.sxas import sxas_scan
from cgnmc_bluesky.plans.xanes import xanes_scan
from cgnmc_bluesky.plans.xrf import xrf_fly_line, xrf_fly_map

Plan = Callable[..., MsgGenerator[Any]]

PLANS: Mapping[str, Plan] = {
    plan.__name__: plan for plan in (sxas_scan, xanes_scan, xpeem_stack, xrf_fly_line, xrf_fly_map)
}
ASKING = ("locate", "read", "wait_for")
"""Messages by which a plan only asks."""


class Scan(Protocol):
    """What is made on each sample."""

    @property
    def takes_edge(self) -> bool:
        """Whether it is made once for each edge of a sample."""

    def check(self, sample: Sample) -> MsgGenerator[None]:
        """Make sure that the sample's scan can be made, without moving anything."""

    def of(self, sample: Sample, md: Mapping[str, Any]) -> MsgGenerator[Any]:
        """Make the sample's scan."""


def scan_from(given: Callable[[Sample], Any] | Mapping[str, Any]) -> Scan:
    """Give the scan that a user describes.

    Parameters
    ----------
    given
        A function that gives a plan for a sample, or the arguments of a plan by name.

    Raises
    ------
    ValueError
        If it is neither, or there is no such plan.
    """
    if isinstance(given, Mapping):
        return NamedScan.of_arguments(given)
    if not callable(given):
        raise ValueError(
            f"scan is {given!r}: give its arguments by name, such as "
            "{'detectors': [sdd], 'energy': pgm}, or a function that gives a plan for a sample"
        )
    return OwnScan(given)


class OwnScan:
    """A function of the user's, of which nothing is known before it is called.

    Parameters
    ----------
    plan_of
        The function.
    """

    takes_edge = True

    def __init__(self, plan_of: Callable[[Sample], Any]) -> None:
        self._plan_of = plan_of

    def check(self, sample: Sample) -> MsgGenerator[None]:
        """Check nothing: the function is called once for each sample, when it is its turn."""
        yield from ()

    def of(self, sample: Sample, md: Mapping[str, Any]) -> MsgGenerator[Any]:
        """Make the sample's scan; its runs carry what the table says, but an edge of their own."""
        plan = self._plan_of(sample)
        if not isinstance(plan, Iterable):
            raise ValueError(f"scan gave {plan!r} for {sample.name}: let it return a plan")
        known = {key: value for key, value in md.items() if key != "edge"}

        def described(msg: Msg) -> Msg:
            if msg.command != "open_run":
                return msg
            return msg._replace(kwargs={**md, **msg.kwargs, **known})

        return (yield from bpp.msg_mutator(plan, described))


class NamedScan:
    """A plan of this package, with its arguments.

    Parameters
    ----------
    plan
        The plan; `None` for the energy scan that suits the sample's edge.
    arguments
        Its arguments by name.
    """

    def __init__(self, plan: Plan | None, arguments: Mapping[str, Any]) -> None:
        self._plan = plan
        self._arguments = arguments
        self.takes_edge = plan is None or "edge" in inspect.signature(plan).parameters

    @classmethod
    def of_arguments(cls, given: Mapping[str, Any]) -> "NamedScan":
        """Take the plan from among its arguments.

        Raises
        ------
        ValueError
            If there is no such plan.
        """
        arguments = dict(given)
        plan = arguments.pop("plan", None)
        if plan is None or callable(plan):
            return cls(plan, arguments)
        if plan not in PLANS:
            raise ValueError(f"scan's plan is {plan!r}: {suggestion(str(plan), PLANS)}")
        return cls(PLANS[plan], arguments)

    def check(self, sample: Sample) -> MsgGenerator[None]:
        """Let the plan check its arguments, which it does before its first message that moves."""
        plan = self._plan_for(sample, {})
        try:
            msg = plan.send(None)
            while msg.command in ASKING:
                msg = plan.send((yield msg))
        except StopIteration:
            return
        finally:
            plan.close()

    def of(self, sample: Sample, md: Mapping[str, Any]) -> MsgGenerator[Any]:
        """Make the sample's scan."""
        return (yield from self._plan_for(sample, md))

    def _plan_for(self, sample: Sample, md: Mapping[str, Any]) -> MsgGenerator[Any]:
        plan = self._plan or _energy_scan(sample)
        edge = {} if sample.edge is None else {"edge": sample.edge}
        arguments = {**self._arguments, **edge, "md": {**self._arguments.get("md", {}), **md}}
        signature = inspect.signature(plan)
        for name in arguments:
            if name not in signature.parameters:
                raise ValueError(
                    f"{plan.__name__} takes no {name!r}; {suggestion(name, signature.parameters)}"
                )
        try:
            signature.bind(**arguments)
        except TypeError as error:
            raise ValueError(f"{plan.__name__} is {error}: name it among the scan's") from error
        return plan(**arguments)


def _energy_scan(sample: Sample) -> Plan:
    if sample.edge is None:
        raise ValueError(
            f"{sample.name} has no edges: give some, such as 'Ni L3', or the scan a 'plan'"
        )
    return sxas_scan if is_soft(Edge.parse(sample.edge)) else xanes_scan
