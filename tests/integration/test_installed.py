"""An offline load on an installed Neo4j: the local server's promises, with the programs of its own home."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import neo4j
import pytest

from synthgen.database import Address
from tests.conftest import free_port
from tests.distribution import Distribution, running_distribution
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j


@dataclass(frozen=True)
class Shop(Workshop):
    """A workshop beside an installed server."""

    made: Distribution = None  # type: ignore[assignment] # always given

    @property
    def data(self) -> Path:
        """The data folder that neo4j.conf names."""
        return self.made.home / "the data"

    def left(self) -> list[str]:
        """Name what a load left in its folders."""
        return sorted(path.name for folder in (self.data, self.made.home / "logs of transactions")
                      for path in folder.glob(".synthgen/*") if path.name != "load.lock")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A small base, restored into an installed server whose folders are elsewhere than by default, and exported."""
    folder = tmp_path_factory.mktemp("an installed")
    elsewhere = {"server.directories.data": "the data",
                 "server.directories.transaction.logs.root": str(folder / "neo4j" / "logs of transactions")}
    out = folder / "out"
    out.mkdir()
    with running_distribution(folder / "neo4j", port=free_port(), settings=elsewhere) as made, \
            neo4j.GraphDatabase.driver(made.address.uri, auth=("neo4j", made.password), liveness_check_timeout=0.5,
                                       notifications_min_severity="OFF") as driver:
        settings = {"NEO4J_URI": made.address.uri, "NEO4J_PASSWORD": made.password,
                    "SYNTHGEN_NEO4J_HOME": str(made.home)}
        shop = Shop(out, made.address, driver, settings, made)
        shop.do("synthgen sample --resources 100", "--out", str(out / "sample"))
        shop.do("importer restore", str(out / "sample"))
        shop.do("synthgen export")
        yield shop


def test_a_load_killed_in_the_swap_put_back_and_done_again(shop):
    """SIGKILL between the stores: the next command serves the old one again; then all goes well, and leaves nothing."""
    base = json.loads((shop.out / "sample" / "snapshot.json").read_text(encoding="utf-8"))["digest"]
    assert (shop.digest(), shop.left()) == (base, [])
    assert (shop.data / "databases" / "neo4j").is_dir()
    assert list((shop.made.home / "data").iterdir()) == []
    operation = shop.do("synthgen generate --strategy random --count 200")["operation_id"]
    killed = shop.end_when(f"importer load {operation} --mode offline",
                           lambda: any(shop.data.glob(".synthgen/staging/*/old/databases/neo4j")), signal.SIGKILL)
    assert killed.code == -signal.SIGKILL, killed
    assert shop.left() == ["load.json", "staging"]
    assert shop.run(f"importer rollback {operation}", "--json").code == 2
    assert (shop.digest(), shop.left()) == (base, [])

    shop.do(f"importer load {operation} --mode offline")
    assert shop.do(f"importer validate {operation}")["passed"]
    shop.do(f"importer rollback {operation}")
    assert (shop.digest(), shop.traces(), shop.left()) == (base, 0, [])
    assert shop.made.run("neo4j", "status").returncode == 0


def test_what_is_refused_before_anything_is_touched(shop, server: Address, tmp_path):
    """A home that is none, an address of another server, a server that did not start itself: with the way out."""
    snapshot = str(shop.out / "sample")
    serving = shop.made.run("neo4j", "status").stdout
    none = shop.run("importer restore", snapshot, "--json", "--neo4j-home", str(tmp_path))
    assert (none.code, "bin/neo4j" in none.error["message"]) == (2, True)
    other = shop.run("importer restore", snapshot, "--json", NEO4J_URI=server.uri, NEO4J_PASSWORD=server.password)
    assert (other.code, "is process" in other.error["message"], "NEO4J_URI" in other.error["hint"]) == (5, True, True)
    pid = shop.made.home / "run" / "neo4j.pid"
    number = pid.read_text(encoding="ascii")
    pid.unlink()
    try:
        unknown = shop.run("importer restore", snapshot, "--json")
    finally:
        pid.write_text(number, encoding="ascii")
    assert (unknown.code, "does not run" in unknown.error["message"]) == (5, True)
    assert (shop.left(), shop.made.run("neo4j", "status").stdout) == ([], serving)
