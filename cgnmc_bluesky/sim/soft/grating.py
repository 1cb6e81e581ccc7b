"""A grating monochromator, whose zero is somewhere else at every scan."""

from typing import Any

import numpy as np

from cgnmc_bluesky.sim.clock import Clock
from cgnmc_bluesky.sim.monochromator import Monochromator

REFERENCE_EV = 800.0
POWER = 1.5
"""An error of the grating's angle is one of the energy that grows with this power of it."""


class GratingMonochromator(Monochromator):
    """Energy axis of a plane grating; where its grating comes to rest differs from scan to scan.

    Parameters
    ----------
    clock
        The simulation's clock.
    seed
        Of how the error changes.
    name
        Its name; its readback's is this with `_energy`.
    drift_ev_per_scan
        Standard deviation of the change of the error at 800 eV from one scan to the next.
    **kwargs
        As for `Monochromator`; its errors are those at 800 eV.

    Examples
    --------
    >>> from cgnmc_bluesky.sim.clock import Clock
    >>> pgm = GratingMonochromator(Clock(), offset_ev=0.3, start_ev=800.0)
    >>> round(pgm.error_at_ev(450.0) / pgm.error_at_ev(800.0), 3)
    0.422
    """

    def __init__(
        self,
        clock: Clock,
        *,
        seed: int = 0,
        name: str = "pgm",
        limits_ev: tuple[float, float] = (250.0, 1500.0),
        drift_ev_per_scan: float = 0.0,
        speed_ev_s: float = 5.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(clock, name=name, limits_ev=limits_ev, speed_ev_s=speed_ev_s, **kwargs)
        self.drift_ev_per_scan = drift_ev_per_scan
        self._random = np.random.default_rng(seed)

    def begin_scan(self) -> None:
        """Come to rest somewhere else than at the scan before."""
        self.offset_ev += self.drift_ev_per_scan * float(self._random.standard_normal())

    def error_ev(self) -> float:
        """Axis error now: what has to be added to the readback of a settled axis."""
        return self.error_at_ev(self.position)

    def error_at_ev(self, energy_ev: float) -> float:
        """Axis error as it would be now at another energy."""
        return float(super().error_ev() * (energy_ev / REFERENCE_EV) ** POWER)
