"""What is known of a fluorescence map before its rows come."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cgnmc_bluesky.analysis.xrf.accumulator import METALS, MapModel
from cgnmc_bluesky.analysis.xrf.amounts import SpectrumModel
from cgnmc_bluesky.analysis.xrf.findings import Wanted
from cgnmc_bluesky.beamline import ConfigurationError, XrfRoles
from cgnmc_bluesky.standards.fluorescence import attenuation_of
from cgnmc_bluesky.standards.sensitivity import Fluorescence

_ABOVE_ELASTIC_EV = 250.0


def map_model(
    section: XrfRoles,
    fluorescence: Fluorescence,
    start: Mapping[str, Any],
) -> MapModel:
    """Put together what is known of a map before its rows come.

    Parameters
    ----------
    section
        The configuration.
    fluorescence
        What its elements emit.
    start
        The run's start document.

    Raises
    ------
    ConfigurationError
        If none of the configuration's elements makes up a composition.
    """
    emitters = {emitter.element: emitter for emitter in fluorescence.emitters}
    metals = [metal for metal in METALS if metal in emitters]
    if not metals:
        raise ConfigurationError(
            f"[xrf] elements names none of {', '.join(METALS)}; name what is to be counted"
        )
    ordered = [*metals, *(element for element in emitters if element not in metals)]
    incident_ev = float(fluorescence.parameters["incident_energy_ev"])
    first, last = section.channels() or (0, 0)
    behind = (incident_ev + _ABOVE_ELASTIC_EV - section.channel_ev.offset) / section.channel_ev.gain
    within = behind <= last + 1
    last = min(last, round(behind) + 1)
    return MapModel(
        spectrum=SpectrumModel(
            emitters=tuple(emitters[element] for element in ordered),
            n_metals=len(metals),
            channels=np.arange(first, last),
            gain_ev=section.channel_ev.gain,
            zero_ev=section.channel_ev.offset,
            incident_ev=incident_ev if within else None,
        ),
        keys={role: found.key for role, found in section.roles().items()},
        oversampling=section.oversampling,
        shape=_shape_of(start),
        dwell_s=_dwell_of(start),
        wanted=Wanted(
            beam_fwhm_um=section.beam_fwhm_um,
            attenuation=attenuation_of(metals, incident_ev, section.absorption),
            correct=section.absorption.correct,
            precision=section.precision,
        ),
    )


def _shape_of(start: Mapping[str, Any]) -> tuple[int, int] | None:
    """Lines and pixels of a map, as a start document says."""
    shape = start.get("shape")
    if not isinstance(shape, Sequence) or len(shape) != 2:
        return None
    lines, pixels = shape
    return (int(lines), int(pixels)) if lines and pixels else None


def _dwell_of(start: Mapping[str, Any]) -> float | None:
    """Time on a pixel in seconds, as a start document says."""
    dwell_s = start.get("dwell_s")
    if isinstance(dwell_s, bool) or not isinstance(dwell_s, int | float) or not dwell_s > 0:
        return None
    return float(dwell_s)
