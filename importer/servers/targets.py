"""Which server's store a command may exchange, by flag, environment or `synthgen.toml`; does nothing to it."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path

from importer.servers.compose import Compose
from importer.servers.containers import find_service
from importer.servers.installed import Installed
from importer.servers.local_target import find_local_target
from importer.servers.target import Target
from synthgen.config import out_folder, setting
from synthgen.database import Address
from synthgen.errors import UsageError

KINDS = ("local", "installed", "compose")
DEFAULT_SERVICE = "neo4j"
_ADDRESS_HINT = "set NEO4J_URI, NEO4J_USER and NEO4J_PASSWORD, or use --uri, --user and --password-file"


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """What a command was told of the server whose store it may exchange.

    Attributes:
        target: One of `KINDS`; when it is not said, what else is said tells.
        neo4j_home: Home of an installed Neo4j; NEO4J_HOME when the kind alone is said.
        neo4j_conf: The folder that its `neo4j.conf` is in; NEO4J_CONF, or `conf` below home.
        compose_file: The compose file.
        service: The service in it, `neo4j` by default.
    """

    target: str | None = None
    neo4j_home: Path | None = None
    neo4j_conf: Path | None = None
    compose_file: Path | None = None
    service: str | None = None


def find_target(address: Address, options: TargetOptions | None = None, *, out: Path | None = None) -> Target | None:
    """Find the server whose store may be exchanged; None when there is none, as for a server somewhere else.

    Args:
        address: How the server lets us in.
        options: Flags; environment and `synthgen.toml` count for what they leave out.
        out: The out folder, for files that an import in containers reads.

    Raises:
        UsageError: The kind is not one, things of two kinds are said, or a place or an address is missing.
        RefusedError: The server's store is one that we must not touch.
    """
    given = options or TargetOptions()
    flags = {one.name: getattr(given, one.name) for one in fields(TargetOptions)}
    named = _kinds_of(flags)
    # A kind of server that a flag names is meant, whatever environment and file say of another kind.
    said = flags if named else {name: setting(name, value) for name, value in flags.items()}
    kinds = named or _kinds_of(said)
    if len(kinds) > 1:
        raise UsageError(f"targets of two kinds are named: {' and '.join(sorted(kinds))}",
                         hint="name one, with --target")
    [kind] = kinds or ["local" if address.home is not None else None]
    if kind is None or kind == "local":
        return find_local_target(address)
    if kind not in KINDS:
        raise UsageError(f"--target {kind!r} is not a kind of server", hint="one of " + ", ".join(KINDS))
    if address.home is not None:
        raise UsageError(f"{address.uri} is the local server's address, not that of a target {kind!r}",
                         hint=_ADDRESS_HINT)
    return _installed(address, said) if kind == "installed" else _compose(address, said, out)


def _kinds_of(said: dict[str, str | None]) -> set[str]:
    if said["target"] is not None:
        return {str(said["target"])}
    of_kind = {"installed": ("neo4j_home", "neo4j_conf"), "compose": ("compose_file", "service")}
    return {kind for kind, names in of_kind.items() if any(said[name] is not None for name in names)}


def _installed(address: Address, said: dict[str, str | None]) -> Target:
    home = said["neo4j_home"] or setting("neo4j_home") or os.environ.get("NEO4J_HOME")
    if home is None:
        raise UsageError("the home of the installed Neo4j is not known", hint="name it with --neo4j-home")
    conf = said["neo4j_conf"] or setting("neo4j_conf") or os.environ.get("NEO4J_CONF")
    return Installed(Path(home), address, conf=None if conf is None else Path(conf))


def _compose(address: Address, said: dict[str, str | None], out: Path | None) -> Target:
    file = said["compose_file"] or setting("compose_file")
    if file is None:
        raise UsageError("the compose file is not known", hint="name it with --compose-file")
    service = said["service"] or setting("service") or DEFAULT_SERVICE
    return Compose(find_service(Path(file), service), address, out_folder(out))
