"""Whether a port is free, whether a Bolt server lets us in, and who it is; knows no home folder and no process."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable

import neo4j
from neo4j.exceptions import DriverError, Neo4jError

from importer.servers.settings import HOST
from synthgen.database import Address, connect, has_broken_down
from synthgen.errors import NotAllowedError, ServerError, SynthError, UnreachableError

CONNECT_SECONDS = 5.0
POLL_SECONDS = 0.2
_STATUS = "SHOW DATABASE neo4j YIELD statusMessage"
_PROCESS = "CALL dbms.queryJmx('java.lang:type=Runtime') YIELD attributes RETURN attributes.Pid.value"


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


def has_broken_down_at(port: int, user: str, password: str) -> bool:
    """Say whether the database `neo4j` of a server is one that cannot write its log any more, until it is restarted."""
    try:
        with neo4j.GraphDatabase.driver(f"bolt://{HOST}:{port}", auth=(user, password),
                                        connection_timeout=CONNECT_SECONDS) as driver, \
                driver.session(database="neo4j") as session:
            session.run("RETURN 1").consume()
    except (DriverError, Neo4jError, OSError) as error:
        return has_broken_down(error)
    return False


def has_no_database(port: int, user: str, password: str) -> bool:
    """Say whether a server lets us in, and says that it failed to start its database `neo4j`."""
    try:
        with neo4j.GraphDatabase.driver(f"bolt://{HOST}:{port}", auth=(user, password),
                                        connection_timeout=CONNECT_SECONDS) as driver, \
                driver.session(database="system") as session:
            return any(session.run(_STATUS).value("statusMessage"))
    except (DriverError, Neo4jError, OSError):
        return False


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


def wait_until_up(address: Address, name: str, *, timeout_s: float) -> None:
    """Wait until a server that was started lets us in and its database answers.

    Raises:
        NotAllowedError: It does not accept user and password.
        ServerError: It does not answer in time.
    """
    until = time.monotonic() + timeout_s
    while True:
        try:
            with connect(address):
                return
        except NotAllowedError:
            raise
        except SynthError as error:
            # It may answer before its database does.
            if time.monotonic() > until:
                raise ServerError(f"{name} was started but does not answer at {address.uri} within {timeout_s:g} s:"
                                  f" {error.message}", hint="see the server's log") from error
        time.sleep(POLL_SECONDS)


def is_silent(address: Address) -> bool:
    """Say whether nobody answers at an address; a server that does not let us in answers."""
    try:
        with connect(address):
            return False
    except UnreachableError:
        return True
    except SynthError:
        return False


def find_pid(address: Address) -> int | None:
    """Ask a server for the number of its process; None when it does not answer or may not say."""
    try:
        with connect(address) as driver:
            [[attribute]] = driver.execute_query(_PROCESS, database_=address.database).records
    except (SynthError, ValueError):
        return None
    return int(attribute) if str(attribute).isdigit() else None
