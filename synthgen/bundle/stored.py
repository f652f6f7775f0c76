"""How parts lie on disk, as they are or compressed, and how their bytes are read either way; knows no columns.

Compressed parts are gzip, which `neo4j-admin`, Polars and Python all read: nothing has to be unpacked before a load.
The digests and lengths of a manifest are those of the bytes inside.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, cast

from synthgen.files import new_digest

Compression = Literal["none", "gzip"]
SUFFIX = ".gz"
LEVEL = 6
BLOCK = 2**20
TORN = ".part."
"""What the names of files begin with that are being written, or were when their writer was killed."""
NOT_READ = (EOFError, zlib.error, OSError)
"""What reading raises of a file that is no gzip, or not whole; `gzip.BadGzipFile` is an `OSError`."""


class Sink(Protocol):
    """What bytes are written to."""

    def write(self, block: bytes, /) -> int:
        """Take some."""


def stored_name(file: str, compression: Compression) -> str:
    """Give the name under which a part lies on disk."""
    return file + SUFFIX if compression == "gzip" else file


def is_compressed(path: Path) -> bool:
    """Say whether a part's file is a compressed one, by its name."""
    return path.suffix == SUFFIX


def open_stored(path: Path) -> BinaryIO:
    """Open a part's bytes, as they were written.

    Raises:
        EOFError, zlib.error, OSError: Here or while it is read: the file cannot be read, or is damaged.
    """
    return cast("BinaryIO", gzip.open(path, "rb")) if is_compressed(path) else path.open("rb")


def measure(stream: BinaryIO, copy: Sink | None = None) -> tuple[int, str]:
    """Give the length and the digest (as `synthgen.files.file_digest`) of what is left of a stream, and copy it."""
    size, digest = 0, new_digest()
    while block := stream.read(BLOCK):
        size += len(block)
        digest.update(block)
        if copy is not None:
            copy.write(block)
    return size, digest.hexdigest()
