"""An installed Neo4j, with its own `bin/neo4j` and `bin/neo4j-admin`, as a target; knows no bundle and no Cypher."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from importer.servers.admin import argument_text, info_command, read_last_committed, with_the_cause
from importer.servers.bolt import find_pid, is_silent, wait_until_up
from importer.servers.folders import Folders
from importer.servers.neo4j_conf import DATA, TRANSACTIONS, read_folders
from importer.servers.on_this_machine import OnThisMachine
from importer.servers.running import FOLDER, run_streaming
from importer.servers.runtime import clean_environment
from importer.servers.settings import START_SECONDS, check_size, conf_text
from importer.servers.target import Layout, Make, Write
from synthgen.database import Address
from synthgen.errors import RefusedError, ServerError, UsageError

WORK = ".synthgen"
LOCK = "load.lock"
PROGRAMS = ("neo4j", "neo4j-admin")
TAIL_LINES = 5
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_PID = re.compile(r"running at pid (\d+)")
_SERVICE = re.compile(r"/([^/\s]+\.service)\b")


class Installed(OnThisMachine):
    """The store of one database of an installed server; as `target.Target`.

    When we are root, its programs run as the owner of its data folder, and what is made there is that user's.

    Args:
        home: NEO4J_HOME.
        address: How it lets us in.
        conf: The folder that `neo4j.conf` is in; `conf` below home by default.

    Raises:
        UsageError: It is no home of a Neo4j.
        RefusedError: Its data folder is not there, or another user's.
    """

    def __init__(self, home: Path, address: Address, *, conf: Path | None = None) -> None:
        self._home = home.absolute()
        self._conf = (conf or self._home / "conf").absolute()
        self._address = address
        self.name = f"the Neo4j installed in {self._home}"
        for program in PROGRAMS:
            if not os.access(self._home / "bin" / program, os.X_OK):
                raise UsageError(f"{self._home} has no bin/{program} that can be run",
                                 hint="name the folder that Neo4j was unpacked into with --neo4j-home")
        data, transactions = read_folders(self._home, self._conf)
        self._owner = _owner_of(data)
        self.files = Folders(data, self._owner)
        work = data / WORK
        same_disk = transactions.exists() and transactions.stat().st_dev == data.stat().st_dev
        self.layout = Layout(address.database.lower(), data, transactions, work,
                             work if same_disk else transactions / WORK)
        self.files.do([Make(work)])
        self.lock_file = work / LOCK

    def check(self) -> None:
        """Make sure, before anything is touched, that the store can be exchanged; as `Target.check`."""
        missing = [str(part.in_use) for part in self.layout.parts("") if not Path(part.in_use).is_dir()]
        if missing:
            raise RefusedError(f"{self.name} has no database {self.layout.database!r}: {missing[0]} is not there",
                               hint="choose another --database, or see neo4j.conf", missing=missing)
        pid, answering = self._pid(), find_pid(self._address)
        if pid is None:
            raise RefusedError(f"{self.name} does not run, as its bin/neo4j says, but {self._address.uri} answers",
                               hint="start it with its bin/neo4j, or correct NEO4J_URI")
        if answering is not None and answering != pid:
            raise RefusedError(f"{self._address.uri} is process {answering}, not {self.name}, which is process {pid}",
                               hint="correct NEO4J_URI or --neo4j-home", pid=pid, answering=answering)
        service = _service_of(pid)
        if service is not None:
            raise RefusedError(
                f"{self.name} is run by systemd as {service}, so its own scripts must not stop and start it",
                hint=f"let a script do it (--emit-script), or `systemctl stop {service}`, start it with"
                     " bin/neo4j as its own user for the time of the load", service=service)

    def version(self) -> str:
        """Give its Neo4j's version.

        Raises:
            ServerError: It does not say.
        """
        answer = self._run("neo4j", "--version")
        found = _VERSION.search(answer.stdout)
        if found is None:
            raise ServerError(f"{self.name} does not say its version: {_tail(answer)}", hint="see what its Java lacks")
        return found[0]

    def is_running(self) -> bool:
        """Say whether its process is there; it may not answer yet."""
        return self._run("neo4j", "status").returncode == 0

    def start(self) -> None:
        """Start it and wait until it lets us in; as `Target.start`."""
        if not self.is_running():
            answer = self._run("neo4j", "start")
            if answer.returncode and not self.is_running():
                raise ServerError(f"{self.name} does not start: {_tail(answer)}", hint="see its logs")
        wait_until_up(self._address, self.name, timeout_s=START_SECONDS)

    def stop(self) -> None:
        """Stop it cleanly and wait for its end; as `Target.stop`."""
        answer = self._run("neo4j", "stop")
        if answer.returncode or self.is_running():
            raise ServerError(f"{self.name} does not stop: {_tail(answer)}",
                              hint="stop it by what started it, or let a script do it all: --emit-script")
        if not is_silent(self._address):
            raise ServerError(f"{self._address.uri} answers although {self.name} was stopped",
                              hint="correct NEO4J_URI, or see what has started it again")

    def last_committed(self) -> int:
        """Give the number of the last transaction in its store, which is at rest; as `Target.last_committed`."""
        answer = self._run("neo4j-admin", *info_command(self.layout.database))
        if answer.returncode:
            raise ServerError(f"{self.name} does not say what its store holds: {_tail(answer)}",
                              hint="see whose files these are")
        return read_last_committed(answer.stdout, self.name)

    def import_full(
        self, token: str, arguments: Sequence[str], *, reads: Sequence[Path], heap: str,  # noqa: ARG002 - all at hand
        on_line: Callable[[str], None], watch: Callable[[], None],
    ) -> str:
        """Run the import with the server's own `neo4j-admin`; as `Target.import_full`."""
        staging = Path(self.layout.staging(token))
        settings = dict(zip((DATA, TRANSACTIONS), map(str, self.layout.import_folders(token)), strict=True))
        further = f"--additional-config={staging / 'import.conf'}"
        self.files.do([Write(staging / "import.conf", conf_text(settings))])
        self._give_away(self.scratch(token))
        environment = self._environment() | {"HEAP_SIZE": check_size("heap", heap)}
        command = ["database", "import", "full", self.layout.database]

        def run(args: Sequence[str], told: Callable[[str], None] | None) -> tuple[int, str]:
            # A command line has a limit, and its arguments are for all to see.
            self.files.do([Write(staging / "arguments", argument_text([*args[len(command):], further]))])
            with tempfile.TemporaryDirectory(prefix=FOLDER, dir=self.layout.work) as record:
                return run_streaming(
                    [str(self._home / "bin" / "neo4j-admin"), *command, f"@{staging / 'arguments'}"],
                    record=Path(record), cwd=staging, environment=environment, owner=self._owner, on_line=told,
                    watch=watch)

        return with_the_cause(self.version(), [*command, *arguments], run, on_line)

    def _give_away(self, folder: Path) -> None:
        if self._owner is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, *self._owner)

    def _pid(self) -> int | None:
        found = _PID.search(self._run("neo4j", "status").stdout)
        return int(found[1]) if found else None

    def _environment(self) -> dict[str, str]:
        return clean_environment() | {"NEO4J_HOME": str(self._home), "NEO4J_CONF": str(self._conf)}

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        user, group = self._owner or (None, None)
        return subprocess.run(
            [str(self._home / "bin" / program), *arguments], cwd=self._home, env=self._environment(),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, user=user, group=group,
            extra_groups=None if self._owner is None else [])


def _owner_of(data: Path) -> tuple[int, int] | None:
    """Give the user and group that own a data folder when we, being root, have to act for them.

    Raises:
        RefusedError: It is not there, or another user's than ours.
    """
    try:
        found = data.stat()
    except OSError as error:
        raise RefusedError(f"the data folder {data} cannot be seen: {error.strerror}",
                           hint="see server.directories.data in neo4j.conf, and whose folder it is") from error
    ours = os.geteuid()
    if ours == found.st_uid:
        return None
    if ours == 0:
        return found.st_uid, found.st_gid
    try:
        name = pwd.getpwuid(found.st_uid).pw_name
    except KeyError:
        name = f"#{found.st_uid}"
    raise RefusedError(f"the data folder {data} is user {name}'s, and a store that we make there would not be",
                       hint=f"run the command as that user: sudo -u {name} …", owner=name)


def _service_of(pid: int) -> str | None:
    """Name the systemd service that a process belongs to, unless we belong to it ourselves."""
    theirs, ours = (_SERVICE.findall(_cgroup(one)) for one in (str(pid), "self"))
    return next((name for name in theirs if name not in ours), None)


def _cgroup(process: str) -> str:
    try:
        return Path("/proc", process, "cgroup").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _tail(answer: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in (answer.stdout + answer.stderr).splitlines() if line.strip()]
    return " / ".join(lines[-TAIL_LINES:]) or f"code {answer.returncode}"
