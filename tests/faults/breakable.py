"""A server of a test's own with a base in it, that breaks and is mended while the product loads or rolls back."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from importer.online import OnlineOptions
from importer.operations import load, rollback
from importer.resilience import Resilience, Retries
from importer.scaling.settings import Scaling
from importer.servers.local import LocalServer
from importer.servers.state import read_record
from synthgen.bundle.read import Bundle, find_bundle
from synthgen.database import Address, connect, find_address
from synthgen.errors import StoppedHalfwayError, SynthError, UnreachableError
from synthgen.events import QUIET, Event, Phase, Stream
from synthgen.generate import generate
from synthgen.parameters import RandomParameters
from synthgen.snapshot.export import digest_database, export_snapshot

CLOCK = datetime(2026, 1, 1, tzinfo=UTC)
GROUPS = """
    CREATE (:Tenant {id: 't'})-[:CONTAINS]->(s:Subscription {id: '/subscriptions/s', name: 's'}) WITH s
    UNWIND range(0, 9) AS i
    CREATE (s)-[:CONTAINS]->(:ResourceGroup {id: s.id + '/resourceGroups/' + i, name: 'g' + i})"""
MACHINES = """
    MATCH (g:ResourceGroup) UNWIND range(0, 29) AS i MATCH (l:Region {name: 'region' + (i % 3)})
    CREATE (g)-[:CONTAINS]->(:Resource {id: g.id + '/providers/Microsoft.Compute/virtualMachines/' + i,
     name: 'vm' + i, type: 'Microsoft.Compute/virtualMachines', location: l.name})-[:LOCATED_IN]->(l)"""
BASE = ("UNWIND range(0, 2) AS i CREATE (:Region {id: 'region/' + i, name: 'region' + i})", GROUPS, MACHINES)
SMALL = Scaling.within((100, 300), (1, 3))
GOES_ON = (StoppedHalfwayError, UnreachableError)
MOST_CALLS = 20


def small(patience_s: float = 60) -> OnlineOptions:
    """Give options for a load of many small batches that waits so long for a database that does not answer."""
    return OnlineOptions(SMALL, Resilience(retries=Retries(patience_s=patience_s)))


@dataclass
class Breakable:
    """A local server, the base in it, and bundles made from that.

    Attributes:
        folder: Where base and bundles are.
        server: The server.
        address: How it is reached.
        base: The base's digest.
    """

    folder: Path
    server: LocalServer
    address: Address = field(init=False)
    base: str = field(init=False)

    def __post_init__(self) -> None:
        """Create a base and export it."""
        self.address = find_address(home=self.server.home)
        with connect(self.address) as driver, driver.session(database=self.address.database) as session:
            for text in BASE:
                session.run(text).consume()
        export_snapshot(self.address, self.folder / "base", now=CLOCK, profile="azure")
        self.base = self.digest()

    def bundle(self, count: int, number: int = 0) -> Bundle:
        """Make a bundle of `count` resources; the same for the same numbers."""
        return generate(RandomParameters(count=count), base=self.folder / "base", out=self.folder, seed=0, now=CLOCK,
                        unique=number)

    def kill(self) -> None:
        """End the server's process as the kernel does when memory is out."""
        record = read_record(self.server.home)
        assert record is not None
        assert record.pid is not None
        os.kill(record.pid, signal.SIGKILL)
        while record.is_alive():
            time.sleep(0.01)

    def start(self) -> None:
        """Start it again on its port; does nothing when it runs."""
        self.server.start(port=self.server.status().port)

    def load(self, operation_id: str, options: OnlineOptions, events: Stream = QUIET) -> None:
        """Load an operation online, as a command does: with what its history says by now."""
        load(find_bundle(self.folder, operation_id), self.address, mode="online", base=self.folder / "base",
             options=options, events=events)

    def rollback(self, operation_id: str, events: Stream = QUIET) -> None:
        """Roll an operation back."""
        rollback(self.folder, operation_id, self.address, events=events)

    def history(self, operation_id: str) -> list[dict[str, Any]]:
        """Give what the history of an operation says."""
        return [dict(entry) for entry in find_bundle(self.folder, operation_id).manifest.history]

    def digest(self) -> str:
        """Give the digest of all that is in the database."""
        with connect(self.address) as driver:
            return digest_database(driver, self.address).digest

    def traces(self) -> int:
        """Count what only a load under way has: nodes of ledger and lock, and the ledger's constraint."""
        with connect(self.address) as driver, driver.session(database=self.address.database) as session:
            nodes = session.run("MATCH (n) WHERE any(l IN labels(n) WHERE l STARTS WITH '__') RETURN count(n)").value()
            schema = session.run("SHOW CONSTRAINTS YIELD name WHERE name STARTS WITH '__' RETURN count(*)").value()
        return int(nodes[0] + schema[0])

    def go_on(self, work: Callable[[], object]) -> list[str]:
        """Make the same call until it ends well; before each the server is there. Gives how the others ended."""
        ends: list[str] = []
        while len(ends) < MOST_CALLS:
            self.start()
            try:
                work()
            except GOES_ON as error:
                ends.append(type(error).__name__)
            else:
                return ends
        raise AssertionError(ends)


@dataclass
class Blow:
    """What happens once, when a load or rollback has come so far.

    Attributes:
        phase: The phase of its progress.
        share: How far in it, 0 to 1.
        wait_s: Seconds between that and the blow; meanwhile the work goes on.
        deal: What happens, in a thread of its own.
    """

    phase: str
    share: float
    wait_s: float
    deal: Callable[[], None]
    thread: threading.Thread | None = None
    failure: list[BaseException] = field(default_factory=list)

    def watch(self, event: Event) -> None:
        """Be told of progress."""
        if (self.thread is None and isinstance(event, Phase) and event.phase == self.phase
                and event.done >= self.share * event.due):
            self.thread = threading.Thread(target=self._fall, name="blow")
            self.thread.start()

    def _fall(self) -> None:
        time.sleep(self.wait_s)
        try:
            self.deal()
        except BaseException as error:  # noqa: BLE001 - it is told where the test can see it
            self.failure.append(error)

    def is_over(self) -> bool:
        """Wait for its end, and say whether it fell and did not fail."""
        if self.thread is not None:
            self.thread.join()
        return self.thread is not None and not self.failure


@contextmanager
def breakable(folder: Path, home: Path, *, heap: str = "512m", **config: str) -> Iterator[Breakable]:
    """Start a server in `home` with the settings, two underscores for a dot, and a base; it is stopped at the end."""
    from tests.conftest import free_port  # noqa: PLC0415 - conftest itself must not be loaded twice

    server = LocalServer(home)
    server.start(port=free_port(), heap=heap, config={name.replace("__", "."): value for name, value in config.items()})
    try:
        yield Breakable(folder, server)
    finally:
        try:
            server.stop()
        except SynthError:
            server.stop()
