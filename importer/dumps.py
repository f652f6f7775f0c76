"""Dumps of a local server's database: into a home that holds nothing, and out of one; knows no bundle and no graph.

A dump is unpacked and migrated beside the store in use and takes its place with one swap, so that a failure or a kill
leaves the home as it was.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from importer.building import LEAST_SPACE
from importer.census import count_totals
from importer.dump_files import DAMAGED_HINT, check_dump
from importer.schema_choice import LOOKUP, has_generated_name
from importer.servers.admin import AdminTool
from importer.servers.local import USER, LocalServer, ServerStatus, check_options
from importer.servers.local_target import DATABASE, LocalTarget
from importer.servers.runtime import Runtime, resolve
from importer.servers.settings import DEFAULT_HEAP
from importer.servers.state import unwritable
from importer.servers.target import Make
from importer.settle import settle
from importer.store import begin, check_room, drop_old, forget, hold, put_back, staging_folder, swap
from synthgen.database import Address, connect
from synthgen.errors import RefusedError, ServerError, SynthError
from synthgen.progress import Progress, silent
from synthgen.snapshot.schema import read_schema

FILE = f"{DATABASE}.dump"
# A migration writes the files that it changes anew beside the old ones.
STORE_TO_DISK = 2
_PERCENT = re.compile(r"data:\s+(\d{1,3})\.\d%")
_NEWER = re.compile(r"newer version|highest supported Kernel Version")
_ENTERPRISE = re.compile(r"unavailable in this edition|Can not read store version|Unknown store version")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came out of a dump.

    Attributes:
        server: The server that now serves it.
        nodes: How many there are.
        relationships: How many there are.
    """

    server: ServerStatus
    nodes: int
    relationships: int


def start_with_dump(server: LocalServer, file: Path, options: Mapping[str, Any], progress: Progress = silent) -> Loaded:
    """Put a dump into a home that holds no node and no relationship, and start the server on it.

    Args:
        server: The server of that home, running or not, or never started.
        file: The dump, of any name; of a Neo4j that is not newer than the server's.
        options: As `LocalServer.start` takes them.
        progress: Told of the percent that are unpacked.

    Raises:
        UsageError: There is no such file, or it is no dump.
        RefusedError: The home holds something, the disk is too small, or the server cannot read such a store.
        LockedError: A load is at work in the home.
        ServerError: The dump is damaged, or the server does not come up; the home is as it was.
    """
    # Said before anything is unpacked, which may take long.
    check_options(**{name: value for name, value in options.items() if name != "timeout_s"})
    unpacked = check_dump(file, progress)
    runtime = resolve(options.get("version") or server.status().version, progress=progress)
    heap = options.get("heap") or DEFAULT_HEAP
    try:
        server.home.parent.mkdir(parents=True, exist_ok=True)
        server.home.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise unwritable(server.home, error) from error
    _check_space(server.home, LEAST_SPACE + STORE_TO_DISK * unpacked)
    target = LocalTarget(server)
    with hold(target):
        settle(target, start=False)
        ran = server.status().state != "stopped"
        try:
            _check_holds_nothing(server, options)
            begin(target, f"the dump {file.name}")
            _stage(runtime, server, file, heap, progress)
            # What came in since the first look would be lost.
            _check_holds_nothing(server, options)
            # Where no server was started yet, these stand for the store that the new one takes the place of.
            target.files.do([Make(part.in_use) for part in target.layout.parts("")])
            swap(target, lambda: server.start(**options))
            address = _address_of(server)
            with connect(address) as driver:
                nodes, relationships = count_totals(driver, address)
            drop_old(target)
            forget(target)
        except BaseException:
            put_back(target)
            if not ran:
                server.stop()
            raise
    return Loaded(server.status(), nodes, relationships)


def write_dump(server: LocalServer, file: Path, progress: Progress = silent) -> int:
    """Dump the database of a stopped server; the file appears whole or not at all.

    Returns:
        Its bytes.

    Raises:
        RefusedError: The file exists, the server runs, or there is no database.
        LockedError: A load is at work in the home.
        ServerError: The dump could not be made; nothing is left behind.
    """
    if file.exists():
        raise RefusedError(f"{file} exists already", hint="choose another name, or remove it", file=str(file))
    status = server.status()
    if not _has_store(server.home):
        raise RefusedError(f"there is no database in {server.home}", hint="name its folder with --home")
    target = LocalTarget(server)
    with hold(target):
        settle(target, start=False)
        if server.status().state != "stopped":
            raise RefusedError(f"the server in {server.home} runs, and only a database that rests can be dumped",
                               hint="stop it first: importer server stop", home=str(server.home))
        try:
            with tempfile.TemporaryDirectory(prefix=f".{file.name}.", dir=file.parent) as folder:
                AdminTool(resolve(status.version, progress=progress), server.home).run(
                    ["database", "dump", DATABASE, f"--to-path={folder}"],
                    on_line=_percentages("dumping (percent)", progress), watch=_watch(file.parent))
                (Path(folder) / FILE).rename(file)
        except OSError as error:
            raise ServerError(f"{file} cannot be written: {error.strerror or error}",
                              hint="free space, or choose another folder", file=str(file)) from error
    return file.stat().st_size


def _check_space(home: Path, needed: int) -> None:
    free = shutil.disk_usage(home).free
    if free < needed:
        raise RefusedError(f"the store in the dump needs about {needed / 1e6:,.0f} MB of disk in {home} and"
                           f" {free / 1e6:,.0f} MB are free", hint="free some space, or take another --home",
                           needed_bytes=needed, free_bytes=free)


def _check_holds_nothing(server: LocalServer, options: Mapping[str, Any]) -> None:
    """Look into the database of a home that has one; for this its server is started."""
    if not _has_store(server.home):
        return
    server.start(**options)
    address = _address_of(server)
    with connect(address) as driver:
        nodes, relationships = count_totals(driver, address)
        # Lookup indexes are there from the start.
        schema = [item.name for item in read_schema(driver, address)
                  if item.type != LOOKUP or not has_generated_name(item)]
    if nodes or relationships or schema:
        raise RefusedError(
            f"the database in {server.home} holds {nodes:,} nodes, {relationships:,} relationships and"
            f" {len(schema)} indexes and constraints already", hint="load the dump into another --home",
            nodes=nodes, relationships=relationships, schema=schema)


def _address_of(server: LocalServer) -> Address:
    return Address(server.status().uri, USER, server.password(), home=server.home)


def _has_store(home: Path) -> bool:
    return any((home / "data" / "databases" / DATABASE).glob("*"))


def _watch(folder: Path) -> Callable[[], None]:
    return lambda: check_room(str(folder), shutil.disk_usage(folder).free)


def _stage(runtime: Runtime, server: LocalServer, file: Path, heap: str, progress: Progress) -> None:
    staging = Path(staging_folder(LocalTarget(server)))
    # Neo4j looks for a dump by the database's name.
    source = staging / "dump"
    source.mkdir()
    (source / FILE).symlink_to(file.resolve())
    admin = AdminTool(runtime, server.home, data_dir=staging / "data", heap=heap)
    for command in (["load", DATABASE, f"--from-path={source}"],
                    # Has nothing to do when the store is of this version already.
                    ["migrate", DATABASE, "--force-btree-indexes-to-range"]):
        try:
            admin.run(["database", *command], on_line=_percentages("unpacking (percent)", progress),
                      watch=_watch(server.home))
        except ServerError as error:
            raise _explained(error, file, runtime) from error


def _explained(error: ServerError, file: Path, runtime: Runtime) -> SynthError:
    """Say what Neo4j's words on a dump mean for the user; what it did not say itself stays as it is."""
    if "code" not in error.facts:
        return error
    if _NEWER.search(error.message):
        return RefusedError(f"the store in {file} was made by a Neo4j newer than {runtime.version}:\n  {error.message}",
                            hint="load it with a later --neo4j-version, such as 2026.09.0", **error.facts)
    if _ENTERPRISE.search(error.message):
        return RefusedError(f"the store in {file} is of a format that Neo4j Community cannot read:\n  {error.message}",
                            hint="with Neo4j Enterprise, `neo4j-admin database copy --copy-schema --to-format=aligned`"
                                 " it and dump the copy", **error.facts)
    return ServerError(f"the dump {file} cannot be loaded:\n  {error.message}", hint=DAMAGED_HINT, **error.facts)


def _percentages(phase: str, progress: Progress) -> Callable[[str], None]:
    def read(line: str) -> None:
        percent = _PERCENT.search(line)
        if percent:
            progress(phase, int(percent[1]), 100)

    return read
