"""What a map of atoms says of each particle in it, by the names of a result's values and arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.xrf.absorption import Attenuation
from cgnmc_bluesky.analysis.xrf.atoms import AtomMap
from cgnmc_bluesky.analysis.xrf.composition import Composition, Measured, composition_of
from cgnmc_bluesky.analysis.xrf.particles import Particle, particles_of
from cgnmc_bluesky.analysis.xrf.profile import Profile, profile_of
from cgnmc_bluesky.analysis.xrf.ratio import LEAST_SIGNIFICANCE, ratio_of

Floats = NDArray[np.float64]

UNITS: Mapping[str, str] = {
    "mn_ni": "",
    "mn_ni_core": "",
    "mn_ni_shell": "",
    "core_ni": "",
    "core_mn": "",
    "core_co": "",
    "shell_ni": "",
    "shell_mn": "",
    "shell_co": "",
    "particle_radius_um": "um",
    "gradient_centre_um": "um",
    "gradient_width_um": "um",
    "pixels": "",
    "particle_x_um": "um",
    "particle_y_um": "um",
    "mn_ni_corrected": "",
    "mn_ni_core_corrected": "",
    "mn_ni_shell_corrected": "",
    "longer_s": "s",
}
"""Unit of each value."""

CURVE_UNITS: Mapping[str, str] = {
    "x_um": "um",
    "y_um": "um",
    "radius_um": "um",
    "energy_ev": "eV",
}
"""Units of the arrays that have one."""


SEEN_SIGMAS = 5.0
"""Metal is there when its atoms are so many times their uncertainty."""


MISJUDGED = 0.05
"""Part of a correction for self-absorption that it may be wrong by, one standard deviation: density
and angles, and a particle that is not quite a sphere."""


@dataclass(frozen=True)
class Finding:
    """Values with their sigmas, arrays and remarks of one particle, and the profile behind them."""

    values: Mapping[str, float | None] = field(default_factory=dict)
    sigmas: Mapping[str, float | None] = field(default_factory=dict)
    curves: Mapping[str, Mapping[str, Floats]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    profile: Profile | None = None


@dataclass(frozen=True)
class Wanted:
    """How a map is looked at.

    Parameters
    ----------
    beam_fwhm_um
        Size of the beam, where it is known.
    attenuation
        What the particles absorb of their own fluorescence.
    correct
        Whether the values themselves are corrected for it.
    precision
        Relative sigma of the Mn/Ni of core and shell that is wished for.
    """

    beam_fwhm_um: float | None = None
    attenuation: Attenuation | None = None
    correct: bool = False
    precision: float = 0.05


def findings_of(
    atoms: AtomMap,
    counts: Floats,
    covariance: Floats,
    wanted: Wanted,
    *,
    measured_s: float | None,
    only_first: bool,
    known: Sequence[Profile] = (),
) -> list[Finding]:
    """Say what is known of each particle, that with most atoms first.

    Parameters
    ----------
    atoms
        The map.
    counts, covariance
        Counts of the metals' K lines behind it, shapes `(n, k)` and `(n, k, k)`.
    wanted
        How it is looked at.
    measured_s
        How long it was measured so far, in seconds, where that is known.
    only_first
        Whether the first particle is enough.
    known
        Profiles of the first particles that are not to be fitted again.

    Returns
    -------
    list of Finding
        At least one: without a particle it holds the map alone.
    """
    particles = particles_of(atoms)
    shown = _map_curves(atoms, counts, covariance, particles)
    if not particles:
        return [_without_particles(atoms, shown)]
    found = []
    for number, particle in enumerate(particles[:1] if only_first else particles, start=1):
        profile = (
            known[number - 1]
            if number <= len(known)
            else profile_of(
                atoms, particle, beam_fwhm_um=wanted.beam_fwhm_um, attenuation=wanted.attenuation
            )
        )
        values, sigmas = _values(profile, particle, wanted)
        values["longer_s"] = _longer_s(values, sigmas, wanted.precision, measured_s)
        curves = {"profile": profile.curves} if profile.curves else {}
        if number == 1:
            curves = {"map": shown, **curves}
        notes = (*_of_particle(number, particle, len(particles)), *profile.notes)
        found.append(Finding(values, sigmas, curves, notes, profile))
    return found


def _without_particles(atoms: AtomMap, shown: Mapping[str, Floats]) -> Finding:
    """What can be said without a particle: nothing, or where no pixel has a place that of all."""
    if np.isfinite(atoms.x_um).any():
        return Finding(curves={"map": shown}, notes=("no particle stands out of the map",))
    counted = np.isfinite(atoms.atoms).all(axis=1)
    total = np.add.reduce(atoms.atoms[counted], axis=0)
    spread = np.add.reduce(atoms.covariance[counted], axis=0)
    if not total.sum() > SEEN_SIGMAS * np.sqrt(spread.sum()):
        return Finding(curves={"map": shown}, notes=("no metal stands out of the map",))
    mean = _mn_ni(composition_of(atoms.metals, total, spread))
    values = {"mn_ni": mean.value if mean else None, "pixels": float(counted.sum())}
    sigmas = {"mn_ni": mean.sigma if mean else None}
    return Finding(values, sigmas, {"map": shown}, ("the ratio is that of all pixels together",))


def _of_particle(number: int, particle: Particle, n_particles: int) -> list[str]:
    notes = [f"particle {number} of {n_particles}"] if n_particles > 1 else []
    if particle.touches:
        others = ", ".join(map(str, particle.touches))
        notes.append(f"touches particle {others}: pixels of both are left out")
    return notes


def _values(
    profile: Profile, particle: Particle, wanted: Wanted
) -> tuple[dict[str, float | None], dict[str, float | None]]:
    said: dict[str, Measured | None] = {}
    ends = {
        "core": (profile.core, profile.corrected_core),
        "shell": (profile.shell, profile.corrected_shell),
    }
    corrected_mean = _corrected(_mn_ni(profile.mean), _mn_ni(profile.corrected_mean))
    said["mn_ni"] = corrected_mean if wanted.correct else _mn_ni(profile.mean)
    said["mn_ni_corrected"] = corrected_mean
    for end, (as_seen, corrected) in ends.items():
        composition = corrected if wanted.correct else as_seen
        corrected_end = _corrected(_mn_ni(as_seen), _mn_ni(corrected))
        said[f"mn_ni_{end}"] = corrected_end if wanted.correct else _mn_ni(as_seen)
        said[f"mn_ni_{end}_corrected"] = corrected_end
        for metal in composition.metals if composition else ():
            said[f"{end}_{metal.lower()}"] = composition.fraction(metal) if composition else None
    said["particle_radius_um"] = profile.radius_um
    said["particle_x_um"] = profile.x_um
    said["particle_y_um"] = profile.y_um
    said["gradient_centre_um"] = profile.gradient_centre_um
    said["gradient_width_um"] = profile.gradient_width_um
    values = {name: one.value if one else None for name, one in said.items()}
    sigmas = {name: one.sigma if one else None for name, one in said.items()}
    values["pixels"] = float(particle.pixels.sum())
    return values, sigmas


def _corrected(as_seen: Measured | None, corrected: Measured | None) -> Measured | None:
    """A corrected ratio, as uncertain as the correction itself is."""
    if as_seen is None or corrected is None:
        return corrected
    doubt = MISJUDGED * (corrected.value - as_seen.value)
    return Measured(corrected.value, float(np.hypot(corrected.sigma, doubt)))


def _mn_ni(composition: Composition | None) -> Measured | None:
    if composition is None or not {"Mn", "Ni"} <= set(composition.metals):
        return None
    return composition.ratio("Mn", "Ni")


def _longer_s(
    values: Mapping[str, float | None],
    sigmas: Mapping[str, float | None],
    precision: float,
    measured_s: float | None,
) -> float | None:
    """How much longer to measure for the wished-for precision: errors fall with the root of time.

    It is the worse known of core and shell that counts, each as it is known best: what
    self-absorption does to an uncorrected map does not get less with time.
    """
    if measured_s is None:
        return None
    worst = 0.0
    for end in ("core", "shell"):
        relative = [
            abs(sigma / value)
            for name in (f"mn_ni_{end}", f"mn_ni_{end}_corrected")
            if (value := values.get(name)) and (sigma := sigmas.get(name)) is not None
        ]
        if not relative:
            return None
        worst = max(worst, min(relative))
    return max(0.0, measured_s * ((worst / precision) ** 2 - 1.0))


def _map_curves(
    atoms: AtomMap, counts: Floats, covariance: Floats, particles: Sequence[Particle]
) -> dict[str, Floats]:
    number = np.zeros(len(atoms.x_um))
    for at, particle in enumerate(particles, start=1):
        number[particle.pixels] = at
    names = [metal.lower() for metal in atoms.metals]
    curves = {"x_um": atoms.x_um, "y_um": atoms.y_um, "line": atoms.line.astype(float)}
    curves["particle"] = number
    curves |= {name: counts[:, at] for at, name in enumerate(names)}
    if {"Mn", "Ni"} <= set(atoms.metals):
        pair = [atoms.metals.index("Mn"), atoms.metals.index("Ni")]
        top, bottom = atoms.atoms[:, pair].T
        between = atoms.covariance[:, pair][:, :, pair]
        # A pixel that is all but empty seems certain of that: its covariance is its own counts'.
        is_empty = counts[:, pair[1]] < LEAST_SIGNIFICANCE**2
        ratio, sigma = ratio_of(top, bottom, between)
        curves["mn_ni"] = np.where(is_empty, np.nan, ratio)
        curves["mn_ni_sigma"] = np.where(is_empty, np.nan, sigma)
    for first, second in zip(*np.triu_indices(len(names)), strict=True):
        curves[f"cov_{names[first]}_{names[second]}"] = covariance[:, first, second]
    return curves
