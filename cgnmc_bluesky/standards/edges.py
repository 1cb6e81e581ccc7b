"""Which edge a scan is of, where nobody says it."""

from cgnmc_bluesky.beamline import Beamline, ConfigurationError, Edge, edge_energy_ev
from cgnmc_bluesky.beamline.edges import SYMBOLS

_MARGIN_EV = 5.0
_SOFT_EV, _SOFT_MARGIN_EV = 2000.0, 1.5
_AHEAD_EV = 300.0


def edge_in(beamline: Beamline, reach_ev: tuple[float, float], *, ended: bool) -> Edge | None:
    """The edge that a scan is of, told by its range.

    Parameters
    ----------
    beamline
        The configuration: edges of its references and foils come first.
    reach_ev
        Lowest and highest energy so far, in eV.
    ended
        Whether the scan has ended: only then are edges looked for that the configuration does
        not name.

    Returns
    -------
    Edge or None
        `None` where no edge is in the range.
    """
    margin_ev = _MARGIN_EV if reach_ev[0] > _SOFT_EV else _SOFT_MARGIN_EV
    low, high = reach_ev[0] + margin_ev, reach_ev[1] - margin_ev
    ahead = max(high, low + _AHEAD_EV)
    named = {ref.edge for ref in beamline.reference} | {foil.edge for foil in beamline.foil}
    energies = sorted((_energy_ev(beamline, edge), edge) for edge in named)
    found = [edge for energy, edge in energies if low <= energy <= ahead]
    if found or not ended or not low < high:
        return found[0] if found else None
    return _tabulated(low, high)


def _energy_ev(beamline: Beamline, edge: Edge) -> float:
    foil = beamline.foil_of(edge)
    return (foil.first_inflection_ev() if foil else edge_energy_ev(edge))[0]


def _tabulated(low_ev: float, high_ev: float) -> Edge | None:
    """The lowest K edge in a range, or else the lowest L3 edge."""
    for name in ("K", "L3"):
        for element in SYMBOLS:
            try:
                energy_ev, _ = edge_energy_ev(Edge(element, name))
            except ConfigurationError:
                continue
            if low_ev <= energy_ev <= high_ev:
                return Edge(element, name)
    return None
