"""One run at a time on a bundle: loads, rollbacks, and what removes or packs its files; knows no server."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from synthgen.errors import LockedError, SynthError
from synthgen.files import write_text
from synthgen.owners import owner_name

LOCK_FILE = ".lock"
OWNER_FILE = ".owner"
MODE = 0o644


@contextmanager
def hold_bundle(path: Path, work: str) -> Iterator[None]:
    """Hold the one lock of a bundle, for `work` in a word or two; the system lets go of it when its owner dies.

    Raises:
        LockedError: Another run holds it; the message names it.
        SynthError: There is no such folder, or nothing can be written into it.
    """
    # Others must be able to read them: a container's user reads all of a bundle.
    lock, owner = FileLock(path / LOCK_FILE, mode=MODE), path / OWNER_FILE
    try:
        _acquire(lock, path)
        try:
            write_text(owner, f"{owner_name(work)}\n", mode=MODE)
        except OSError as error:
            raise _unheld(path, error) from error
        yield
    finally:
        # An interrupt may come when it is ours already and we have not heard of it yet.
        if lock.is_locked:
            owner.unlink(missing_ok=True)
            # While it is ours: whoever opened it meanwhile finds that it locked a file without a name, and fails.
            with suppress(OSError):
                (path / LOCK_FILE).unlink()
            lock.release()


def _acquire(lock: FileLock, path: Path) -> None:
    try:
        # The lock would make the folder itself.
        if not path.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        lock.acquire(timeout=0)
    except Timeout:
        holder = _read(path / OWNER_FILE) or "another run"
        raise LockedError(f"{holder} is at work on the bundle in {path}", hint="wait until it ends", path=str(path),
                          owner=holder) from None
    except OSError as error:
        raise _unheld(path, error) from error


def _unheld(path: Path, error: OSError) -> SynthError:
    return SynthError(f"the bundle in {path} cannot be held: {error.strerror or error}", path=str(path),
                      hint="see whether it is there, who may write into it, and whether the disk is full")


def is_held(path: Path) -> bool:
    """Say whether a run holds the bundle now."""
    if not (path / LOCK_FILE).exists():
        return False
    try:
        with FileLock(path / LOCK_FILE, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
