"""Options of commands that may exchange a server's store; knows no server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from synthgen.options import DATABASE_OPTIONS, with_finder

EXAMPLE = "\n\nExample: `{}`"
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
TimeLimitOption = Annotated[str | None, typer.Option(
    "--time-limit", metavar="TIME", help="online: stop half-way when writing has taken so long, such as 10m; no limit"
    " by default.")]
BatchTimeLimitOption = Annotated[str | None, typer.Option(
    "--batch-time-limit", metavar="TIME", help="online: end a transaction that takes longer and try its rows in halves;"
    " 45s by default.")]
RateLimitOption = Annotated[float | None, typer.Option(
    "--rate-limit", metavar="ROWS", help="online: write no more rows a second, so that others can use the server too;"
    " no limit by default.")]
MaxAttemptsOption = Annotated[int | None, typer.Option(
    "--max-attempts", metavar="NUMBER", help="online: try a transaction no more often; by default it is tried for a"
    " minute from its first failure on.")]


@dataclass(frozen=True, slots=True)
class Named:
    """What a command's options name.

    Attributes:
        address: Finds the `synthgen.database.Address` that they mean.
        said: Gives the `importer.servers.targets.TargetOptions` that they mean, completed; looks at no server.
        target_of: Finds the `importer.servers.target.Target` that they mean with this address, or None.
    """

    address: Callable[[], Any]
    said: Callable[[], Any]
    target_of: Callable[[Any], Any]


_TARGET_OPTIONS = {
    "target": Annotated[str | None, typer.Option(
        "--target", help="The kind of server whose store may be exchanged: local, installed or compose; told by the"
        " options below.")],
    "neo4j_home": Annotated[Path | None, typer.Option(
        "--neo4j-home", help="installed: the folder that Neo4j was unpacked into, with bin/neo4j-admin.")],
    "neo4j_conf": Annotated[Path | None, typer.Option(
        "--neo4j-conf", help="installed: the folder of its neo4j.conf; conf below its home by default.")],
    "compose_file": Annotated[Path | None, typer.Option("--compose-file", help="compose: the compose file.")],
    "service": Annotated[str | None, typer.Option(
        "--service", help="compose: the service in it; neo4j by default.")],
}


def names_target(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that name a database and its server, in the place of its parameter `find`."""
    def make_finder(named: dict[str, Any], out: Path | None) -> Named:
        said = {name: named[name] for name in _TARGET_OPTIONS}
        if named["home"] is not None and not any(said.values()):
            said["target"] = "local"

        def find_address() -> Any:
            from synthgen.database import find_address  # noqa: PLC0415 - a command that only says --help needs none

            return find_address(**{name: named[name] for name in DATABASE_OPTIONS}, out=out)

        def complete() -> Any:
            from importer.servers.targets import TargetOptions, complete  # noqa: PLC0415 - likewise

            return complete(TargetOptions(**said))

        def find_target(address: Any) -> Any:
            from importer.servers.targets import find_target  # noqa: PLC0415 - likewise

            return find_target(address, complete(), out=out)

        return Named(find_address, complete, find_target)

    return with_finder(command, DATABASE_OPTIONS | _TARGET_OPTIONS, make_finder)
