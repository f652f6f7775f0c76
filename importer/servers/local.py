"""The local Neo4j of one home folder: start, stop, status, logs; knows nothing of graphs, bundles or the admin tool."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from filelock import BaseFileLock, FileLock, Timeout
from neo4j.exceptions import AuthError

from importer.servers import bolt, logs, process
from importer.servers.files import PASSWORD, read_password, write_launch_files
from importer.servers.runtime import (
    Runtime,
    clean_environment,
    further_java_options,
    module_path,
    resolve,
    version_key,
)
from importer.servers.settings import (
    DEFAULT_HEAP,
    DEFAULT_PAGE_CACHE,
    DEFAULT_PORT,
    DEFAULT_VERSION,
    HOST,
    START_SECONDS,
    STOP_SECONDS,
    check_config,
    check_port,
    check_size,
)
from importer.servers.sharing import prepare_sharing, sharing_options
from importer.servers.state import Record, read_record, unwritable, write_record
from synthgen.errors import LockedError, RefusedError, ServerError
from synthgen.progress import Progress, silent

USER = "neo4j"
POLL_SECONDS = 0.1
PORT_SECONDS = 5.0
NEARBY_PORTS = 100
PORT_ATTEMPTS = 5
PORT_TAKEN = "Address already in use"
_NO_DATABASE = ("mend what it says, or begin in another --home, from a snapshot (`importer restore`) or a dump"
                " (--load-dump); ")


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What can be said of a local server; all paths absolute."""

    state: Literal["running", "starting", "stopped"]
    version: str
    uri: str
    user: str
    password_file: str
    home: str
    port: int
    heap: str
    page_cache: str
    pid: int | None


class LocalServer:
    """The Neo4j that lives in one folder.

    Args:
        home: Its folder; made by the first start. A relative path counts from the current folder of now.
        progress: Told of the download when a version is used for the first time.
    """

    def __init__(self, home: Path, *, progress: Progress = silent) -> None:
        self.home = Path(home).resolve()
        self.password_file = self.home / PASSWORD
        self._progress = progress

    def start(
        self,
        *,
        version: str | None = None,
        port: int | None = None,
        heap: str | None = None,
        page_cache: str | None = None,
        config: Mapping[str, str] | None = None,
        timeout_s: float = START_SECONDS,
    ) -> ServerStatus:
        """Start the server and wait until it lets us in; does nothing when it runs already.

        Whatever is not given is as at the last start, or else the default. A port that was not asked for gives way
        to a free one when it is taken.

        Raises:
            UsageError: A value is not what it should be.
            RefusedError: It runs with other settings than asked for, or its store was made by a newer version.
            LockedError: Another start or stop of it takes longer than `timeout_s`.
            ServerError: It does not come up; the message holds the end of its log.
        """
        given = check_options(version=version, port=port, heap=heap, page_cache=page_cache, config=config)
        with self._locked(timeout_s):
            record = read_record(self.home)
            if record is None or not record.is_alive():
                record = self._launch(record, given, timeout_s)
            else:
                self._check_same(record, given)
                if not record.ready:
                    self._wait_until_ready(record, timeout_s)
            write_record(self.home, replace(record, ready=True))
        return self.status()

    def stop(self, *, timeout_s: float = STOP_SECONDS) -> ServerStatus:
        """Stop the server cleanly and wait for its end; does nothing when it is stopped already.

        Raises:
            LockedError: Another start or stop of it takes longer than `timeout_s`.
            ServerError: It did not end in time and was killed.
        """
        if read_record(self.home) is None:
            return self.status()
        with self._locked(timeout_s):
            record = read_record(self.home)
            if record is not None and record.pid is not None:
                self._end(record, timeout_s)
        return self.status()

    def status(self) -> ServerStatus:
        """Say how the server is; changes nothing, and a server that is down is an answer."""
        record = read_record(self.home) or self._new_record()
        state: Literal["running", "starting", "stopped"] = "stopped"
        if record.is_alive():
            state = "running" if record.ready or self._answers(record) else "starting"
        return ServerStatus(
            state=state,
            version=record.version,
            uri=record.uri,
            user=USER,
            password_file=str(self.password_file),
            home=str(self.home),
            port=record.port,
            heap=record.heap,
            page_cache=record.page_cache,
            pid=record.pid if state != "stopped" else None,
        )

    def logs(self, lines: int = 50) -> dict[str, list[str]]:
        """Give the last lines of each log that there is, by its path."""
        return logs.last_lines(self.home, lines)

    def password(self) -> str:
        """Read the password of user `neo4j`.

        Raises:
            ServerError: There is none, or it cannot be read.
        """
        return read_password(self.home)

    def _launch(self, last: Record | None, given: Mapping[str, object], timeout_s: float) -> Record:
        wanted = replace(last or self._new_record(), **given, pid=None, mark=None, ready=False)  # type: ignore[arg-type] # checked one by one in start
        if last is not None and version_key(wanted.version) < version_key(last.version):
            raise RefusedError(
                f"the store in {self.home} was made by Neo4j {last.version}, which {wanted.version} cannot read",
                hint=f"start it with --neo4j-version {last.version}, or take another --home",
                store_version=last.version, asked_version=wanted.version)
        runtime = resolve(wanted.version, progress=self._progress)
        prepare_sharing(runtime, progress=self._progress)
        attempts = 1 if "port" in given else PORT_ATTEMPTS
        if last is not None and last.pid is not None and last.port == wanted.port:
            _wait_for_port(last.port)
        for attempt in range(1, attempts + 1):
            port = self._choose_port(wanted.port, explicit="port" in given)
            try:
                return self._launch_once(runtime, replace(wanted, port=port), timeout_s)
            except ServerError as error:
                # Between our look at the port and the server's use of it, another program took it.
                if attempt == attempts or PORT_TAKEN not in str(error.facts.get("log")):
                    raise
        raise AssertionError

    def _launch_once(self, runtime: Runtime, wanted: Record, timeout_s: float) -> Record:
        write_launch_files(self.home, runtime, wanted, sharing_options(runtime))
        record = self._spawn(wanted)
        try:
            self._wait_until_ready(record, timeout_s)
        except BaseException:
            self._end(record, STOP_SECONDS)
            raise
        return record

    def _new_record(self) -> Record:
        return Record(home=str(self.home), version=DEFAULT_VERSION, port=DEFAULT_PORT, heap=DEFAULT_HEAP,
                      page_cache=DEFAULT_PAGE_CACHE)

    def _spawn(self, wanted: Record) -> Record:
        further_java_options()  # what is wrong with them is said here, where someone reads it
        environment = {**clean_environment(), "PYTHONPATH": module_path()}
        command = [sys.executable, "-P", "-m", "importer.servers._serve", str(self.home)]
        with logs.server_log(self.home).open("ab") as log, subprocess.Popen(
                command, cwd=self.home, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                start_new_session=True) as child:
            pid = int(child.stdout.readline() or 0) if child.stdout else 0
            mark = process.find_mark(pid) if pid else None
            if mark is None or child.stdin is None:
                raise self._failed("could not be started")
            record = replace(wanted, pid=pid, mark=mark)
            write_record(self.home, record)
            # It waits for this line: no server runs that is not on record, even if we are killed just here.
            with suppress(BrokenPipeError):
                child.stdin.write(b"go\n")
                child.stdin.flush()
        return record

    def _choose_port(self, port: int, *, explicit: bool) -> int:
        nearby = () if explicit else (*range(DEFAULT_PORT, DEFAULT_PORT + NEARBY_PORTS), 0)
        free = bolt.find_free_port((port, *nearby))
        if free is None:
            raise ServerError(f"port {port} on {HOST} is taken by another program",
                              hint="choose another --port, or leave it out and a free one is taken", port=port)
        return free

    def _check_same(self, record: Record, given: Mapping[str, object]) -> None:
        differing = [name for name, value in given.items() if getattr(record, name) != value]
        if differing:
            said = ", ".join(f"{name.replace('_', ' ')} {getattr(record, name)}, not {given[name]}"
                             for name in differing)
            raise RefusedError(f"the server in {self.home} is running with {said}",
                               hint="stop it first: importer server stop", home=str(self.home), differing=differing)

    def _wait_until_ready(self, record: Record, timeout_s: float) -> None:
        until = time.monotonic() + timeout_s
        while not self._answers(record):
            if not record.is_alive():
                raise self._failed("ended before it was up")
            if self._is_up(record) and bolt.has_no_database(record.port, USER, self.password()):
                raise self._failed("cannot start its database", logs.cause_of_database(self.home), _NO_DATABASE)
            if time.monotonic() > until:
                raise self._failed(f"did not answer on {record.uri} within {timeout_s:g} s")
            time.sleep(POLL_SECONDS)

    def _answers(self, record: Record) -> bool:
        if not self._is_up(record):
            return False
        try:
            return bolt.answers(record.port, USER, self.password())
        except AuthError as error:
            raise ServerError(f"the server in {self.home} does not accept the password in {self.password_file}",
                              hint="put the right password into that file") from error

    def _is_up(self, record: Record) -> bool:
        # Until the process says so, another program may be what listens on the port; it must not see our password.
        up = self.home / "conf" / "up"
        return up.is_file() and up.read_text(encoding="ascii") == str(record.pid)

    def _failed(self, what: str, cause: list[str] | None = None, hint: str = "") -> ServerError:
        cause = cause or logs.cause_of(self.home)
        return ServerError("\n  ".join([f"the server in {self.home} {what}; its log says:", *cause]),
                           hint=f"{hint}see `importer server logs`", log=cause)

    def _end(self, record: Record, timeout_s: float) -> None:
        clean = True
        if record.is_alive() and record.pid is not None and record.mark is not None:
            try:
                # Closing its log would write the rest of what failed into it, and no start could read that.
                if record.ready and bolt.has_broken_down_at(record.port, USER, self.password()):
                    process.kill(record.pid, record.mark)
                    _wait_for_port(record.port)
                else:
                    clean = process.end(record.pid, record.mark, timeout_s=timeout_s)
            except TimeoutError as error:
                raise ServerError(f"the server in {self.home} does not end: {error}",
                                  hint=f"end process {record.pid} by hand", pid=record.pid) from error
        write_record(self.home, replace(record, pid=None, mark=None, ready=False))
        if not clean:
            raise ServerError(f"the server in {self.home} did not end within {timeout_s:g} s and was killed",
                              hint="the next start recovers its store; see `importer server logs`", pid=record.pid)

    @contextmanager
    def _locked(self, timeout_s: float) -> Iterator[None]:
        lock = FileLock(self.home / ".lock")
        try:
            self._acquire(lock, timeout_s)
            yield
        finally:
            # An interrupt may come when it is ours already and we have not heard of it yet.
            lock.release()

    def _acquire(self, lock: BaseFileLock, timeout_s: float) -> None:
        try:
            self.home.parent.mkdir(parents=True, exist_ok=True)
            self.home.mkdir(mode=0o700, exist_ok=True)
            lock.acquire(timeout=timeout_s)
        except Timeout as error:
            raise LockedError(f"another start or stop of the server in {self.home} is under way",
                              hint="wait for it to end", home=str(self.home)) from error
        except OSError as error:
            raise unwritable(self.home, error) from error


def _wait_for_port(port: int) -> None:
    """Wait a little for the port of a server that was killed: a process is gone a moment before its ports are."""
    until = time.monotonic() + PORT_SECONDS
    while bolt.find_free_port((port,)) is None and time.monotonic() < until:
        time.sleep(POLL_SECONDS)


def find_local(home: Path) -> ServerStatus | None:
    """Find the local server of a home folder; None when it does not run."""
    status = LocalServer(home).status()
    return status if status.state == "running" else None


def check_options(
    *, version: str | None, port: int | None, heap: str | None, page_cache: str | None,
    config: Mapping[str, str] | None,
) -> dict[str, object]:
    """Give those of the options of a start that are given, checked.

    Raises:
        UsageError: A value is not what it should be.
    """
    asked = {
        "version": version if version is None else _checked_version(version),
        "port": port if port is None else check_port(port),
        "heap": heap if heap is None else check_size("heap", heap),
        "page_cache": page_cache if page_cache is None else check_size("page cache", page_cache),
        "config": config if config is None else check_config(config),
    }
    return {name: value for name, value in asked.items() if value is not None}


def _checked_version(version: str) -> str:
    version_key(version)
    return version
