"""Files that appear whole or not at all, digests of files, and paths that stay in their folder; knows no format."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from blake3 import blake3

from synthgen.errors import SynthError

_BLOCK = 1 << 18
_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")


def new_digest() -> blake3:
    """Begin a digest (BLAKE3, 32 bytes) as files have it: https://github.com/BLAKE3-team/BLAKE3-specs."""
    return blake3()


def file_digest(path: Path) -> str:
    """Give the BLAKE3 digest (32 bytes, hex) of a file, read in pieces; as `b3sum` does."""
    digest, block = new_digest(), memoryview(bytearray(_BLOCK))
    with path.open("rb", buffering=0) as stream:
        while size := stream.readinto(block):
            digest.update(block[:size])
    return digest.hexdigest()


def text_digest(text: str) -> str:
    """Give the digest that a file with this text has."""
    return blake3(text.encode()).hexdigest()


def inside(folder: Path, name: str) -> Path:
    """Resolve a file name from a manifest or snapshot within its folder.

    Raises:
        SynthError: The name is absolute, has odd characters, or leads out of the folder, also through a link.
    """
    if not all(_SEGMENT.fullmatch(part) for part in name.split("/")):
        raise SynthError(f"{folder} names the file {name!r}, which is not a plain relative path",
                         hint="the folder was not written by this program; do not use it", file=name)
    path = folder / name
    if path.exists() and not path.resolve().is_relative_to(folder.resolve()):
        raise SynthError(f"{path} leads out of its folder", hint="do not use this folder", file=name)
    return path


def folder_bytes(folder: Path) -> int:
    """Give how many bytes the files in a folder have together, also in folders within it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def write_json(path: Path, document: Any, *, mode: int = 0o644) -> None:
    """Write a JSON file whole, as `write_text` does."""
    write_text(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n", mode=mode)


def write_text(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a text file whole, in UTF-8, as `write_bytes` does."""
    write_bytes(path, text.encode("utf-8"), mode=mode)


def write_bytes(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file whole: under a temporary name, flushed to disk, then renamed."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(final: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give a temporary folder beside `final` that takes its name when the block ends well and vanishes when not.

    With `replace` an older `final` makes way at the last moment, and is there again when that fails.

    Raises:
        SynthError: `final` exists already, or the disk is full or not writable.
    """
    if final.exists() and not replace:
        raise SynthError(f"{final} exists already", hint="choose another folder, remove it, or replace it on purpose",
                         path=str(final))
    temporary: Path | None = None
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
        temporary.chmod(0o755)
        yield temporary
        if replace and final.exists():
            older = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent)) / "older"
            final.rename(older)
            try:
                temporary.rename(final)
            except OSError:
                older.rename(final)
                raise
            finally:
                shutil.rmtree(older.parent)
        else:
            temporary.rename(final)
    except OSError as error:
        raise SynthError(f"{final} cannot be written: {error.strerror or error}",
                         hint="free space or choose another folder with --out; nothing was left behind",
                         path=str(final)) from error
    finally:
        if temporary is not None and temporary.exists():
            shutil.rmtree(temporary, ignore_errors=True)
