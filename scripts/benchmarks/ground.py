"""What measurements stand on: a run with its folder, the sample tenant, bundles, servers; measures nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from importer.operations import restore
from importer.servers.local import LocalServer
from synthgen.bundle.read import Bundle
from synthgen.database import Address, find_address
from synthgen.generate import generate
from synthgen.graph import Graph, RelationshipTable
from synthgen.parameters import Parameters
from synthgen.sample import sample_tenant
from synthgen.snapshot.read import Snapshot
from synthgen.snapshot.write import write_snapshot

ROOT = Path(__file__).resolve().parent.parent.parent
CLOCK = datetime(2026, 1, 1, tzinfo=UTC)
HEAP = "2g"
"""Of every server and every import, unless a measurement says otherwise."""
REPEATED = {"internal.dbms.strictly_prioritize_id_freelist": "true", "db.checkpoint.interval.time": "10s"}
"""For loads that are rolled back and repeated, so that none is slower for those before it.

By itself a server writes anew beside what was rolled back, and each repetition would scan the holes of all before it;
and between checkpoints, by default a quarter of an hour apart, its lists of free ids grow with each: 100 MB for a store
of 67 MB were seen, and 2 MB with checkpoints.
"""
RELATIONSHIPS_PER_NODE = 3


@dataclass(frozen=True, slots=True)
class Run:
    """How much is to be measured.

    Attributes:
        quick: Small graphs, once.
        repetitions: How often what is compared is repeated, where that does not take too long.
    """

    quick: bool
    repetitions: int

    @property
    def times(self) -> int:
        """Repetitions of what is compared."""
        return 1 if self.quick else self.repetitions


@contextmanager
def scratch() -> Iterator[Path]:
    """Make a folder, and remove it with all that is in it."""
    with tempfile.TemporaryDirectory(prefix="synthgen-bench-") as folder:
        yield Path(folder)


def sample_base(folder: Path, graph: Graph | None = None) -> Snapshot:
    """Write the sample tenant, or another graph, as a snapshot."""
    graph = sample_tenant() if graph is None else graph
    return write_snapshot(graph, folder, created_at=CLOCK.isoformat(), source={}, profile="azure")


def grown(graph: Graph) -> Graph:
    """Add relationships between any nodes, half of them with properties, until there are three for each node."""
    nodes = sum(table.frame.height for table in graph.nodes)
    missing = RELATIONSHIPS_PER_NODE * nodes - sum(table.frame.height for table in graph.relationships)
    dice = np.random.default_rng(1)
    ties = pl.DataFrame({":start": dice.integers(0, nodes, missing), ":end": dice.integers(0, nodes, missing)})
    half = missing // 2
    weighed = ties[:half].with_columns(pl.lit("2026-01-01").alias("since"), pl.Series("weight", dice.random(half)))
    return replace(graph, relationships=[
        *graph.relationships, RelationshipTable("CONNECTED_TO", {"since": "STRING", "weight": "FLOAT"}, weighed),
        RelationshipTable("DEPENDS_ON", {}, ties[half:])])


def make_bundle(parameters: Parameters, base: Path, out: Path) -> Bundle:
    """Generate the one operation of an out folder."""
    return generate(parameters, base=base, out=out, seed=0, now=CLOCK, unique=0)


def count_rows(bundle: Bundle) -> int:
    """Count the nodes and relationships of a bundle."""
    return bundle.manifest.counts.nodes + bundle.manifest.counts.relationships


@dataclass(frozen=True, slots=True)
class Site:
    """A server that runs, and the address of its database."""

    server: LocalServer
    address: Address

    @property
    def version(self) -> str:
        """The version of Neo4j."""
        return self.server.status().version


@contextmanager
def running_server(
    home: Path, base: Snapshot | None = None, *, heap: str = HEAP, page_cache: str | None = None,
    config: Mapping[str, str] | None = None,
) -> Iterator[Site]:
    """Run a server of its own with nothing but a base in it."""
    server = LocalServer(home)
    server.start(heap=heap, page_cache=page_cache, config=config)
    try:
        address = find_address(home=home)
        if base is not None:
            restore(base, address)
        yield Site(server, address)
    finally:
        server.stop()
