"""Which server a script is for: whose commands the script has, and what of the server is planned; asks nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from importer.servers.targets import DEFAULT_SERVICE, TargetOptions
from synthgen.database import DEFAULT_DATABASE, Address

DEFAULT_ADDRESS = "neo4j://localhost:7687"


@dataclass(frozen=True, slots=True)
class Planned:
    """A server as a script is planned for it.

    Attributes:
        commands: Whose commands the script has: the templates of this name.
        values: Values of the script that tell of the server.
        runner: Where the script is run, and as whom, for its README.
        variables: What of the environment says which server it is, likewise.
    """

    commands: str
    values: Mapping[str, str]
    runner: str
    variables: str


def plan_server(options: TargetOptions, address: Address | None) -> Planned:
    """Say which server a script is for.

    Args:
        options: What was said of it, as `importer.servers.targets.complete` gives it. Without a kind, or with the local
            server, which has no programs of its own, it is one with a home like the distribution's.
        address: How it lets us in, when it was reached.
    """
    database = (address.database if address is not None else DEFAULT_DATABASE).lower()
    if options.compose_file is not None:
        file, service = options.compose_file.absolute(), options.service or DEFAULT_SERVICE
        # The address is one within the container, where no port is another than the server's own.
        return Planned(
            "compose",
            {"file_planned": str(file), "service_planned": service, "address_planned": DEFAULT_ADDRESS,
             "database": database},
            "where `docker compose` looks after the server",
            f"COMPOSE_FILE ({file}), SERVICE ({service}), NEO4J_ADDRESS (in its container:\n{DEFAULT_ADDRESS})")
    home, conf = (_absolute(said or os.environ.get(name)) for said, name in (
        (options.neo4j_home, "NEO4J_HOME"), (options.neo4j_conf, "NEO4J_CONF")))
    uri = address.uri if address is not None else DEFAULT_ADDRESS
    return Planned("home", {"home_planned": home, "conf_planned": conf, "address_planned": uri, "database": database},
                   "there, as the user that runs the server", f"NEO4J_HOME, NEO4J_CONF, NEO4J_ADDRESS ({uri})")


def _absolute(path: str | Path | None) -> str:
    return str(Path(path).absolute()) if path else ""
