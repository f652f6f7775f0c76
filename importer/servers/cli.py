"""The commands `importer server start | stop | status | logs | dump`: options in, words out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from importer.servers.settings import (
    DEFAULT_HEAP,
    DEFAULT_PAGE_CACHE,
    DEFAULT_PORT,
    DEFAULT_VERSION,
    START_SECONDS,
    STOP_SECONDS,
)
from synthgen.config import server_home
from synthgen.errors import UsageError
from synthgen.options import ProgressOption
from synthgen.output import Output

if TYPE_CHECKING:
    from importer.dumps import Loaded
    from importer.servers.local import ServerStatus

server = typer.Typer(
    name="server", no_args_is_help=True, add_completion=False,
    help="Start, stop and look after the local Neo4j, on 127.0.0.1 only and with a password.")

Home = Annotated[Path | None, typer.Option(
    help="Folder of the server; several stand side by side.", show_default="out/neo4j")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@server.command(epilog="Example: importer server start --heap 2g --port 7690")
def start(
    home: Home = None,
    port: Annotated[int | None, typer.Option(
        help="Port for Bolt.", show_default=f"as before, or {DEFAULT_PORT}, or a free one near it")] = None,
    heap: Annotated[str | None, typer.Option(
        help="Java heap, such as 512m or 2g.", show_default=f"as before, or {DEFAULT_HEAP}")] = None,
    page_cache: Annotated[str | None, typer.Option(
        help="Neo4j's page cache.", show_default=f"as before, or {DEFAULT_PAGE_CACHE}")] = None,
    neo4j_version: Annotated[str | None, typer.Option(
        help="Neo4j's version; 2026.09.0 works too.", show_default=f"as before, or {DEFAULT_VERSION}")] = None,
    config: Annotated[list[str] | None, typer.Option(
        metavar="NAME=VALUE", help="A further Neo4j setting; may be repeated.", show_default=False)] = None,
    load_dump: Annotated[Path | None, typer.Option(
        help="A dump of Neo4j 4.4 or later to put into the database first, which must hold nothing.",
        show_default=False)] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait until it answers.")] = START_SECONDS,
    progress: ProgressOption = None,
    as_json: Json = False,
) -> None:
    """Start the local Neo4j and wait until it answers; does nothing when it runs already.

    With --load-dump a graph that someone has as a dump is unpacked, migrated to this version when it is of an older
    one, and put in place; a home that holds something is refused, and after a failure it is as it was.

    The first start of a version fetches it from Maven Central. The password is made up and kept in the file
    `password` in the server's folder, which only its owner can read.
    """
    from importer.dumps import start_with_dump
    from importer.servers.local import LocalServer

    output = Output(as_json=as_json, progress=progress)
    _settle(output, server_home(home))
    local = LocalServer(server_home(home), progress=output.events.progress)
    options: dict[str, Any] = {"version": neo4j_version, "port": port, "heap": heap, "page_cache": page_cache,
                               "timeout_s": timeout, "config": _settings(config) if config else None}
    loaded = start_with_dump(local, load_dump, options, output.events.progress) if load_dump is not None else None
    status = loaded.server if loaded else local.start(**options)
    if port is None and status.port != DEFAULT_PORT:
        output.say(f"note: listening on port {status.port}, not {DEFAULT_PORT}")
    _show(output, status, loaded)


@server.command(epilog="Example: importer server stop")
def stop(
    home: Home = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for a clean end.")] = STOP_SECONDS,
    as_json: Json = False,
) -> None:
    """Stop the local Neo4j cleanly; does nothing when it is stopped already, and refuses under a load that is alive."""
    from importer.servers.local import LocalServer

    output = Output(as_json=as_json)
    _settle(output, server_home(home))
    _show(output, LocalServer(server_home(home)).stop(timeout_s=timeout))


@server.command(epilog="Example: importer server status --json")
def status(home: Home = None, as_json: Json = False) -> None:
    """Say whether the local Neo4j runs, and where; a stopped server is an answer, not an error."""
    from importer.servers.local import LocalServer
    from importer.servers.local_target import LocalTarget
    from importer.store import read_journal

    output = Output(as_json=as_json)
    local = LocalServer(server_home(home))
    journal = read_journal(LocalTarget(local))
    if journal is not None:
        output.say(f"note: an offline load of {journal.operation} is under way, or was interrupted; the next command"
                   " settles it")
    _show(output, local.status())


@server.command(epilog="Example: importer server logs --lines 100")
def logs(
    home: Home = None,
    lines: Annotated[int, typer.Option(min=1, help="Lines of each log.")] = 50,
    as_json: Json = False,
) -> None:
    """Print the last lines of the local Neo4j's logs."""
    from importer.servers.local import LocalServer

    found = LocalServer(server_home(home)).logs(lines)
    text = "\n".join(line for path, tail in found.items() for line in (f"==> {path} <==", *tail))
    Output(as_json=as_json).result({"logs": found}, text or f"no logs in {server_home(home)}")


@server.command(epilog="Example: importer server dump graph.dump")
def dump(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")],
    home: Home = None,
    progress: ProgressOption = None,
    as_json: Json = False,
) -> None:
    """Write the database of the stopped local Neo4j as a dump, whole or not at all; --load-dump reads it again."""
    from importer.dumps import write_dump
    from importer.servers.local import LocalServer

    output = Output(as_json=as_json, progress=progress)
    _settle(output, server_home(home))
    tell = output.events.progress
    written = write_dump(LocalServer(server_home(home), progress=tell), file.absolute(), tell)
    output.result({"file": str(file.absolute()), "bytes": written}, f"dumped        {file}, {written:,} bytes")


def _settle(output: Output, home: Path) -> None:
    from importer.servers.local import LocalServer
    from importer.servers.local_target import LocalTarget
    from importer.settle import settle_at

    settled = settle_at(LocalTarget(LocalServer(home)), start=False)
    if settled is not None:
        output.say(settled.text)


def _show(output: Output, status: ServerStatus, loaded: Loaded | None = None) -> None:
    text = f"{status.state}  {status.home}"
    if status.state != "stopped":
        text = "\n".join((
            text,
            f"Neo4j {status.version}  {status.uri}  user {status.user}  heap {status.heap}  pid {status.pid}",
            f"password in {status.password_file}"))
    document = asdict(status)
    if loaded is not None:
        document["loaded"] = {"nodes": loaded.nodes, "relationships": loaded.relationships}
        text += f"\nholds {loaded.nodes:,} nodes, {loaded.relationships:,} relationships"
    output.result(document, text)


def _settings(pairs: list[str]) -> dict[str, str]:
    settings = {}
    for pair in pairs:
        name, is_pair, value = pair.partition("=")
        if not is_pair:
            raise UsageError(f"--config {pair!r} is not NAME=VALUE", hint="such as db.memory.transaction.max=64m")
        settings[name.strip()] = value.strip()
    return settings
