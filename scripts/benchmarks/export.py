"""An export beside a bare driver loop that reads the same rows: time and memory, in turns.

The loop is what one would write by hand: all nodes with labels and properties, then all relationships with ends, type
and properties, record by record, keeping nothing.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import neo4j

from benchmarks.figures import Figure
from benchmarks.ground import CLOCK, Run, grown, running_server, sample_base, scratch
from benchmarks.measuring import Spent, in_child, in_turns
from importer.operations import restore
from synthgen.database import Address, connect
from synthgen.sample import sample_tenant
from synthgen.snapshot.export import export_snapshot

FETCH = 5_000
RESOURCES = {False: 560_000, True: 28_000}
"""Resources of the sample tenant, in full and with --quick: with all around them a million nodes, and 50,000."""
LOOPS = ("CYPHER 5 MATCH (n) RETURN id(n), labels(n), properties(n)",
         "CYPHER 5 MATCH (a)-[r]->(b) RETURN id(a), id(b), type(r), properties(r)")


def add_options(parser: argparse.ArgumentParser) -> None:
    """There is nothing to choose."""


def figures(run: Run, options: argparse.Namespace) -> Iterator[Figure]:  # noqa: ARG001 - as of all parts
    """Measure loop and export in turns."""
    with scratch() as folder, running_server(folder / "neo4j") as site:
        rows = in_child(fill, folder / "base", RESOURCES[run.quick], site.address).result
        ours, theirs = in_turns(run.times, partial(_exported, site.address, folder / "export"),
                                lambda: in_child(bare_loop, site.address))
    yield Figure("export", "s", [one.seconds for one in ours], "bare driver loop", [one.seconds for one in theirs],
                 rows=rows)
    yield Figure("export, most memory", "MB", [one.peak_mb for one in ours], "bare driver loop",
                 [one.peak_mb for one in theirs])


def fill(base: Path, resources: int, address: Address) -> int:
    """Put a graph with three relationships a node into an empty database; gives the rows."""
    snapshot = sample_base(base, grown(sample_tenant(resources=resources)))
    restore(snapshot, address)
    return int(snapshot.counts["nodes"]) + int(snapshot.counts["relationships"])


def _exported(address: Address, to: Path) -> Spent:
    try:
        return in_child(export, address, to)
    finally:
        shutil.rmtree(to)


def export(address: Address, to: Path) -> None:
    """Export, for a process of its own."""
    export_snapshot(address, to, now=CLOCK, profile="azure")


def bare_loop(address: Address) -> None:
    """Read every row and keep none."""
    with connect(address) as driver:
        for query in LOOPS:
            with driver.session(database=address.database, default_access_mode=neo4j.READ_ACCESS,
                                fetch_size=FETCH) as session:
                for _ in session.run(query):
                    pass
