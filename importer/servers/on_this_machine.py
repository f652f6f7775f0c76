"""What all targets on this machine have in common: their files are at hand; knows no kind of server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from importer.servers import memory, running
from importer.servers.target import Files, Layout


class OnThisMachine:
    """The part of `target.Target` that is the same wherever an import reads and writes the folders of this machine.

    Attributes:
        layout: Where the store lies.
        files: The files there.
    """

    layout: Layout
    files: Files

    def free_memory(self) -> int | None:
        """Say how many bytes of memory an import can still get."""
        return memory.free_memory()

    def scratch(self, token: str) -> Path:
        """Give the folder for the files that an import reads: it goes with the staging folder."""
        return Path(self.layout.staging(token)) / "base"

    def place(self, path: Path, reads: Sequence[Path]) -> str:  # noqa: ARG002 - the same for all files
        """Name a file by its absolute path."""
        return str(path.resolve())

    def clear_scratch(self) -> None:
        """Do nothing: scratch folders go with the staging folder."""

    def end_orphans(self) -> None:
        """End the admin tools whose owner was killed."""
        running.end_orphans(Path(self.layout.work))
