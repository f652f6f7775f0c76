"""Whether a port is free and whether a Bolt server lets us in; knows no home folder and no process."""

from __future__ import annotations

import socket
from collections.abc import Iterable

import neo4j
from neo4j.exceptions import DriverError, Neo4jError

from importer.servers.settings import HOST

CONNECT_SECONDS = 5.0


def answers(port: int, user: str, password: str) -> bool:
    """Say whether a server lets us in and its database `neo4j` answers.

    Raises:
        neo4j.exceptions.AuthError: It does not accept this user and password.
    """
    try:
        # The driver takes seconds to give up on a port where nobody listens.
        socket.create_connection((HOST, port), timeout=CONNECT_SECONDS).close()
    except OSError:
        return False
    uri = f"bolt://{HOST}:{port}"
    try:
        with neo4j.GraphDatabase.driver(uri, auth=(user, password), connection_timeout=CONNECT_SECONDS) as driver, \
                driver.session(database="neo4j") as session:
            session.run("RETURN 1").consume()
    except neo4j.exceptions.AuthError:
        raise
    except (DriverError, Neo4jError, OSError):
        return False
    return True


def find_free_port(candidates: Iterable[int]) -> int | None:
    """Find the first port that nobody listens on; candidate 0 is any that the system gives."""
    for candidate in candidates:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return None
