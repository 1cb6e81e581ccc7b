"""Sensitivities from a standard of known composition: what an atom of each element counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PREFERRED = "Ni"
"""What factors are relative to, where the standard holds it."""
LEAST_SIGNIFICANCE = 3.0
"""An element has a factor from this many standard deviations of its counts on."""


class NoFactor(ValueError):
    """Counts or a composition that give no factor."""


@dataclass(frozen=True)
class Factors:
    """K counts an atom, relative to those of one element.

    Parameters
    ----------
    relative_to
        That element.
    values
        The factor of each element; 1 for the one they are relative to.
    sigmas
        One standard deviation of each, from the counts and from what is known of the composition.
    """

    relative_to: str
    values: Mapping[str, float]
    sigmas: Mapping[str, float]


def factors_of(
    elements: Sequence[str],
    counts: Floats,
    covariance: Floats,
    composition: Mapping[str, float],
    composition_sigma: Mapping[str, float] | None = None,
) -> Factors:
    """Return how many counts an atom of each element gives.

    Parameters
    ----------
    elements
        Symbols of the elements that were counted, `k` of them.
    counts
        K counts of each, shape `(k,)`.
    covariance
        Covariance of the counts, shape `(k, k)`.
    composition
        Atomic fractions of the standard, in any unit that all share.
    composition_sigma
        One standard deviation of each, in the same unit; exact where none is given.

    Raises
    ------
    NoFactor
        If fewer than two of the elements are in the standard, or one of them is not seen.

    Notes
    -----
    With counts N and fractions c, the factor of element i relative to r is
    ``(Nᵢ/cᵢ)/(Nᵣ/cᵣ)``, and its relative variance that of the ratio of counts, with their
    covariance, plus ``(σ(cᵢ)/cᵢ)² + (σ(cᵣ)/cᵣ)²``.

    Examples
    --------
    >>> counts, covariance = np.array([54.0e4, 100.0e4]), np.diag([54.0e4, 100.0e4])
    >>> factors = factors_of(("Mn", "Ni"), counts, covariance, {"Mn": 0.5, "Ni": 0.5})
    >>> round(factors.values["Mn"], 3), round(factors.sigmas["Mn"], 4)
    (0.54, 0.0009)
    """
    known = [n for n, element in enumerate(elements) if composition.get(element, 0.0) > 0]
    if len(known) < 2:
        raise NoFactor(
            f"its composition names {', '.join(composition) or 'nothing'}, of which fewer than two "
            f"are among {', '.join(elements)}"
        )
    for n in known:
        if not counts[n] > LEAST_SIGNIFICANCE * np.sqrt(covariance[n, n]):
            raise NoFactor(f"it shows no {elements[n]}")
    reference = next((n for n in known if elements[n] == PREFERRED), known[0])
    relative = covariance / np.outer(counts, counts)
    sigmas = composition_sigma or {}
    values, errors = {}, {}
    for n in known:
        element, other = elements[n], elements[reference]
        atoms = composition[element] / composition[other]
        values[element] = float(counts[n] / counts[reference] / atoms)
        variance = relative[n, n] + relative[reference, reference] - 2 * relative[n, reference]
        if n != reference:
            variance += sum(
                (sigmas.get(one, 0.0) / composition[one]) ** 2 for one in (element, other)
            )
        errors[element] = values[element] * float(np.sqrt(variance))
    return Factors(elements[reference], values, errors)
