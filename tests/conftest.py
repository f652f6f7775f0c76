"""Fixtures for all tests: one real server for the session, an empty database for each test."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import mkdtemp

import neo4j
import pytest

from importer.servers.local import LocalServer
from synthgen.database import Address, connect, quote

HEAP = "768m"


def pytest_configure(config: pytest.Config) -> None:
    """Let the driver's own word about `verify_connectivity(database=…)` in `synthgen.database.connect` pass."""
    config.addinivalue_line("filterwarnings", "ignore:Passing key-word arguments to verify_connectivity")


@contextmanager
def running_server(
    home: Path, config: Mapping[str, str] | None = None, version: str | None = None,
) -> Iterator[Address]:
    """Run a server of a test's own in `home` and give its address."""
    server = LocalServer(home)
    status = server.start(port=free_port(), heap=HEAP, config=config, version=version)
    try:
        yield Address(status.uri, status.user, server.password_file.read_text(encoding="utf-8").strip(), home=home)
    finally:
        server.stop()


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def empty(driver: neo4j.Driver, database: str) -> None:
    """Remove all nodes and the whole schema."""
    with driver.session(database=database) as session:
        session.run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS").consume()
        for kind, listed in (("CONSTRAINT", "CONSTRAINTS"), ("INDEX", "INDEXES WHERE type <> 'LOOKUP'")):
            for name in session.run(f"SHOW {listed}").value("name"):
                session.run(f"DROP {kind} {quote(name)} IF EXISTS").consume()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """One real Neo4j for the whole session, reached as its own user."""
    with running_server(tmp_path_factory.mktemp("neo4j")) as address:
        yield address


@pytest.fixture(scope="session")
def server_driver(server: Address) -> Iterator[neo4j.Driver]:
    """A driver to the session's server, for the whole session."""
    with connect(server) as driver:
        yield driver


@pytest.fixture
def database(server: Address, server_driver: neo4j.Driver) -> tuple[neo4j.Driver, Address]:
    """An empty database without schema, with a driver to it."""
    empty(server_driver, server.database)
    return server_driver, server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[..., Address]]:
    """Start servers with settings of the test's own; all are stopped at its end."""
    with ExitStack() as running:
        def start(config: Mapping[str, str] | None = None, version: str | None = None) -> Address:
            return running.enter_context(running_server(Path(mkdtemp(dir=tmp_path)), config, version))

        yield start
