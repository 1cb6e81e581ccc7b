"""The storage ring: a current that decays, is topped up, and now and then is lost."""

import math
from collections.abc import Sequence


class StorageRing:
    """Stored current as a function of time.

    Parameters
    ----------
    full_ma
        Current after an injection, in mA.
    top_up_ma
        Current at which the next injection comes, in mA.
    lifetime_s
        Time in which the current decays to 1/e, in seconds.
    start_s
        Time of an injection, in seconds since the epoch.
    dumps_s
        Begin and end of each loss of the beam, in seconds since the epoch.

    Examples
    --------
    >>> ring = StorageRing(full_ma=200.0, dumps_s=[(100.0, 200.0)])
    >>> ring.current_ma(0.0), ring.current_ma(150.0)
    (200.0, 0.0)
    """

    def __init__(
        self,
        *,
        full_ma: float = 200.0,
        top_up_ma: float = 198.0,
        lifetime_s: float = 36_000.0,
        start_s: float = 0.0,
        dumps_s: Sequence[tuple[float, float]] = (),
    ) -> None:
        if not 0 < top_up_ma < full_ma:
            raise ValueError(
                f"top-up at {top_up_ma} mA of {full_ma} mA; "
                "give a current between 0 and the full one"
            )
        self.full_ma = full_ma
        self.lifetime_s = lifetime_s
        self.period_s = lifetime_s * math.log(full_ma / top_up_ma)
        self.start_s = start_s
        self.dumps_s = tuple(dumps_s)
        self.beam_lost = False

    def current_ma(self, time_s: float) -> float:
        """Current in mA at a time in seconds since the epoch; 0 while the beam is lost."""
        if self.beam_lost or any(begin <= time_s < end for begin, end in self.dumps_s):
            return 0.0
        age_s = (time_s - self.start_s) % self.period_s
        return self.full_ma * math.exp(-age_s / self.lifetime_s)

    def dump(self) -> None:
        """Lose the beam until `inject`."""
        self.beam_lost = True

    def inject(self) -> None:
        """Bring the beam back."""
        self.beam_lost = False
