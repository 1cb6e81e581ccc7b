"""A beamline.toml to begin with, from the data keys of a source's runs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cgnmc_bluesky.beamline import ConfigurationError, Edge, Role, edge_energy_ev, edge_of
from cgnmc_bluesky.catalogs import Source
from cgnmc_bluesky.check.gases import are_channels, by_mass
from cgnmc_bluesky.check.guesses import ENOUGH, SEVERAL, guess
from cgnmc_bluesky.check.opened import opened
from cgnmc_bluesky.check.ramps import clocks_apart, is_hasty
from cgnmc_bluesky.check.survey import DataKey, Surveyed, survey

GUESS_COLUMN = 38
"""Where the remark stands beside a guess."""
MOST_LISTED = 60
"""Data keys without a role that are listed."""


_CYCLING = (
    "# active_mass_mg = 7.0                # for capacities in mAh/g",
    "",
    "# [cell]                              # of a cell in the beam: its charge at every scan",
    '# record = "<the file of its cycler>"',
    '# formula = "LiNi0.6Mn0.2Co0.2O2"     # for x in Li(x)MO2',
    '# time_zone = "America/New_York"      # of the times in that file',
)


_NOTHING_RECOGNISED = (
    "# No data key could be recognised as an energy with an absorption or images, as spectra,",
    "# or a temperature with ion currents or patterns: give the keys below their roles in",
    "# [xanes], [soft_xanes], [xpeem], [xrf], [heating] or [cycling].",
)


def draft(source: Any) -> str:
    """Draft a beamline.toml from the data keys of a source's runs.

    Parameters
    ----------
    source
        Whatever `open_source` takes.

    Returns
    -------
    str
        Valid TOML. What was guessed is marked so, and the keys that were given no role stand in
        comments at the end.

    Raises
    ------
    SourceError
        If the source cannot be opened or holds no runs.
    """
    with opened(source) as source_:
        return _drafted(source_)


def _drafted(source: Source) -> str:
    runs = survey(source)
    keys = {name: key for run in runs for name, key in run.keys.items()}
    sections = _sections(runs)
    blocks = [
        [f"# Drafted from the data keys of {source.name}. Check every guess."],
        ["[beamline]", f"name = {_toml(_beamline_name(runs))}"],
    ]
    for name, roles in sections.items():
        blocks.append(list(_section(name, roles, keys)))
        if name == "heating":
            blocks[-1] += _clock(source, roles["temperature_c"][0])
    if not sections:
        blocks.append(list(_NOTHING_RECOGNISED))
    if {"xanes", "soft_xanes", "xpeem"} & sections.keys():
        edges = _edges(runs)
        blocks += [list(_foil(edge)) for edge in edges]
        is_yield = bool({"soft_xanes", "xpeem"} & sections.keys())
        blocks.append(list(_standards_to_add(edges, is_yield=is_yield)))
    used = {key for roles in sections.values() for named in roles.values() for key in named}
    blocks.append(list(_unassigned([key for name, key in keys.items() if name not in used])))
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _sections(runs: Sequence[Surveyed]) -> dict[str, dict[str, list[str]]]:
    """Guess the sections run by run, the latest first: what one run holds goes together."""
    found: dict[str, dict[str, list[str]]] = {}
    for run in reversed(runs):
        found = guess(list(run.keys.values())) | found
    return {section: found[section] for section in ENOUGH if section in found}


def _section(
    section: str, roles: Mapping[str, Sequence[str]], keys: Mapping[str, DataKey]
) -> Iterator[str]:
    yield f"[{section}]"
    yields = {role: roles[role][0] for role in ("tey", "pfy") if role in roles}
    for role, named in roles.items():
        if role not in SEVERAL.get(section, ()) and role not in yields:
            yield _guessed(f"{role} = {_toml(named[0])}", keys[named[0]])
    if "energy_ev" in roles and not keys[roles["energy_ev"][0]].unit:
        yield '# energy_unit = "keV"                # the key has no unit: it is taken as eV'
    if yields:
        yield from _yields(yields, roles, keys)
    if "spectra" in roles:
        yield from _map(roles, keys)
    if section == "heating":
        yield from _ramp(roles)
    if section == "xpeem":
        yield '# flat = "<a file>"                    # image of the camera and its lenses alone'
        yield "# pixel_um = 0.05                      # size of a pixel on the sample"
    if section == "cycling":
        yield from _CYCLING


def _yields(
    yields: Mapping[str, str], roles: Mapping[str, Sequence[str]], keys: Mapping[str, DataKey]
) -> Iterator[str]:
    """What only a scan of yields has, beside one key for each role."""
    inside = ", ".join(f"{role} = {_toml(key)}" for role, key in yields.items())
    yield f"yields = {{ {inside} }}  # guessed"
    if "pfy" in yields and keys[yields["pfy"]].shape:
        yield "channel_ev = { offset = 0.0, gain = 10.0 }  # guessed: not in the data"
    if "pfy" in yields and "dead_time_factor" not in roles:
        yield '# dead_time_factor = "<a key>"         # of the detector: true over recorded counts'
    if "reference" not in roles:
        yield '# reference = "<a key>"                # the current of a reference sample, or the'
        yield "#                                      # mesh's, where that shows the edge itself"


def _map(roles: Mapping[str, Sequence[str]], keys: Mapping[str, DataKey]) -> Iterator[str]:
    """What only a map has, beside one key for each role."""
    spectra, factors = roles["spectra"], roles.get("dead_time_factor", ())
    yield f"spectra = {_toml(list(spectra))}  # guessed"
    yield "channel_ev = { offset = 0.0, gain = 10.0 }  # guessed: not in the data"
    if factors:
        yield f"dead_time_factor = {_toml(list(factors))}  # guessed: true over recorded counts"
    oversampling = _oversampling(keys[spectra[0]], keys[roles.get("x_um", spectra)[0]])
    if "x_um" in roles and not keys[roles["x_um"][0]].unit:
        yield "# um_per_count = { x_um = 1e-4, y_um = 1e-4 }   # the keys have no unit: taken as µm"
    if oversampling > 1:
        yield f"oversampling = {oversampling}                     # by the shapes"
    if "incident_energy_ev" not in roles:
        yield "# incident_energy_ev = 9000.0         # of the beam: a number, or its data key"
    yield 'elements = ["Mn", "Co", "Ni"]         # guessed: not in the data'


def _oversampling(spectra: DataKey, positions: DataKey) -> int:
    """How many positions were read for each spectrum, by the shapes."""
    pixels = spectra.shape[0] if len(spectra.shape) > 1 else None
    readings = positions.shape[0] if len(positions.shape) == 1 else None
    if not pixels or not readings or readings % pixels:
        return 1
    return readings // pixels


def _guessed(line: str, key: DataKey) -> str:
    unit = f", in {key.unit}" if key.unit else ""
    return f"{line:<{GUESS_COLUMN - 1}} # guessed from its name{unit}"


def _ramp(roles: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """What only a ramp has, beside one key for each role."""
    if "ion" in roles:
        keys = by_mass(roles["ion"])
        remark = "guessed"
        if are_channels(keys):
            remark = f"{', '.join(keys.values())} are channels: name each by the mass it is set to"
            keys = {"32": next(iter(keys.values()))}
        inside = ", ".join(f"{_toml(mass)} = {_toml(key)}" for mass, key in keys.items())
        yield f"ion_current = {{ {inside} }}  # {remark}"
        yield "# transport_delay_s = 8.0             # from the sample to the mass spectrometer"
    if "pattern" in roles:
        yield "# wavelength_a = 0.4522               # of the beam, in ångström: no cell without it"
        if "exposure_s" not in roles:
            yield "# exposure_s = 60.0                   # of a pattern: a number, or its data key"


def _clock(source: Source, temperature: str) -> Iterator[str]:
    """Say which clock counts, where events and readings tell different times: that of the readings
    where events came faster than what was measured can have taken.
    """
    for run in reversed(survey(source, {"temperature_c": Role(temperature, "")})):
        readings = run.readings["temperature_c"]
        if apart := clocks_apart(readings):
            line = f'clock = "reading"                     # guessed: of {run.name} {apart}'
            yield line if is_hasty(readings) else f"# {line}"
            return


def _edges(runs: Sequence[Surveyed]) -> list[Edge]:
    found = (edge_of(run.start) for run in runs)
    return list(dict.fromkeys(edge for edge in found if edge is not None))


def _foil(edge: Edge) -> Iterator[str]:
    try:
        energy_ev, table = edge_energy_ev(edge)
    except ConfigurationError:
        return
    yield "[[foil]]"
    yield f"edge = {_toml(str(edge))}"
    yield f"energy_ev = {energy_ev:.1f}  # {table}"


def _standards_to_add(edges: Sequence[Edge], *, is_yield: bool) -> Iterator[str]:
    edge = _toml(str(edges[0] if edges else Edge("Ni", "L3" if is_yield else "K")))
    if not edges:
        yield "# Which element is scanned, and the metal foil its energies are calibrated with:"
        yield f"# [[foil]]\n# edge = {edge}\n"
    yield "# One for each valence, for edge positions and fractions:"
    yield f'# [[reference]]\n# name = "<compound>"\n# edge = {edge}\n# valence = 2'
    yield '# file = "<a measured spectrum>"      # or run = "<uid in the catalog>"'
    if is_yield:
        yield '# mode = "tey"                        # the best standard of every yield'


def _unassigned(keys: Sequence[DataKey]) -> Iterator[str]:
    if keys:
        yield "# Data keys without a role:"
    for key in sorted(keys, key=lambda key: key.name)[:MOST_LISTED]:
        unit = f", in {key.unit}" if key.unit else ""
        shape = f", shape {list(key.shape)}" if key.shape else ""
        yield f"#   {_toml(key.name)}: {key.dtype}{unit}{shape}"
    if len(keys) > MOST_LISTED:
        yield f"#   and {len(keys) - MOST_LISTED} more"


def _beamline_name(runs: Sequence[Surveyed]) -> str:
    """Return what the runs say of where they were measured."""
    for run in reversed(runs):
        header = run.start.get("XDI", run.start)
        places = [run.start.get("beamline"), header.get("Beamline"), run.start.get("beamline_id")]
        for place in places:
            named = place.get("name") if isinstance(place, Mapping) else place
            if isinstance(named, str) and named:
                return named
    return ""


def _toml(value: str | list[str]) -> str:
    """Write a text or a list of texts: JSON's are TOML's too, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
