"""Which server's store a command may exchange, by flag, environment or `synthgen.toml`; does nothing to it."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

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
_NAMED_BY = {"installed": ("neo4j_home", "neo4j_conf"), "compose": ("compose_file", "service")}
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


def complete(options: TargetOptions | None = None) -> TargetOptions:
    """Add to what a command was told what environment, `synthgen.toml` and defaults say; no kind remains None.

    Raises:
        UsageError: The kind is not one, things of two kinds are said, or no compose file is for `compose`.
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
    kind = next(iter(kinds), None)
    if kind is not None and kind not in KINDS:
        raise UsageError(f"--target {kind!r} is not a kind of server", hint="one of " + ", ".join(KINDS))
    found = {name: said[name] or setting(name) for name in _NAMED_BY.get(kind or "", ())}
    if kind == "installed":
        found |= {name: value or os.environ.get(name.upper()) for name, value in found.items()}
    elif kind == "compose":
        found["service"] = found["service"] or DEFAULT_SERVICE
        if found["compose_file"] is None:
            raise UsageError("the compose file is not known", hint="name it with --compose-file")
    paths = {name: Path(value) for name, value in found.items() if name != "service" and value}
    return TargetOptions(kind, **paths, service=found.get("service"))


def find_target(address: Address, options: TargetOptions | None = None, *, out: Path | None = None) -> Target | None:
    """Find the server whose store may be exchanged; None when there is none, as for a server somewhere else.

    Args:
        address: How the server lets us in.
        options: Flags; environment and `synthgen.toml` count for what they leave out.
        out: The out folder, for files that an import in containers reads.

    Raises:
        UsageError: As `complete`, or the home of an installed server is not known, or the address is the local one's.
        RefusedError: The server's store is one that we must not touch.
    """
    said = complete(options)
    if said.target in {None, "local"}:
        return find_local_target(address)
    if address.home is not None:
        raise UsageError(f"{address.uri} is the local server's address, not that of a target {said.target!r}",
                         hint=_ADDRESS_HINT)
    if said.compose_file is not None:
        return Compose(find_service(said.compose_file, said.service or DEFAULT_SERVICE), address, out_folder(out))
    if said.neo4j_home is None:
        raise UsageError("the home of the installed Neo4j is not known", hint="name it with --neo4j-home")
    return Installed(said.neo4j_home, address, conf=said.neo4j_conf)


def _kinds_of(said: dict[str, Any]) -> set[str]:
    if said["target"] is not None:
        return {str(said["target"])}
    return {kind for kind, names in _NAMED_BY.items() if any(said[name] is not None for name in names)}
