"""A Neo4j service of Docker Compose as a target: one-off containers work on its volume; knows no bundle and no Cypher.

The service's own image does all work on files, with its entrypoint, which runs programs as the server's user: so
nothing in the volume is ever another user's than the server's.
"""

from __future__ import annotations

import os
import re
import secrets
import shlex
import stat
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from importer.servers.admin import argument_text, info_command, read_last_committed, with_the_cause
from importer.servers.bolt import is_silent, wait_until_up
from importer.servers.containers import Service
from importer.servers.folders import Folders
from importer.servers.memory import CACHE, GROUP, LIMIT, MEMINFO, USED, least_free
from importer.servers.running import FOLDER, end_orphans, run_streaming
from importer.servers.runtime import cache_folder
from importer.servers.settings import START_SECONDS, check_size
from importer.servers.target import Files, Layout, Remove
from importer.servers.volume import Volume
from synthgen.database import Address
from synthgen.errors import RefusedError, ServerError

DATA = "NEO4J_server_directories_data"
TRANSACTIONS = "NEO4J_server_directories_transaction_logs_root"
DEFAULT_DATA = "/data"
WORK = ".synthgen"
PLACE = "/synthgen"
ROOM_SECONDS = 10.0
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_READABLE = stat.S_IROTH
_END = "-- end --"


class Compose:
    """The store of one database of a Compose service; as `target.Target`.

    Args:
        service: The service.
        address: How its server lets us in.
        scratch: A folder on this machine for the files that an import reads.

    Raises:
        RefusedError: The service keeps its data in no volume.
    """

    def __init__(self, service: Service, address: Address, scratch: Path) -> None:
        self._service = service
        self._address = address
        self._scratch = scratch
        self.name = f"service {service.name!r} of {service.file}"
        data = PurePosixPath(service.environment.get(DATA) or DEFAULT_DATA)
        transactions = PurePosixPath(service.environment.get(TRANSACTIONS) or data / "transactions")
        for folder in (data, transactions):
            if not any(folder.is_relative_to(mount) for mount in service.mounts):
                raise RefusedError(f"{self.name} keeps {folder} in no volume: its data would go with its container",
                                   hint=f"mount a volume at {DEFAULT_DATA}", mounts=sorted(map(str, service.mounts)))
        self.layout = Layout(address.database.lower(), data, transactions, data / WORK,
                             data / WORK if transactions.is_relative_to(data) else transactions / WORK)
        self._volume = Volume(service, data)
        self.files: Files = self._volume
        locks = cache_folder().parent / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        self.lock_file = locks / f"{service.project}.{service.name}.lock"
        self._prefix = f".import.{service.project}.{service.name}."

    def check(self) -> None:
        """Make sure, before anything is touched, that the store can be exchanged; as `Target.check`."""
        if not self._service.is_running():
            raise RefusedError(f"{self.name} does not run, but {self._address.uri} answers",
                               hint="start it, or correct NEO4J_URI or --compose-file")
        folders = [part.in_use for part in self.layout.parts("")]
        there = self.files.existing(folders)
        missing = [str(folder) for folder in folders if folder not in there]
        if missing:
            raise RefusedError(f"{self.name} has no database {self.layout.database!r}: {missing[0]} is not there",
                               hint="choose another --database", missing=missing)

    def version(self) -> str:
        """Give its Neo4j's version; as `Target.version`."""
        said = self._volume.run("neo4j-admin --version")
        found = _VERSION.search(said)
        if found is None:
            raise ServerError(f"{self.name} does not say its version: {said}", hint="is its image Neo4j's own?")
        return found[0]

    def is_running(self) -> bool:
        """Say whether its container is there; it may not answer yet."""
        return self._service.is_running()

    def start(self) -> None:
        """Start it and wait until it lets us in; as `Target.start`."""
        self._service.start()
        wait_until_up(self._address, self.name, timeout_s=START_SECONDS)

    def stop(self) -> None:
        """Stop it cleanly and wait for its end; as `Target.stop`."""
        self._service.stop()
        if not is_silent(self._address):
            raise ServerError(f"{self._address.uri} answers although {self.name} was stopped",
                              hint="correct NEO4J_URI: it is another server's")

    def last_committed(self) -> int:
        """Give the number of the last transaction in its store, which is at rest; as `Target.last_committed`."""
        command = shlex.join(["neo4j-admin", *info_command(self.layout.database)])
        return read_last_committed(self._volume.run(command), self.name)

    def free_memory(self) -> int | None:
        """Say how many bytes of memory a one-off container can get; as `Target.free_memory`."""
        files = (MEMINFO, GROUP / LIMIT, GROUP / USED, GROUP / CACHE)
        script = "\n".join(f"if [ -r {file} ]; then cat {file}; fi; echo {_END}" for file in files)
        return least_free(*self._volume.run(script).split(f"{_END}\n")[:len(files)])

    def scratch(self, token: str) -> Path:
        """Give a folder on this machine for the files that an import reads."""
        return self._scratch / f"{self._prefix}{token}"

    def place(self, path: Path, reads: Sequence[Path]) -> str:
        """Name a file as it is called in the import's container."""
        folder, place = next(one for one in _places(reads).items() if path.is_relative_to(one[0]))
        return str(place / path.relative_to(folder))

    def clear_scratch(self) -> None:
        """Remove the folders that imports have read."""
        Folders(self._scratch).do([*map(Remove, self._scratch.glob(f"{self._prefix}*"))])

    def import_full(
        self, token: str, arguments: Sequence[str], *, reads: Sequence[Path], heap: str,
        on_line: Callable[[str], None], watch: Callable[[], None],
    ) -> str:
        """Run the import in a one-off container; as `Target.import_full`."""
        scratch = self.scratch(token)
        places = _places(reads)
        for folder in places:
            _check_seen(folder, ours=folder == scratch)
        data, transactions = self.layout.import_folders(token)
        # Older Javas read files, and so names, in the encoding of where they are.
        environment = {"HEAP_SIZE": check_size("heap", heap), "LC_ALL": "C.UTF-8", DATA: str(data),
                       TRANSACTIONS: str(transactions)}
        command = ["database", "import", "full", self.layout.database]

        def run(args: Sequence[str], told: Callable[[str], None] | None) -> tuple[int, str]:
            # A command line has a limit. The file lies where the import's own files do, and is read where they are.
            (scratch / "arguments").write_text(
                argument_text(args[len(command):]), encoding="utf-8")
            container = f"synthgen-import-{secrets.token_hex(4)}"
            with tempfile.TemporaryDirectory(prefix=FOLDER, dir=scratch) as record, self._volume.within(container):
                return run_streaming(
                    self._service.one_off(
                        container, ["neo4j-admin", *command, f"@{places[scratch] / 'arguments'}"],
                        environment=environment, mounts=places),
                    record=Path(record), cwd=scratch, environment=os.environ, on_line=told, watch=_seldom(watch))

        try:
            return with_the_cause(self.version(), [*command, *arguments], run, on_line)
        except BaseException:
            self._service.remove_one_offs()
            raise

    def end_orphans(self) -> None:
        """End the containers of loads that were killed, and the docker programs that wait for them."""
        for folder in self._scratch.glob(f"{self._prefix}*"):
            end_orphans(folder)
        self._service.remove_one_offs()


def _places(reads: Sequence[Path]) -> dict[Path, PurePosixPath]:
    return {folder: PurePosixPath(PLACE, str(number)) for number, folder in enumerate(reads)}


def _check_seen(folder: Path, *, ours: bool) -> None:
    """Make sure that the server's user in a container can read a folder of this machine that is mounted there."""
    if ":" in str(folder.resolve()):
        raise RefusedError(f"the path {folder} has a colon, which Docker cannot mount",
                           hint="use an --out folder without one")
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        wanted = mode | _READABLE | (stat.S_IXOTH if stat.S_ISDIR(mode) else 0)
        if mode != wanted:
            if not ours:
                raise RefusedError(f"{path} cannot be read by the server's user in a container",
                                   hint=f"chmod -R o+rX {shlex.quote(str(folder))}")
            path.chmod(stat.S_IMODE(wanted))


def _seldom(watch: Callable[[], None]) -> Callable[[], None]:
    """Call `watch` every ten seconds at most: each look is a program in a container."""
    due = [time.monotonic() + ROOM_SECONDS]

    def look() -> None:
        if time.monotonic() >= due[0]:
            watch()
            due[0] = time.monotonic() + ROOM_SECONDS

    return look
