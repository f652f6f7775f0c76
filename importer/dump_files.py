"""Whether a file is a dump, and whole, and how big the store in it is; starts nothing and unpacks nothing to disk.

A dump is four bytes that name its kind, then all files of the store as one stream, compressed with Zstandard or gzip;
older ones lack the four bytes. Source: Neo4j's `org.neo4j.dbms.archive`; tried with dumps of Neo4j 4.4, 5.1, 5.13, 5.26
and 2026.09.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from synthgen.errors import ServerError, UsageError
from synthgen.progress import Progress, silent

DAMAGED_HINT = "copy or make the dump again; nothing was changed"
_DUMP_HINT = "name the file that `neo4j-admin database dump` wrote"
_MARK_BYTES = 4
_STREAMS = {b"DZV1": "zstd", b"DGV1": "gzip"}
_BARE = {b"\x28\xb5\x2f\xfd": "zstd", b"\x1f\x8b": "gzip"}
_BACKUPS = (b"BZV", b"BTV")
_BYTES_AT_ONCE = 1 << 20


def check_dump(file: Path, progress: Progress = silent) -> int:
    """Read a dump from end to end and give the bytes of the store in it, unpacked.

    Raises:
        UsageError: There is no such file, or it is no dump.
        ServerError: It is damaged: cut short, or a byte of it is another one.
    """
    try:
        with file.open("rb") as stream:
            mark = stream.read(_MARK_BYTES)
        size = file.stat().st_size
    except OSError as error:
        raise UsageError(f"the dump {file} cannot be read: {error.strerror}", hint=_DUMP_HINT,
                         file=str(file)) from error
    if mark.startswith(_BACKUPS):
        raise UsageError(f"{file} is a backup of Neo4j Enterprise, not a dump",
                         hint="restore it there, and make a dump with `neo4j-admin database dump`", file=str(file))
    bare = next((kind for start, kind in _BARE.items() if mark.startswith(start)), None)
    compression = _STREAMS.get(mark) or bare
    if compression is None:
        raise UsageError(f"{file} is not a dump of Neo4j: it begins with {mark!r}", hint=_DUMP_HINT, file=str(file))
    unpacked = 0
    try:
        for chunk in _unpack(file, 0 if bare else _MARK_BYTES, compression):
            unpacked += len(chunk)
            progress("reading the dump (MB)", unpacked // 1_000_000, 0)
    except OSError as error:
        raise _damaged(file, str(error)) from error
    if not unpacked:
        raise _damaged(file, f"nothing is in its {size} bytes")
    return unpacked


def _unpack(file: Path, start: int, compression: str) -> Iterator[bytes]:
    with pa.OSFile(str(file)) as raw:
        raw.seek(start)
        with pa.CompressedInputStream(raw, compression) as stream:
            while chunk := stream.read(_BYTES_AT_ONCE):
                yield chunk


def _damaged(file: Path, why: str) -> ServerError:
    return ServerError(f"the dump {file} is damaged: {why}", hint=DAMAGED_HINT, file=str(file))
