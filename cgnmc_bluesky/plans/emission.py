"""Which emission an energy-resolving detector is to count at an absorption edge."""

from collections.abc import Iterable
from typing import Any

from bluesky.protocols import Movable

from cgnmc_bluesky.beamline import Edge
from cgnmc_bluesky.plans.checks import check_mover
from cgnmc_bluesky.plans.energies import Setting

MARGIN_EV = 40.0
"""Half the resolution of a silicon drift detector, which is 80 eV at these energies."""
FILLED_TOGETHER = {"L3": ("L3", "L2")}
"""Levels whose holes a scan from this edge on makes."""
STRONG = 0.1
"""Lines below this share of their level's emission do not widen the window."""


def emission_window_ev(edge: Edge) -> tuple[float, float]:
    """Where an element emits at one of its edges: its strong lines, with room for their width.

    Parameters
    ----------
    edge
        The edge.

    Returns
    -------
    tuple[float, float]
        Lower and upper end, in eV.

    Raises
    ------
    ValueError
        If the element has no line there.

    Examples
    --------
    >>> emission_window_ev(Edge("Ni", "L3"))
    (808.7, 906.0)
    """
    import xraydb

    lines = [
        line
        for level in FILLED_TOGETHER.get(edge.name, (edge.name,))
        for line in xraydb.xray_lines(edge.element, initial_level=level).values()
        if line.intensity > STRONG
    ]
    if not lines:
        raise ValueError(
            f"{edge.element} emits nothing after {edge}: leave out the detector with a window"
        )
    energies_ev = [line.energy for line in lines]
    return round(min(energies_ev) - MARGIN_EV, 1), round(max(energies_ev) + MARGIN_EV, 1)


def window_settings(detectors: Iterable[Any], edge: Edge) -> list[Setting]:
    """Windows of the detectors that have one, and what they are to be set to.

    Parameters
    ----------
    detectors
        The detectors, or parts of them. A window is a movable `window_ev`, which takes both ends at
        once, or two of them, `window_low_ev` and `window_high_ev`; in eV.
    edge
        The edge that is scanned.

    Raises
    ------
    ValueError
        If a window could not be put back, or the element emits nothing there.
    """
    settings: list[Setting] = []
    owners = [owner for each in detectors for owner in (each, getattr(each, "parent", None))]
    for owner in dict.fromkeys(owners):
        window, low, high = (
            getattr(owner, name, None) for name in ("window_ev", "window_low_ev", "window_high_ev")
        )
        if isinstance(window, Movable):
            settings.append((window, emission_window_ev(edge)))
        elif isinstance(low, Movable) and isinstance(high, Movable):
            settings += zip((low, high), emission_window_ev(edge), strict=True)
    for part, _ in settings:
        check_mover(part, "the window")
    return settings
