"""Document files: JSON lines, nested JSON lists and msgpack, also compressed by gzip."""

import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.catalogs.cut import CUT, before_cut
from cgnmc_bluesky.catalogs.grouping import Record, group
from cgnmc_bluesky.catalogs.source import Document, Run, SourceError

DOCUMENT_NAMES = frozenset(
    {
        "start",
        "descriptor",
        "event",
        "event_page",
        "resource",
        "datum",
        "datum_page",
        "stream_resource",
        "stream_datum",
        "stop",
    }
)

_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 12


def is_document_file(path: Path) -> bool:
    """Whether a file is one of documents, going by its name."""
    return _kind(path) in _READERS


def read_documents(path: Path) -> list[Run]:
    """Read the runs of a document file.

    What can be read of a damaged file is given, and each run says what is wrong with it.

    Raises
    ------
    SourceError
        Where the file holds no run at all.
    """
    content, damage = _uncompressed(path)
    if not content.strip():
        raise SourceError(f"{path.name} is empty; give a file of documents")
    record = _READERS[_kind(path)](content, path.name)
    if damage:
        record.remark(damage)
    runs = group(record, (path.resolve().parent,))
    if not runs:
        why = f" ({record.remarks[0][1]})" if record.remarks else ""
        raise SourceError(f"{path.name} holds no start document{why}; is it a file of documents?")
    return runs


def _kind(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _uncompressed(path: Path) -> tuple[bytes, str]:
    """Content of a file, as much of it as there is, and what is wrong with its end."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    return _gunzipped(content) if content[:2] == _GZIP else (content, "")


def _gunzipped(content: bytes) -> tuple[bytes, str]:
    parts, damage = [], ""
    while content[:2] == _GZIP:
        unpacker = zlib.decompressobj(wbits=31)
        rest = io.BytesIO(content)
        try:
            while not unpacker.eof and (piece := rest.read(_CHUNK)):
                parts.append(unpacker.decompress(piece))
        except zlib.error as error:
            return b"".join(parts), f"the compressed file is damaged: {error}"
        damage = "" if unpacker.eof else "the compressed file is cut off"
        content = unpacker.unused_data + rest.read()
    return b"".join(parts), damage


def _read_lines(content: bytes, _name: str) -> Record:
    """One document a line; lines that cannot be read are remarked on."""
    record = Record()
    lines = content.split(b"\n")
    for number, line in enumerate(lines, 1):
        text = line.strip().rstrip(b",")
        if not text or text in (b"[", b"]"):
            continue
        try:
            found = list(documents_in(json.loads(text)))
        except ValueError:
            is_last = not any(rest.strip() for rest in lines[number:])
            record.remark(f"line {number} {'is cut off' if is_last else 'cannot be read'}")
            continue
        if not found:
            record.remark(f"line {number} holds no document")
        record.documents.extend(found)
    return record


def _read_json(content: bytes, name: str) -> Record:
    try:
        return Record(list(documents_in(json.loads(content))))
    except ValueError:
        found = documents_in(before_cut(content.decode(errors="replace")))
    record = Record([(kind, doc) for kind, doc in found if CUT not in doc])
    if not record.documents:
        # some writers put one document on a line and nothing around them
        return _read_lines(content, name)
    record.remark(f"{name} is cut off")
    return record


def _read_msgpack(content: bytes, name: str) -> Record:
    import msgpack

    record = Record()
    unpacker = msgpack.Unpacker(
        io.BytesIO(content),
        object_hook=_as_array,
        strict_map_key=False,
        max_buffer_size=len(content),
    )
    whole = 0
    try:
        for item in unpacker:
            record.documents.extend(documents_in(item))
            whole = unpacker.tell()
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        record.remark(f"{name} cannot be read from byte {whole} on ({error})")
        return record
    if whole < len(content):
        record.remark(f"{name} is cut off after byte {whole}")
    return record


_READERS: Mapping[str, Callable[[bytes, str], Record]] = {
    ".jsonl": _read_lines,
    ".ndjson": _read_lines,
    ".json": _read_json,
    ".msgpack": _read_msgpack,
}


def documents_in(node: Any) -> Iterator[Document]:
    """Find documents in `[name, doc]` lists, `{"name", "doc"}` objects and sets by name."""
    if isinstance(node, list | tuple):
        match node:
            case [str(name), dict(doc)] if name in DOCUMENT_NAMES:
                yield name, doc
            case _:
                for item in node:
                    yield from documents_in(item)
    elif isinstance(node, dict):
        match node:
            case {"name": str(name), "doc": dict(doc)} if name in DOCUMENT_NAMES:
                yield name, doc
            case _:
                for key, value in node.items():
                    yield from _documents_under(str(key), value)


def _documents_under(key: str, value: Any) -> Iterator[Document]:
    name = key if key in DOCUMENT_NAMES else key.removesuffix("s")
    if name not in DOCUMENT_NAMES:
        yield from documents_in(value)
        return
    for doc in value if isinstance(value, list) else [value]:
        if isinstance(doc, dict):
            yield name, doc


def _as_array(item: dict[Any, Any]) -> dict[Any, Any] | NDArray[Any] | np.generic | complex:
    """Restore what msgpack-numpy packed, but never its pickled objects, which could run code."""
    packed = {key.decode() if isinstance(key, bytes) else key: item[key] for key in item}
    if "nd" not in packed:
        return complex(packed["data"]) if packed.keys() == {"complex", "data"} else item
    if packed.get("kind") not in (None, b"", ""):
        raise ValueError("an array of objects, which is not unpacked for safety")
    kind = packed["type"]
    dtype = np.dtype(kind.decode() if isinstance(kind, bytes) else kind)
    flat = np.frombuffer(packed["data"], dtype)
    return flat.reshape(packed["shape"]) if packed["nd"] else flat[0]
