"""The files of a store on this machine, by the steps of `target`; knows no server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePath

from importer.servers.target import Make, Move, Remove, Step, Write
from synthgen.errors import ServerError
from synthgen.files import write_text

TRIES = 10


class Folders:
    """Files below folders of this machine.

    Args:
        room: A folder in the file system whose free space counts.
        owner: User and group number that whatever is made here is given to; ours by default.
    """

    def __init__(self, room: Path, owner: tuple[int, int] | None = None) -> None:
        self._room = room
        self._owner = owner

    def read(self, path: PurePath) -> str | None:
        """Read a small text file; None when it is not there."""
        try:
            return Path(path).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def existing(self, paths: Sequence[PurePath]) -> set[PurePath]:
        """Say which of these are there."""
        return {path for path in paths if Path(path).exists()}

    def do(self, steps: Sequence[Step]) -> None:
        """Do the steps in order; the first that fails ends it.

        Raises:
            ServerError: A step failed.
        """
        for step in steps:
            try:
                self._do(step)
            except OSError as error:
                raise ServerError(f"{error.filename or self._room} cannot be changed: {error.strerror or error}",
                                  hint="free some space, or see whose files these are", step=str(step)) from error

    def free_bytes(self) -> int:
        """Say how much room is left where new stores are made."""
        return shutil.disk_usage(self._room).free

    def _do(self, step: Step) -> None:
        match step:
            case Make(path):
                self._make(Path(path))
            case Move(source, to):
                if Path(source).exists():
                    self._make(Path(to).parent)
                    Path(source).rename(to)
            case Remove(path):
                if Path(path).is_dir() and not Path(path).is_symlink():
                    _remove_folder(Path(path))
                else:
                    Path(path).unlink(missing_ok=True)
            case Write(path, text):
                self._make(Path(path).parent)
                write_text(Path(path), text)
                self._give(Path(path))

    def _make(self, folder: Path) -> None:
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        for one in reversed(missing):
            one.mkdir(exist_ok=True)
            self._give(one)

    def _give(self, path: Path) -> None:
        if self._owner is not None:
            os.chown(path, *self._owner)


def _remove_folder(folder: Path) -> None:
    for _ in range(TRIES - 1):
        # A program that is being ended removes files of its own meanwhile.
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)
        if not folder.exists():
            return
    shutil.rmtree(folder)
