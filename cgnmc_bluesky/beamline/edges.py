"""Absorption edges by name: what users write, and the energies that tables give."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cgnmc_bluesky.beamline.errors import ConfigurationError, nearest

_PERIODIC_TABLE = """
H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr
Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb
Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf
"""
SYMBOLS = tuple(_PERIODIC_TABLE.split())
"""Chemical symbols of the elements whose edges are tabulated."""
LEVELS = ("K", "L1", "L2", "L3", "M1", "M2", "M3", "M4", "M5")
"""Names of the edges, in the notation of the IUPAC."""

_BOTH = {"L": "L3", "L23": "L3", "L32": "L3"}
"""What a scan over both edges is called by, and the edge at which it begins."""
_WRITTEN = re.compile(
    r"\s*([A-Za-z]+)[\s_-]+([A-Za-z](?:\d(?:[,/]?\s?\d)?)?)(?:[\s_-]+edge)?\s*", re.IGNORECASE
)


@dataclass(frozen=True, order=True)
class Edge:
    """An absorption edge of an element.

    Parameters
    ----------
    element
        Chemical symbol.
    name
        The edge's name: "K", "L3".

    Examples
    --------
    >>> Edge.parse("ni_k")
    Edge(element='Ni', name='K')
    >>> str(Edge.parse("Ni-L3")), str(Edge.parse("Ni L2,3"))
    ('Ni L3', 'Ni L3')
    """

    element: str
    name: str

    @classmethod
    def parse(cls, text: "str | Edge") -> "Edge":
        """Return the edge that a text names: "Ni K", "Ni_K", "Ni-K" and "ni k" are one.

        A scan over L3 and L2 is one of L3, at which it begins: "Ni L", "Ni L2,3" and "Ni L23".

        Raises
        ------
        ConfigurationError
            If there is no such element or edge; it names the nearest.
        """
        if isinstance(text, Edge):
            return text
        match = _WRITTEN.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise ConfigurationError(f'{text!r}: expected an element and its edge, such as "Ni K"')
        element, level = match[1].capitalize(), re.sub(r"\W", "", match[2].upper())
        level = _BOTH.get(level, level)
        if element not in SYMBOLS:
            close = nearest(element, SYMBOLS, count=3)
            hint = (
                f"did you mean {' or '.join(close)}?"
                if close
                else 'write its symbol, such as "Ni K"'
            )
            raise ConfigurationError(f"{text!r}: there is no element '{match[1]}'; {hint}")
        if level not in LEVELS:
            close = [name for name in LEVELS if name[0] == level[0]] or list(LEVELS)
            raise ConfigurationError(
                f"{text!r}: there is no edge '{match[2]}'; {element} has {', '.join(close)}"
            )
        return cls(element, level)

    def __str__(self) -> str:
        return f"{self.element} {self.name}"


def edge_of(metadata: Mapping[str, Any]) -> Edge | None:
    """Return the edge that a run's metadata name, `None` where they name none.

    Parameters
    ----------
    metadata
        A start document: `edge` ("Ni K"), `element` and `edge` ("K"), or the same nested by the
        names of the XDI dictionary (`Element.symbol`, `Element.edge`).

    Examples
    --------
    >>> edge_of({"Element": {"symbol": "Ni", "edge": "K"}})
    Edge(element='Ni', name='K')
    """
    nested = metadata.get("XDI", metadata)
    nested = nested if isinstance(nested, Mapping) else metadata
    header = nested.get("Element", nested.get("element"))
    header = header if isinstance(header, Mapping) else {}
    named = [metadata.get("edge"), f"{metadata.get('element')} {metadata.get('edge')}"]
    named.append(f"{header.get('symbol')} {header.get('edge')}")
    for text in named:
        try:
            return Edge.parse(str(text))
        except ConfigurationError:
            continue
    return None


def edge_energy_ev(edge: Edge | str) -> tuple[float, str]:
    """Return the energy of an edge in eV, and the name of the table it stands in.

    Raises
    ------
    ConfigurationError
        If the table has no such edge.
    """
    import xraydb

    edge = Edge.parse(edge)
    tabulated = xraydb.xray_edges(edge.element)
    if edge.name not in tabulated:
        raise ConfigurationError(
            f"{edge} is in no table: {edge.element} has {', '.join(tabulated) or 'no edge'} there"
        )
    table = f"xraydb {xraydb.__version__} (Elam, Ravel and Sieber 2002)"
    return float(tabulated[edge.name].energy), table
