"""Fixtures for all tests: one real server for the session, an empty database for each test."""

from __future__ import annotations

import os
import random
import socket
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

import neo4j
import neo4j.api
import pytest
from hypothesis import settings

from importer.servers.local import LocalServer
from importer.servers.local_target import find_local_target
from importer.settle import settle_at
from synthgen.database import Address, connect, quote
from tests.stores import Store, running_store
from tests.workshop import Workshop

LONGEST = (
    "integration/test_every_value.py", "faults/test_interrupted.py", "faults/test_network.py",
    "integration/test_path.py", "faults/test_client_killed.py", "faults/test_server_killed.py",
    "integration/test_asking.py", "integration/test_wrong_use.py", "integration/test_compose.py",
    "integration/test_half_way.py", "integration/test_api.py", "integration/test_online.py",
    "integration/test_schema.py", "integration/test_script.py", "contract/test_loaders.py",
    "integration/test_dumps.py", "integration/test_query_bench.py", "integration/test_events.py",
)
"""The files whose tests take minutes, longest first."""
HEAP = "768m"
NEWER_VERSION = "2026.09.0"
# Dozens of servers live for seconds here, and Java spends most of these on compiling what it runs a few times.
os.environ.setdefault("SYNTHGEN_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
# How long an example takes says more about the machine than about us.
settings.register_profile("patient", settings(), deadline=None)
settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: a long file that began last would leave all processes but one idle."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(LONGEST)))


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
    """Find a port that nobody listens on, and that no connection of others gets by itself while a server restarts."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("none of 100 ports is free")


def empty(driver: neo4j.Driver, database: str, rows: int = 10_000) -> None:
    """Remove all nodes and the whole schema, but for the two lookup indexes of a new database, which are awaited."""
    with driver.session(database=database) as session:
        while session.run("MATCH (n) WITH n LIMIT $rows DETACH DELETE n", rows=rows).consume().counters.nodes_deleted:
            continue
        own = "type <> 'LOOKUP' OR NOT name =~ 'index_[0-9a-f]{1,8}'"
        for kind, listed in (("CONSTRAINT", "CONSTRAINTS"), ("INDEX", f"INDEXES WHERE {own}")):
            for name in session.run(f"SHOW {listed}").value("name"):
                session.run(f"DROP {kind} {quote(name)} IF EXISTS").consume()
        for pattern in ("(n) ON EACH labels(n)", "()-[r]-() ON EACH type(r)"):
            session.run(f"CREATE LOOKUP INDEX IF NOT EXISTS FOR {pattern}").consume()
        session.run("CALL db.awaitIndexes(60)").consume()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """One real Neo4j for the whole session, reached as its own user."""
    with running_server(tmp_path_factory.mktemp("neo4j")) as address:
        yield address


@pytest.fixture(scope="session")
def newer_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """One real Neo4j of the newer line for the whole session."""
    with running_server(tmp_path_factory.mktemp("neo4j"), version=NEWER_VERSION) as address:
        yield address


@pytest.fixture(scope="session")
def server_driver(server: Address) -> Iterator[neo4j.Driver]:
    """A driver to the session's server, for the whole session; offline loads restart that server now and then."""
    with _lasting_driver(server) as driver:
        yield driver


@pytest.fixture(scope="session")
def newer_driver(newer_server: Address) -> Iterator[neo4j.Driver]:
    """A driver to that server, for the whole session."""
    with _lasting_driver(newer_server) as driver:
        yield driver


def _lasting_driver(server: Address) -> neo4j.Driver:
    driver = neo4j.GraphDatabase.driver(server.uri, auth=(server.user, server.password), liveness_check_timeout=0.5,
                                        notifications_min_severity="OFF")
    # It outlives exchanges of the store: a new one would be asked in vain for the transactions of the old one.
    driver._query_bookmark_manager = _Forgetful()
    return driver


class _Forgetful(neo4j.api.BookmarkManager):
    """Keeps no bookmark."""

    def update_bookmarks(self, previous_bookmarks: Collection[str], new_bookmarks: Collection[str]) -> None:
        """Forget them."""

    def get_bookmarks(self) -> Collection[str]:
        """Give none."""
        return ()


@pytest.fixture
def database(server: Address, server_driver: neo4j.Driver) -> tuple[neo4j.Driver, Address]:
    """An empty database without schema, with a driver to it."""
    empty(server_driver, server.database)
    return server_driver, server


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """An S3 server of the module's own, with one bucket."""
    with running_store(free_port(), tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture(scope="module")
def workshop(
    server: Address, server_driver: neo4j.Driver, tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Workshop]:
    """An out folder of the module's own and the session's server, empty before and after."""
    with _open_workshop(server, server_driver, tmp_path_factory) as opened:
        yield opened


@pytest.fixture(scope="module")
def newer_workshop(
    newer_server: Address, newer_driver: neo4j.Driver, tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Workshop]:
    """The same with the session's server of the newer line."""
    with _open_workshop(newer_server, newer_driver, tmp_path_factory) as opened:
        yield opened


@contextmanager
def _open_workshop(
    server: Address, driver: neo4j.Driver, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workshop]:
    empty(driver, server.database)
    out = tmp_path_factory.mktemp("work shop") / "out"
    out.mkdir()
    try:
        yield Workshop(out, server, driver)
    finally:
        settle_at(find_local_target(server), start=False)
        LocalServer(server.home).start()
        empty(driver, server.database)


@pytest.fixture(scope="session")
def little_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """A server whose transactions may take 2 MiB of memory, for the whole session."""
    with running_server(tmp_path_factory.mktemp("neo4j"), {"db.memory.transaction.max": "2m"}) as address:
        yield address


@pytest.fixture
def little_database(little_server: Address) -> Iterator[tuple[neo4j.Driver, Address]]:
    """An empty database on the server with little memory, with a driver to it."""
    with connect(little_server) as driver:
        empty(driver, little_server.database, rows=100)
        yield driver, little_server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[..., Address]]:
    """Start servers with settings of the test's own; all are stopped at its end."""
    with ExitStack() as running:
        def start(config: Mapping[str, str] | None = None, version: str | None = None) -> Address:
            return running.enter_context(running_server(Path(mkdtemp(dir=tmp_path)), config, version))

        yield start


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 300 MB, in memory; only root can have one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = os.geteuid() == 0 and not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", str(disk)], check=False, capture_output=True).returncode
    if not mounted:
        pytest.skip("only root, where mounting is allowed, can make a small disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
