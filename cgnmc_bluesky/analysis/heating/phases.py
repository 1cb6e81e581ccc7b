"""Patterns of a heating ramp in, cells and shares of the phases out."""

from collections.abc import Mapping

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.heating.model import HeatingModel
from cgnmc_bluesky.analysis.rows import Block

UNITS: Mapping[str, str] = {
    "a_angstrom": "angstrom",
    "c_angstrom": "angstrom",
    "c_over_a": "",
    "split_108_110_deg": "deg",
    "i003_i104": "",
    "i220_spinel": "",
    "layered_fraction": "",
    "spinel_fraction": "",
    "rock_salt_fraction": "",
    "spinel_a_angstrom": "angstrom",
    "rock_salt_a_angstrom": "angstrom",
    "temperature_c": "degC",
}
"""Unit of each value."""

CURVE_UNITS: Mapping[str, str] = {
    **{name: unit for name, unit in UNITS.items() if unit},
    **{f"{name}_sigma": unit for name, unit in UNITS.items() if unit},
    "time_s": "s",
    "two_theta_deg": "deg",
    "two_theta_cu_deg": "deg",
}
"""Units of the arrays that have one."""


class PhasesAccumulator:
    """Patterns and temperatures in, an estimate of the phases out.

    Parameters
    ----------
    model
        What is known of the ramp.
    keys
        Data key of each role, for the remarks.
    """

    def __init__(self, model: HeatingModel, keys: Mapping[str, str] | None = None) -> None:
        self.model = model
        self._keys = dict(keys or {})
        self._n_patterns = 0

    def add(self, block: Block) -> None:
        """Take in rows of any stream."""
        if "pattern" in block.values:
            self._n_patterns += len(block)

    def estimate(self, *, ended: bool = False) -> Estimate:
        """Say what the patterns so far tell.

        Parameters
        ----------
        ended
            Whether the run has ended, so that no more rows will come.
        """
        end = "; the run ended before that" if ended else ""
        why = "no pattern has been fitted yet" + end
        return Estimate(Status.WAITING, why, UNITS, n_points=self._n_patterns)
