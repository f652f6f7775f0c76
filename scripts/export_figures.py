"""Measures an export against a bare driver loop that reads the same rows in the same run; asserts nothing.

Both run as processes of their own, one after the other, in turns. Time is that of the whole process, memory its peak.
The loop is what one would write by hand: all nodes with labels and properties, then all relationships with ends, type
and properties, record by record, keeping nothing.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import neo4j
import numpy as np
import polars as pl

from importer.operations import restore
from importer.servers.local import LocalServer
from synthgen.database import connect, find_address
from synthgen.graph import Graph, RelationshipTable
from synthgen.sample import sample_tenant
from synthgen.snapshot.read import open_snapshot
from synthgen.snapshot.write import write_snapshot

RELATIONSHIPS_PER_NODE = 3
FETCH = 5_000
SIZES = {False: 560_000, True: 28_000}
"""Resources of the sample tenant, in full and with --quick: with all around them a million nodes, and 50,000."""
LOOPS = ("CYPHER 5 MATCH (n) RETURN id(n), labels(n), properties(n)",
         "CYPHER 5 MATCH (a)-[r]->(b) RETURN id(a), id(b), type(r), properties(r)")


def bare_loop(home: Path) -> None:
    """Read every row and keep none."""
    address = find_address(home=home)
    with connect(address) as driver:
        for query in LOOPS:
            with driver.session(database=address.database, default_access_mode=neo4j.READ_ACCESS,
                                fetch_size=FETCH) as session:
                for _ in session.run(query):
                    pass


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


def fill(base: Path, resources: int, home: Path) -> None:
    """Put the graph into the database of a local server that runs, and its snapshot into `base`."""
    graph = grown(sample_tenant(resources=resources))
    snapshot = write_snapshot(graph, base, created_at="", source={}, profile="azure")
    restore(snapshot, find_address(home=home))


def measured(command: list[str]) -> tuple[float, int]:
    """Run a command to its end and give its seconds and its peak memory in MB."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    took = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{command} ended with {child.returncode}")
    return took, usage.ru_maxrss // 1024


def figures(folder: Path, resources: int, repetitions: int) -> dict[str, object]:
    """Measure loop and export in turns."""
    server = LocalServer(folder / "neo4j")
    server.start(heap="2g")
    try:
        # The peak of a process begins with that of the one that starts it: what is big stays out of this one.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
            other.submit(fill, folder / "base", resources, server.home).result()
        exports, loops = [], []
        for _ in range(repetitions):
            loops.append(measured([__file__, "--bare", str(server.home)]))
            exports.append(measured(["-m", "synthgen.cli", "export", "--home", str(server.home), "--out",
                                     str(folder / "export")]))
            shutil.rmtree(folder / "export")
        version = server.status().version
    finally:
        server.stop()
    ours_took, theirs_took = [took for took, _ in exports], [took for took, _ in loops]
    ratios = [ours / theirs for ours, theirs in zip(ours_took, theirs_took, strict=True)]
    counts = open_snapshot(folder / "base").counts
    return {
        "nodes": counts["nodes"], "relationships": counts["relationships"], "neo4j": version,
        "cores": os.cpu_count(), "repetitions": repetitions,
        "seconds": statistics.median(ours_took), "seconds_least": min(ours_took),
        "loop_seconds": statistics.median(theirs_took), "loop_seconds_least": min(theirs_took),
        "ratio": statistics.median(ratios), "ratio_least": min(ratios), "ratio_most": max(ratios),
        "peak_memory_mb": max(peak for _, peak in exports), "loop_peak_memory_mb": max(peak for _, peak in loops),
    }


def main() -> None:
    """Measure and print the figure, or JSON."""
    parser = argparse.ArgumentParser(prog="scripts/bench export", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="50,000 nodes instead of a million, once")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--bare", type=Path, metavar="HOME", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare is not None:
        bare_loop(options.bare)
        return
    with tempfile.TemporaryDirectory(prefix="synthgen-bench-") as name:
        found = figures(Path(name), SIZES[options.quick], 1 if options.quick else options.repetitions)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for figure, value in found.items():
        print(f"{figure:22} {value:,.2f}" if isinstance(value, float) else f"{figure:22} {value}")


if __name__ == "__main__":
    main()
