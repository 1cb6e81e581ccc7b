"""The edge position of a scan: matched to a template, or from its own derivative."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.xanes.absorption import Spectrum, Unusable
from cgnmc_bluesky.analysis.xanes.alignment import Match, Matcher, Template, Unmatched
from cgnmc_bluesky.analysis.xanes.inflection import NoInflection, first_inflection
from cgnmc_bluesky.analysis.xanes.joining import NotYet
from cgnmc_bluesky.analysis.xanes.model import match_foil
from cgnmc_bluesky.analysis.xanes.normalise import edge_step, half_step_ev
from cgnmc_bluesky.analysis.xanes.scan import Axis, Said, ScanAccumulator, glitch_notes

Floats = NDArray[np.float64]

FARTHEST_EDGE_EV = 40.0
"""An edge farther from the metal's is another edge."""

STEP_FROM_EV = 150.0
"""A growing scan has no edge step before it has come so far behind the edge: its windows still
move."""


class EdgeAccumulator(ScanAccumulator):
    """Edge position, calibration and edge step of an energy scan.

    Notes
    -----
    With a template, the scan is matched to it (`alignment.match`) and the edge is the template's
    own first inflection plus the shift; without one it is the scan's first inflection
    (`inflection.first_inflection`), with the larger uncertainty that a derivative has. The foil's
    uncertainty is part of the edge's. Where exactly template and foil have their inflections is the
    same error for every scan: it is part of `edge_ev` and `calibration_shift_ev`, and cancels in
    `edge_shift_ev`.
    """

    units: Mapping[str, str] = {
        "edge_ev": "eV",
        "half_step_ev": "eV",
        "calibration_shift_ev": "eV",
        "edge_shift_ev": "eV",
        "edge_step": "",
    }
    curve_units: Mapping[str, str] = {"energy_ev": "eV"}
    _matcher: Matcher | None = None

    def _say(self, spectrum: Spectrum, axis: Axis, *, ended: bool) -> Said:
        energy_ev = axis.calibrated(spectrum.energy_ev)
        values: dict[str, float | None] = {"calibration_shift_ev": axis.shift_ev}
        sigmas: dict[str, float | None] = {
            "calibration_shift_ev": None
            if axis.shift_ev is None
            else float(np.hypot(axis.sigma_ev, axis.scale_sigma_ev))
        }
        glitches_ev, notes = self._place(energy_ev, spectrum.mu, axis, values, sigmas, ended=ended)
        kept = ~np.isin(energy_ev, glitches_ev)
        normalised = np.full(len(energy_ev), np.nan)
        if ended or energy_ev[-1] > self.model.energy_ev + STEP_FROM_EV:
            normalised[kept] = self._step(energy_ev[kept], spectrum.mu[kept], axis, values, sigmas)
        curves = {"energy_ev": energy_ev, "mu": spectrum.mu, "normalised": normalised}
        return Said(values, sigmas, len(energy_ev), curves, notes)

    def _place(
        self,
        energy_ev: Floats,
        mu: Floats,
        axis: Axis,
        values: dict[str, float | None],
        sigmas: dict[str, float | None],
        *,
        ended: bool,
    ) -> tuple[tuple[float, ...], tuple[str, ...]]:
        """Fill in where the edge lies; energies and notes of glitches."""
        template = self.model.template
        if template is None:
            edge_ev, sigma_ev, note = self._own_edge(energy_ev, mu, ended=ended)
            values["edge_ev"], sigmas["edge_ev"] = edge_ev, float(np.hypot(sigma_ev, axis.sigma_ev))
            return (), (note,)
        try:
            found = self._match_template(template, energy_ev, mu)
        except Unmatched as doubt:
            if doubt.early:
                raise NotYet(str(doubt)) from doubt
            raise Unusable(f"{self.model.edge}: {doubt}") from doubt
        sigma_ev = float(np.hypot(found.sigma_ev, axis.sigma_ev))
        shift_ev = 0.0 - found.shift_ev
        values["edge_shift_ev"], sigmas["edge_shift_ev"] = shift_ev, sigma_ev
        values["edge_ev"] = template.inflection_ev + shift_ev
        own_ev = np.hypot(template.inflection_sigma_ev, axis.scale_sigma_ev)
        sigmas["edge_ev"] = float(np.hypot(sigma_ev, own_ev))
        return found.glitches_ev, glitch_notes(self._absorption_key, found.glitches_ev)

    def _match_template(self, template: Template, energy_ev: Floats, mu: Floats) -> Match:
        if self._matcher is None:
            self._matcher = Matcher(template)
        return self._matcher(energy_ev, mu)

    def _own_edge(self, energy_ev: Floats, mu: Floats, *, ended: bool) -> tuple[float, float, str]:
        """The edge where there is no template, its sigma, and how it was found."""
        foil = self.model.foil
        if foil is not None and ended:
            try:
                found = match_foil(foil, energy_ev, mu)
            except Unmatched:
                pass
            else:
                note = "no template: the sample is the metal of the foil, and matched to it"
                sigma_ev = float(np.hypot(found.sigma_ev, foil.inflection_sigma_ev))
                return foil.inflection_ev - found.shift_ev, sigma_ev, note
        try:
            edge_ev, sigma_ev = first_inflection(energy_ev, mu)
        except NoInflection as doubt:
            raise NotYet(str(doubt)) from doubt
        if abs(edge_ev - self.model.energy_ev) > FARTHEST_EDGE_EV:
            raise Unusable(f"the edge at {edge_ev:.1f} eV is not {self.model.edge}")
        return edge_ev, sigma_ev, "no template: the edge is the scan's own first inflection"

    def _step(
        self,
        energy_ev: Floats,
        mu: Floats,
        axis: Axis,
        values: dict[str, float | None],
        sigmas: dict[str, float | None],
    ) -> Floats | float:
        """Fill in the edge step and where half of it is reached; the normalised spectrum."""
        step = edge_step(energy_ev, mu, self.model.energy_ev)
        if step is None:
            return np.nan
        values["edge_step"], sigmas["edge_step"] = step.step, step.sigma
        half = half_step_ev(energy_ev, step)
        if half is not None:
            values["half_step_ev"] = half[0]
            sigmas["half_step_ev"] = float(np.hypot(half[1], axis.sigma_ev))
        return step.normalised
