"""A file of measurements, whatever wrote it."""

import gzip
import hashlib
import zlib
from pathlib import Path

from cgnmc_bluesky.spectra.athena import athena_groups
from cgnmc_bluesky.spectra.cyclers import cycler_table
from cgnmc_bluesky.spectra.eclab import BINARY, TEXT, eclab_binary, eclab_text
from cgnmc_bluesky.spectra.record import MeasuredRecord, timed
from cgnmc_bluesky.spectra.spectrum import Columns, Keys, MeasuredSpectrum, SpectrumError
from cgnmc_bluesky.spectra.text import column_text
from cgnmc_bluesky.spectra.traces import MeasuredTrace, trace_in


def read_spectra(
    path: str | Path, columns: Columns | None = None, known: Keys | None = None
) -> list[MeasuredSpectrum]:
    """Read every spectrum in a file.

    Parameters
    ----------
    path
        XDI, column text or Athena project (which may hold several), also compressed by gzip.
    columns
        What overrides the file's header: for an XDI name or role (`"energy_ev"`, `"mu"`) the number
        of the column, from 1, or its name in the header.
    known
        Data keys by role; a header may name its columns so, beside the names that are common.

    Raises
    ------
    SpectrumError
        Where the file holds no spectrum; the message names the file, the value and the remedy.
    """
    path = Path(path)
    content = _content(path)
    if not content.strip():
        raise SpectrumError(f"{path.name} is empty; give a file with columns of energy and mu")
    content_hash = hashlib.sha256(content).hexdigest()
    text = _decoded(content)
    if "Athena project file" in text[:400]:
        return athena_groups(path, text, content_hash)
    return [column_text(path, text, content_hash, columns or {}, known or {})]


def read_trace(path: str | Path, known: Keys | None = None) -> MeasuredTrace | None:
    """Read a mass spectrometer's export, or another table against time; `None` if it is none.

    Parameters
    ----------
    path
        Column text, also compressed by gzip.
    known
        Data keys by role: columns may be named so, beside the names that are common.

    Raises
    ------
    SpectrumError
        Where the file cannot be read at all.
    """
    path = Path(path)
    content = _content(path)
    content_hash = hashlib.sha256(content).hexdigest()
    return trace_in(path, _decoded(content), content_hash, known or {})


def read_record(
    path: str | Path, columns: Columns | None = None, known: Keys | None = None
) -> MeasuredRecord | None:
    """Read what a cycler recorded of a cell; `None` if a file is nothing of the kind.

    Parameters
    ----------
    path
        EC-Lab's text (`.mpt`) or binary (`.mpr`), MACCOR's text, or CSV with a voltage and a
        current or charge; also compressed by gzip.
    columns
        Column of a role, by its number from 1 or its name, for files without a usable header.
    known
        Data keys by role: columns may be named so, beside the names that are common.

    Raises
    ------
    SpectrumError
        Where the file is such a record and cannot be read; the message names the remedy.

    Notes
    -----
    EC-Lab exports `<I>`, the mean of the current since the row before: charge is counted from it
    exactly. MACCOR records currents without a sign, which comes from the state of the row.
    """
    path = Path(path)
    content = _content(path)
    content_hash = hashlib.sha256(content).hexdigest()
    if content.startswith(BINARY):
        return timed(eclab_binary(path, content, content_hash, known or {}))
    text = _decoded(content)
    if text.startswith(TEXT):
        return timed(eclab_text(path, text, content_hash, known or {}))
    found = cycler_table(path, text, content_hash, columns or {}, known or {})
    return found and timed(found)


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        while content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SpectrumError(f"{path.name} is damaged ({error}); copy it again") from error
    except OSError as error:
        raise SpectrumError(f"{path} cannot be read: {error.strerror or error}") from error
    return content


def _decoded(content: bytes) -> str:
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
