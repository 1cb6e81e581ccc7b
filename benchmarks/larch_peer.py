"""What Larch makes of the same scans."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def find_e0(energy_ev: Floats, mu: Floats) -> float:
    """Energy of the largest derivative, by `larch.xafs.find_e0`."""
    from larch.xafs import find_e0 as larch_find_e0

    return float(larch_find_e0(energy_ev, mu))


def normalised(energy_ev: Floats, mu: Floats, name: str = "scan") -> Any:
    """Give a group that `find_e0` and `pre_edge` have been at.

    Parameters
    ----------
    energy_ev, mu
        The scan, shape `(n,)`, energies in eV.
    name
        What the group is called.
    """
    from larch import Group
    from larch.xafs import find_e0 as larch_find_e0
    from larch.xafs import pre_edge

    group = Group(energy=energy_ev, mu=mu, filename=name, groupname=name)
    larch_find_e0(energy_ev, mu, group=group)
    pre_edge(energy_ev, mu, group=group)
    return group


def as_is(energy_ev: Floats, mu: Floats, name: str = "scan") -> Any:
    """Give a group of a spectrum that is normalised already."""
    from larch import Group

    return Group(energy=energy_ev, norm=mu, filename=name, groupname=name)


def combine(
    scan: Any, components: Sequence[Any], range_ev: tuple[float, float]
) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Fit a scan with components by `lincombo_fit`: weights and their claimed sigmas, by name.

    Parameters
    ----------
    scan
        A normalised group.
    components
        Normalised groups.
    range_ev
        Range of the fit, in eV.
    """
    from larch.math.lincombo_fitting import lincombo_fit

    fit = lincombo_fit(scan, list(components), xmin=range_ev[0], xmax=range_ev[1])
    sigmas = {name: fit.params[name].stderr or np.nan for name in fit.weights}
    return dict(fit.weights), sigmas
