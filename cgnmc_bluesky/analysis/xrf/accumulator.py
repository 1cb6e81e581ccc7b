"""Rows of a fluorescence map in, the composition of its particles' cores and shells out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.rows import Block, Table
from cgnmc_bluesky.analysis.xrf.amounts import DetectorAmounts, SpectrumModel
from cgnmc_bluesky.analysis.xrf.atoms import AtomMap
from cgnmc_bluesky.analysis.xrf.calibration import Unusable
from cgnmc_bluesky.analysis.xrf.detectors import Summed, summed, summed_spectrum
from cgnmc_bluesky.analysis.xrf.findings import CURVE_UNITS, UNITS, Finding, Wanted, findings_of
from cgnmc_bluesky.analysis.xrf.pixels import PixelReadings, lines_of
from cgnmc_bluesky.analysis.xrf.profile import Profile

Floats = NDArray[np.float64]

METALS = ("Mn", "Co", "Ni")
"""Metals whose atoms are counted, and make up the composition."""
REFITTED = 1.1
"""While a map grows its profile is fitted again when there are so many times the pixels: that takes
longer than all the rest of a row, which is published at once."""


@dataclass(frozen=True)
class MapModel:
    """What is known of a map before its rows come.

    Parameters
    ----------
    spectrum
        What is known of the spectra; the metals come first among its emitters.
    keys
        Data key of each role, for the remarks.
    oversampling
        Encoder readings a pixel.
    shape
        Lines of the map and pixels of each, where the run's record says so.
    dwell_s
        Time on a pixel, in seconds, where the run's record says so.
    wanted
        How the map of atoms is looked at.
    """

    spectrum: SpectrumModel
    keys: Mapping[str, str] = field(default_factory=dict)
    oversampling: int = 1
    shape: tuple[int, int] | None = None
    dwell_s: float | None = None
    wanted: Wanted = field(default_factory=Wanted)

    @property
    def metals(self) -> tuple[str, ...]:
        """Metals whose atoms are counted."""
        emitters = self.spectrum.emitters[: self.spectrum.n_metals]
        return tuple(emitter.element for emitter in emitters)


class MapAccumulator:
    """Rows of a map in, an estimate for each of its particles out.

    Parameters
    ----------
    model
        What is known before.
    """

    def __init__(self, model: MapModel) -> None:
        self.model = model
        self._tables: dict[str, Table] = {}
        self._detectors: dict[str, DetectorAmounts] = {}
        self._spectra: dict[str, str] = {}
        self._pixels: dict[int, int] = {}
        self._times_s: dict[int, float] = {}
        self._profiles: list[Profile] = []
        self._profiled_pixels = 0

    def add(self, block: Block) -> None:
        """Take in rows of any stream, or a part of one."""
        spectra = {role: v for role, v in block.values.items() if role.startswith("spectra_")}
        others = {role: v for role, v in block.values.items() if role not in spectra}
        if others and not block.first_pixel:
            self._tables.setdefault(block.stream, Table()).add(
                Block(block.stream, block.seq_num, block.time_s, others)
            )
        for role, values in spectra.items():
            self._add_spectra(role, block, values)

    def results(self, *, ended: bool = False) -> list[Estimate]:
        """Say what the rows so far tell of each particle, that with most atoms first.

        Parameters
        ----------
        ended
            Whether the run has ended, so that no more rows will come.

        Returns
        -------
        list of Estimate
            At least one; before the end one alone.
        """
        rows = sorted(self._pixels)
        if not rows:
            return [self._nothing("no spectra yet", ended=ended)]
        for detector in self._detectors.values():
            if ended:
                detector.begin()
        if not any(detector.is_ready for detector in self._detectors.values()):
            return [self._nothing("too few counts yet to find the lines", ended=ended)]
        try:
            chosen, pixels = self._map(rows, ended=ended)
        except Unusable as fault:
            return [self._nothing(str(fault), ended=ended, status=Status.FAILED)]
        return self._estimates(chosen, pixels, ended=ended)

    def total(self, *, ended: bool = True) -> tuple[Floats, Floats]:
        """Counts of the metals in all pixels together, dead time corrected, with covariance.

        Returns
        -------
        tuple of NDArray
            Shapes `(k,)` and `(k, k)`.

        Raises
        ------
        Unusable
            If no detector element shows the metals.
        """
        for detector in self._detectors.values():
            detector.begin()
        chosen, _ = self._map(sorted(self._pixels), ended=ended)
        return np.nansum(chosen.amounts, axis=0), np.nansum(chosen.covariance, axis=0)

    def _add_spectra(self, role: str, block: Block, values: NDArray[np.floating]) -> None:
        key = self.model.keys.get(role, role)
        for number, time_s, row in zip(
            block.seq_num.tolist(), block.time_s.tolist(), values, strict=True
        ):
            # (channels,), (pixels, channels) or (pixels, detectors, channels)
            spectra = row[None] if row.ndim == 1 else row
            by_detector = {key: spectra}
            if spectra.ndim == 3:
                by_detector = {f"{key}[{n}]": spectra[:, n] for n in range(spectra.shape[1])}
            for name, counts in by_detector.items():
                if name not in self._detectors:
                    self._spectra[name] = role
                    self._detectors[name] = DetectorAmounts(self.model.spectrum)
                self._detectors[name].add(number, block.first_pixel, self._fitted(counts))
            end = block.first_pixel + len(spectra)
            self._pixels[number] = max(self._pixels.get(number, 0), end)
            self._times_s[number] = time_s

    def _fitted(self, counts: NDArray[np.floating]) -> NDArray[np.floating]:
        """Spectra over all the channels that are fitted, zero where the detector has none."""
        n_channels = len(self.model.spectrum.channels)
        lacking = n_channels - counts.shape[1]
        return np.pad(counts, ((0, 0), (0, lacking))) if lacking > 0 else counts[:, :n_channels]

    def _map(self, rows: Sequence[int], *, ended: bool) -> tuple[Summed, PixelReadings]:
        n_pixels = max(self._pixels.values())
        pixels = PixelReadings(
            self._tables, self.model.keys, rows, n_pixels, self.model.oversampling
        )
        # sums have the same bits in whatever order the elements' spectra came first
        order = sorted(
            self._spectra, key=lambda name: (len(self._spectra[name]), self._spectra[name])
        )
        factors = {
            name: factor
            for name in order
            if (factor := pixels.dead_time_factor(self._spectra[name], name)) is not None
        }
        ready = {name: self._detectors[name] for name in order if self._detectors[name].is_ready}
        return summed(ready, factors, rows, n_pixels, ended=ended), pixels

    def _estimates(self, chosen: Summed, pixels: PixelReadings, *, ended: bool) -> list[Estimate]:
        model = self.model
        weight = pixels.weight()
        amounts = chosen.amounts * weight[:, None]
        covariance = chosen.covariance * (weight**2)[:, None, None]
        if not np.isfinite(amounts).any():
            why = "; ".join((*chosen.notes, *pixels.notes))
            return [self._nothing(why, ended=ended, status=Status.FAILED)]
        sensitivity = np.array(
            [emitter.sensitivity for emitter in model.spectrum.emitters[: len(model.metals)]]
        )
        x_um, y_um = pixels.position("x_um"), pixels.position("y_um")
        atoms = AtomMap(
            metals=model.metals,
            x_um=x_um,
            y_um=y_um,
            line=lines_of(len(pixels.rows), pixels.n_pixels, model.shape, x_um, y_um),
            atoms=amounts / sensitivity,
            covariance=covariance / np.outer(sensitivity, sensitivity),
        )
        n_pixels = sum(self._pixels.values())
        is_due = ended or n_pixels >= REFITTED * self._profiled_pixels
        found = findings_of(
            atoms,
            amounts,
            covariance,
            model.wanted,
            measured_s=self._measured_s(),
            only_first=not ended,
            known=() if is_due else self._profiles,
        )
        if is_due:
            self._profiles = [one.profile for one in found if one.profile]
            self._profiled_pixels = n_pixels if self._profiles else 0
        spectrum = summed_spectrum(self._detectors, chosen, model.metals)
        notes = (*chosen.notes, *pixels.notes)
        return [
            self._estimate(one, notes, {"spectrum": spectrum} if not at else {}, ended=ended)
            for at, one in enumerate(found)
        ]

    def _estimate(
        self,
        found: Finding,
        notes: Sequence[str],
        curves: Mapping[str, Mapping[str, Floats]],
        *,
        ended: bool,
    ) -> Estimate:
        status = Status.FINAL if ended else Status.PROVISIONAL
        if not found.values:
            status = Status.WAITING
        return Estimate(
            status=status,
            reason="; ".join(dict.fromkeys((*found.notes, *notes))),
            units=UNITS,
            values=found.values,
            sigmas=found.sigmas,
            n_points=sum(self._pixels.values()),
            curves={**found.curves, **curves},
            curve_units=CURVE_UNITS,
        )

    def _measured_s(self) -> float | None:
        """How long the rows so far took: by the record, or by the times of the rows, the first as
        long as the others on average.
        """
        if self.model.dwell_s is not None:
            return self.model.dwell_s * sum(self._pixels.values())
        times_s = sorted(self._times_s.values())
        if len(times_s) < 2 or not times_s[-1] > times_s[0]:
            return None
        return (times_s[-1] - times_s[0]) * len(times_s) / (len(times_s) - 1)

    def _nothing(self, why: str, *, ended: bool, status: Status = Status.WAITING) -> Estimate:
        end = ("the run ended before that",) if ended and status is Status.WAITING else ()
        said = status if ended else Status.WAITING
        reason = "; ".join(dict.fromkeys((why, *end)))
        return Estimate(said, reason, UNITS, n_points=sum(self._pixels.values()))
