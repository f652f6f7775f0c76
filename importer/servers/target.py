"""What an offline load needs of a server and of its store's files, whatever kind it is; does nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Protocol

from synthgen.database import LOAD_JOURNAL
from synthgen.errors import RefusedError


@dataclass(frozen=True, slots=True)
class Make:
    """Make a folder, and those above it; one that is there already is fine."""

    path: PurePath


@dataclass(frozen=True, slots=True)
class Move:
    """Rename a folder within its file system, making the folder it goes to; does nothing when it is not there."""

    source: PurePath
    to: PurePath


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a file, or a folder with all that is in it; does nothing when it is not there."""

    path: PurePath


@dataclass(frozen=True, slots=True)
class Write:
    """Write a small text file, whole or not at all."""

    path: PurePath
    text: str


Step = Make | Move | Remove | Write


class Files(Protocol):
    """The files of one server's store, wherever they are."""

    def read(self, path: PurePath) -> str | None:
        """Read a small text file; None when it is not there."""

    def existing(self, paths: Sequence[PurePath]) -> set[PurePath]:
        """Say which of these are there."""

    def do(self, steps: Sequence[Step]) -> None:
        """Do the steps in order; the first that fails ends it.

        Raises:
            ServerError: A step failed.
        """

    def free_bytes(self) -> int:
        """Say how much room is left where new stores are made."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the folders that a database's store consists of: where it is in use, made anew, and kept while unsure."""

    in_use: PurePath
    staged: PurePath
    aside: PurePath


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the store of one database lies, and where loads work on it.

    Attributes:
        database: Its name, as its folders have it.
        data: The server's data folder.
        transactions: The folder of the transaction logs of all databases.
        work: A folder for loads, in the same file system as `data`.
        transactions_work: Likewise for `transactions`; mostly the same folder.
    """

    database: str
    data: PurePath
    transactions: PurePath
    work: PurePath
    transactions_work: PurePath

    @property
    def journal(self) -> PurePath:
        """The file that says how far a load is."""
        return self.work / LOAD_JOURNAL

    @property
    def staging_roots(self) -> list[PurePath]:
        """The folders that hold all staging folders."""
        return sorted({self.work / "staging", self.transactions_work / "staging"})

    def staging(self, token: str) -> PurePath:
        """Give the staging folder of one load."""
        return self.work / "staging" / token

    def parts(self, token: str) -> list[Part]:
        """Give the folders that a load with this token swaps."""
        staged = self.import_folders(token)
        roots = ((self.data / "databases", self.work), (self.transactions, self.transactions_work))
        return [Part(root / self.database, staging / self.database,
                     work / "staging" / token / "old" / staging.name / self.database)
                for (root, work), staging in zip(roots, (staged[0] / "databases", staged[1]), strict=True)]

    def import_folders(self, token: str) -> tuple[PurePath, PurePath]:
        """Give the data folder and the folder of transaction logs that an import with this token is to write."""
        return (self.staging(token) / "data",
                self.transactions_work / "staging" / token / "data" / "transactions")


class Target(Protocol):
    """One server whose store can be exchanged."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def layout(self) -> Layout:
        """Where its store lies."""

    @property
    def files(self) -> Files:
        """The files there."""

    @property
    def lock_file(self) -> Path:
        """The file, on this machine, that whoever works on the server holds."""

    def check(self) -> None:
        """Make sure, before anything is touched, that its store can be exchanged; it runs.

        Raises:
            RefusedError: It cannot, or is not the server that answers.
        """

    def version(self) -> str:
        """Give its Neo4j's version.

        Raises:
            ServerError: It does not say.
        """

    def is_running(self) -> bool:
        """Say whether its process is there; it may not answer yet."""

    def start(self) -> None:
        """Start it and wait until it lets us in; does nothing when it runs.

        Raises:
            ServerError: It does not come up.
        """

    def stop(self) -> None:
        """Stop it cleanly and wait for its end; does nothing when it is down.

        Raises:
            ServerError: It does not end.
        """

    def last_committed(self) -> int:
        """Give the number of the last transaction in its store, which is at rest.

        Raises:
            ServerError: It does not say.
        """

    def free_memory(self) -> int | None:
        """Say how many bytes of memory an import there can still get; None where nobody says."""

    def scratch(self, token: str) -> Path:
        """Give a folder on this machine for files that an import with this token reads; it may have to be made."""

    def place(self, path: Path, reads: Sequence[Path]) -> str:
        """Say how an import is told of a file of this machine, which is in one of the folders `reads`."""

    def clear_scratch(self) -> None:
        """Remove all such folders, unless they are gone with the staging folder."""

    def import_full(
        self, token: str, arguments: Sequence[str], *, reads: Sequence[Path], heap: str,
        on_line: Callable[[str], None], watch: Callable[[], None],
    ) -> str:
        """Run `neo4j-admin database import full` into the folders of `layout.import_folders`; gives what it printed.

        Args:
            token: The load's.
            arguments: What follows the database's name, with files named as `place` says.
            reads: The folders on this machine that files among the arguments are in.
            heap: Java heap.
            on_line: Told of each line as it comes.
            watch: Called now and then; when it raises, the import is ended.

        Raises:
            ServerError: It failed; the message holds what it said.
        """

    def end_orphans(self) -> None:
        """End what an earlier run on it left behind when it was killed, so that nothing writes behind our back."""


def not_exchangeable(uri: str) -> RefusedError:
    """Say that the store behind an address is not one that an import can take the place of."""
    return RefusedError(
        f"{uri} is neither the local server nor a target that was named, so its store cannot be exchanged",
        hint="use --mode online, or the server of `importer server start` (without NEO4J_URI and --uri), or name the"
             " server's home or compose file: --neo4j-home, --compose-file")
