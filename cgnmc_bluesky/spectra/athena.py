"""Athena projects, through Larch."""

import contextlib
import hashlib
import io
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from cgnmc_bluesky.spectra.spectrum import MeasuredSpectrum, SpectrumError


def athena_groups(path: Path, text: str, content_hash: str) -> list[MeasuredSpectrum]:
    """Read every group with an energy and mu as a spectrum."""
    from larch.io.athena_project import parse_jsonathena, parse_perlathena

    parse = parse_jsonathena if text.lstrip().startswith("{") else parse_perlathena
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            project = parse(text, path.name)
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        raise SpectrumError(
            f"{path.name} is no complete Athena project ({error}); save it again in Athena"
        ) from error
    names = Counter(project.group_names)
    groups = [getattr(project, name) for name in names]
    notes = tuple(
        f"{count - 1} more of {path.name} left out: they are labelled {name!r} too"
        for name, count in names.items()
        if count > 1
    )
    spectra = [
        _spectrum(group, content_hash, notes)
        for group in groups
        if not float(getattr(group.athena_params, "is_chi", 0) or 0)
    ]
    if not spectra:
        raise SpectrumError(f"{path.name} holds no group with an energy and mu")
    return spectra


def _spectrum(group: Any, content_hash: str, notes: tuple[str, ...]) -> MeasuredSpectrum:
    """One group; Athena's own energy shift is applied, as Athena does when it shows the group."""
    label = str(getattr(group, "label", group.athena_params.id))
    background, transform = group.athena_params.bkg, group.athena_params.fft
    shift_ev = float(getattr(background, "eshift", 0.0) or 0.0)
    arrays = {"energy": group.energy + shift_ev, "mutrans": group.mu}
    if getattr(group, "i0", None) is not None and len(group.i0) == len(group.mu):
        arrays["i0"] = group.i0
    symbol, edge = getattr(background, "z", None), getattr(transform, "edge", None)
    metadata: dict[str, Any] = {"Sample": {"name": label}, "Athena": {"eshift_ev": shift_ev}}
    if symbol and edge:
        metadata["Element"] = {"symbol": str(symbol), "edge": str(edge).upper()}
    return MeasuredSpectrum(
        name=label,
        columns={name: np.asarray(array, dtype=float) for name, array in arrays.items()},
        units={name: "eV" if name == "energy" else "" for name in arrays},
        metadata=metadata,
        content_hash=hashlib.sha256(f"{content_hash} {label}".encode()).hexdigest(),
        notes=notes,
    )
