"""Standards of an edge, calibrated and scaled, read once."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cgnmc_bluesky.analysis.soft.step import form_of
from cgnmc_bluesky.analysis.xanes.alignment import Template
from cgnmc_bluesky.analysis.xanes.calibrate import (
    K_EDGE,
    Form,
    Recorded,
    calibrated,
    foil_of,
    master_foil,
    template_of,
)
from cgnmc_bluesky.analysis.xanes.inflection import NoInflection
from cgnmc_bluesky.analysis.xanes.model import EdgeModel, Standard
from cgnmc_bluesky.beamline import (
    Beamline,
    ConfigurationError,
    Edge,
    Foil,
    Reference,
    edge_energy_ev,
)
from cgnmc_bluesky.spectra import read_spectra
from cgnmc_bluesky.standards.spectra import absorption_of, columns_of, recorded_of, rows_of

SOFT_EV = 2000.0
"""L edges below are soft: their two edges lie in one scan."""

ABOUT_ONE = 0.1
"""Spectra whose edge steps differ from one by less were scaled already."""


@dataclass(frozen=True)
class Standards:
    """Standards and foil of one edge, ready for an analysis.

    Parameters
    ----------
    model
        What the analysis takes.
    parameters
        What to record of it: the edge's energy and where that is from, the combination's settings.
    references
        For each standard its name, valence, content hash and calibration.
    """

    model: EdgeModel
    parameters: Mapping[str, Any]
    references: tuple[Mapping[str, Any], ...]


class Library:
    """Standards that were read once, for all the runs that need them."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, Edge, str], Standards] = {}

    def standards_of(self, beamline: Beamline, edge: Edge, mode: str) -> Standards:
        """Return what `standards_of` returns, from memory where the configuration is the same."""
        key = (beamline.model_dump_json(), edge, mode)
        if key not in self._read:
            self._read[key] = standards_of(beamline, edge, mode)
        return self._read[key]


def standards_of(beamline: Beamline, edge: Edge, mode: str = "transmission") -> Standards:
    """Read and calibrate what a configuration names for an edge.

    Parameters
    ----------
    beamline
        The configuration; references that name runs have been resolved (`with_runs`).
    edge
        The edge.
    mode
        How the scan is measured; references of that mode are taken, or all where there are none.

    Raises
    ------
    ConfigurationError
        If a reference or foil cannot be used; the message names it.
    """
    foil = beamline.foil_of(edge)
    edge_ev, table = foil.first_inflection_ev() if foil else edge_energy_ev(edge)
    chosen = [ref for ref in beamline.references_of(edge) if ref.mode == mode]
    chosen = chosen or list(beamline.references_of(edge))
    recorded = [recorded_of(reference, beamline) for reference in chosen]
    form = _form(edge, edge_ev)
    # the lines of L edges are too sharp for a table: without a stated energy the foil's own count
    moved = not form.has_line or (foil is not None and foil.energy_ev is not None)
    master = _master(foil, edge_ev, beamline, form, moved=moved)
    master = master or foil_of(recorded, edge_ev, form, moved=moved)
    settings = beamline.analysis.fraction
    already, said = _are_scaled_already(recorded, edge_ev, form)
    scaled = settings.baseline != "none" and not already
    found = [calibrated(one, master, edge_ev, scaled=scaled, form=form) for one in recorded]
    standards = tuple(standard for standard, _ in found)
    marked = next((at for at, ref in enumerate(chosen) if ref.template), 0)
    model = EdgeModel(
        edge=str(edge),
        energy_ev=edge_ev,
        foil=master,
        template=_template(standards[marked], edge_ev, form) if standards else None,
        standards=standards,
        fit_range_ev=settings.fit_range_ev,
        baseline=settings.baseline,
        sum_to_one=settings.sum_to_one,
        notes=(
            *_notes_of_modes(chosen, mode),
            *said,
            *(note for _, notes in found for note in notes),
        ),
    )
    parameters = {
        "edge": str(edge),
        "edge_energy_ev": edge_ev,
        "edge_energy_table": table,
        "template": chosen[marked].name if chosen else None,
        "fraction": settings.model_dump(mode="json"),
    }
    references = tuple(
        {
            "name": standard.name,
            "valence": standard.valence,
            "sha256": _hash(one),
            "calibration_shift_ev": standard.shift_ev,
            "calibration_sigma_ev": standard.sigma_ev,
        }
        for standard, one in zip(standards, recorded, strict=True)
    )
    return Standards(model, parameters, references)


def _form(edge: Edge, edge_ev: float) -> Form:
    """What is usual of an edge: a soft L3 edge is taken together with its L2 edge."""
    if edge.name != "L3" or edge_ev > SOFT_EV:
        return K_EDGE
    return form_of(edge_energy_ev(Edge(edge.element, "L2"))[0])


def _are_scaled_already(
    recorded: Sequence[Recorded], edge_ev: float, form: Form
) -> tuple[bool, tuple[str, ...]]:
    """Whether the standards of L edges are taken as they are, and what is to be said of that.

    Those whose edge step is about one were scaled by somebody who knew how. A spectrum that ends
    before the continuum cannot be scaled, and then none is.
    """
    if not form.has_line:
        return False, ()
    steps = [form.step_of(of.energy_ev, of.mu, edge_ev) for of in recorded]
    if any(step is None for step in steps):
        return True, ("not all standards show an edge step behind L2: they are taken as scaled",)
    return all(abs(step.step - 1) < ABOUT_ONE for step in steps if step is not None), ()


def _notes_of_modes(chosen: Sequence[Reference], mode: str) -> tuple[str, ...]:
    """Say where the standards of a yield were measured in another one that bends them: the electron
    yield does not, and stands for all.
    """
    others = sorted({ref.mode for ref in chosen if ref.mode not in {mode, "tey", "transmission"}})
    if mode not in ("tey", "pfy") or not others:
        return ()
    return (f"standards were measured in {' and '.join(others)}",)


def _master(
    foil: Foil | None, edge_ev: float, beamline: Beamline, form: Form, *, moved: bool
) -> Template | None:
    """The well measured foil that a configuration names."""
    if foil is None or foil.path is None:
        return None
    owner = f"[[foil]] {foil.edge}"
    spectra = read_spectra(foil.path, columns_of(foil, beamline), beamline.data_keys("xanes"))
    rows = rows_of(spectra[0], beamline, owner)
    spectrum = absorption_of(rows, "transmission", owner)
    try:
        return master_foil(spectrum.energy_ev, spectrum.mu, edge_ev, form, moved=moved)
    except NoInflection as doubt:
        raise ConfigurationError(f"{owner}: {foil.path.name} is no foil of it ({doubt})") from doubt


def _template(standard: Standard, edge_ev: float, form: Form) -> Template | None:
    try:
        return template_of(standard.energy_ev, standard.mu, edge_ev, form)
    except NoInflection:
        return None


def _hash(recorded: Recorded) -> str:
    content = hashlib.sha256()
    for array in (recorded.energy_ev, recorded.mu, recorded.foil_energy_ev, recorded.foil_mu):
        content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()
