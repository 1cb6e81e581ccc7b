"""Is the section of fluorescence maps right, and does it fit the shapes of a source's runs."""

import re
from collections.abc import Iterator, Sequence

from cgnmc_bluesky.beamline import ConfigurationError, XrfRoles
from cgnmc_bluesky.check.findings import Finding, error, ok, warning
from cgnmc_bluesky.check.survey import DataKey, Surveyed
from cgnmc_bluesky.standards import fluorescence_of

PLAUSIBLE_EV = (1.0, 100.0)
"""Widths of a channel, in eV, that detectors have."""
FEWEST_CHANNELS = 64
"""An array of fewer is no spectrum."""


def check_map_section(xrf: XrfRoles) -> Iterator[Finding]:
    """Look at what needs no run: widths of channels, lines of the elements, what is left out."""
    gain_ev = xrf.channel_ev.gain
    if not PLAUSIBLE_EV[0] <= gain_ev <= PLAUSIBLE_EV[1]:
        message = f"gain = {gain_ev:g}, where detectors have {PLAUSIBLE_EV[0]:g} to "
        message += f"{PLAUSIBLE_EV[1]:g} eV a channel"
        yield warning("[xrf] channel_ev", message, "give it in eV")
    yield from _elements(xrf)
    if not xrf.dead_time_factor:
        remedy = "name the keys of true over recorded counts"
        yield warning("[xrf] dead_time_factor", "none: counts are taken as they are", remedy)
    if xrf.i0 is None:
        yield warning("[xrf] i0", "none: maps are not normalised", "name its data key")
    if xrf.x_um is None or xrf.y_um is None:
        message = "a position is not named: no particle can be told from another"
        yield warning("[xrf] x_um, y_um", message, "name the keys of both encoders")


def _elements(xrf: XrfRoles) -> Iterator[Finding]:
    """Look at what the elements emit, where the energy of the beam is known without a run."""
    energy_ev = xrf.incident_energy_ev
    if isinstance(energy_ev, str) or (energy_ev is None and xrf.sensitivity_run):
        return
    tabulated = {"sensitivity": None} if xrf.sensitivity_run else {}
    try:
        found = fluorescence_of(xrf.model_copy(update=tabulated), energy_ev)
    except ConfigurationError as problem:
        message, _, remedy = str(problem).partition("; ")
        yield error("[xrf]", message.removeprefix("[xrf] "), remedy)
        return
    how = f"run {xrf.sensitivity_run}" if xrf.sensitivity_run else found.parameters["sensitivity"]
    yield ok("[xrf] elements", f"{', '.join(xrf.elements)}; sensitivities: {how}")


def check_map_runs(xrf: XrfRoles, runs: Sequence[Surveyed]) -> Iterator[Finding]:
    """Look at the shapes of the runs that hold all spectra; what several share is said once."""
    maps = [run for run in runs if all(key in run.keys for key in xrf.spectra)]
    yield from dict.fromkeys(finding for run in maps for finding in _shapes(xrf, run))


def _shapes(xrf: XrfRoles, run: Surveyed) -> Iterator[Finding]:
    first = run.keys[xrf.spectra[0]]
    if len(first.shape) == 0 or (first.shape[-1] or FEWEST_CHANNELS) < FEWEST_CHANNELS:
        message = f"'{first.name}' has readings of shape {list(first.shape)}: these are no spectra"
        yield error("[xrf] spectra", message, "name keys whose last axis is the channels")
        return
    for key in xrf.spectra[1:]:
        if run.keys[key].shape != first.shape:
            message = f"'{key}' has readings of shape {list(run.keys[key].shape)}, and "
            message += f"'{first.name}' of {list(first.shape)}"
            yield error("[xrf] spectra", message, "name detector elements of one kind")
    yield _reach(xrf, first)
    yield from _others(xrf, run)
    pixels = first.shape[0] if len(first.shape) > 1 else 1
    if pixels is not None:
        yield from _lengths(xrf, run, pixels)


def _reach(xrf: XrfRoles, key: DataKey) -> Finding:
    """Tell whether a spectrum holds the lines."""
    n_channels, wanted = key.shape[-1], xrf.channels()
    if n_channels is None or wanted is None:
        return ok("[xrf] spectra", f"'{key.name}' of shape {list(key.shape)}")
    offset_ev, gain_ev = xrf.channel_ev.offset, xrf.channel_ev.gain
    first_ev, last_ev = (offset_ev + gain_ev * channel for channel in wanted)
    end_ev = offset_ev + gain_ev * n_channels
    if end_ev < last_ev:
        message = f"the {n_channels} channels of '{key.name}' end at {end_ev:.0f} eV, and "
        message += f"{first_ev:.0f} to {last_ev:.0f} eV are fitted"
        return error("[xrf] channel_ev", message, "correct offset and gain, or the elements")
    return ok(
        "[xrf] spectra",
        f"'{key.name}' of shape {list(key.shape)}; channels {wanted[0]} to {wanted[1] - 1}, "
        f"{first_ev:.0f} to {last_ev:.0f} eV, are fitted",
    )


def _others(xrf: XrfRoles, run: Surveyed) -> Iterator[Finding]:
    """Name keys that look like detector elements which the configuration leaves out."""
    alike = {re.sub(r"\d+", "#", key) for key in xrf.spectra}
    shape = run.keys[xrf.spectra[0]].shape
    left = [
        name
        for name, key in run.keys.items()
        if name not in xrf.spectra and key.shape == shape and re.sub(r"\d+", "#", name) in alike
    ]
    if left:
        message = f"{', '.join(left)}: of the same kind, and not named"
        yield warning("[xrf] spectra", message, "add what is another detector element")


def _lengths(xrf: XrfRoles, run: Surveyed, pixels: int) -> Iterator[Finding]:
    """Tell whether what goes with the spectra has a reading for each pixel."""
    expected = {name: pixels for name in (xrf.i0, *xrf.dead_time_factor) if name}
    expected |= {name: pixels * xrf.oversampling for name in (xrf.x_um, xrf.y_um) if name}
    for name, length in expected.items():
        found = _length(run.keys.get(name))
        if found in {None, length}:
            continue
        message = f"'{name}' has {found} readings where '{xrf.spectra[0]}' has {pixels} spectra"
        remedy = "name a key that is recorded with them"
        if name in {xrf.x_um, xrf.y_um} and found and found % pixels == 0:
            remedy = f"write oversampling = {found // pixels}"
        yield error(f"[xrf] {_role_of(xrf, name)}", message, remedy)


def _length(key: DataKey | None) -> int | None:
    """Readings along the first axis; `None` where it is not known, or one does for all."""
    if key is None or not key.shape or key.shape[0] == 1:
        return None
    return key.shape[0]


def _role_of(xrf: XrfRoles, name: str) -> str:
    roles = {xrf.i0: "i0", xrf.x_um: "x_um", xrf.y_um: "y_um"}
    return roles.get(name, "dead_time_factor")
