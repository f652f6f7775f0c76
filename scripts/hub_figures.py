"""Measures the rollback of an operation with one node that half of its relationships end on; asserts nothing.

The server has little memory for transactions. Against it: the shortest delete in bounded transactions that one would
write by hand, all relationships first, then all nodes, on the same graph and server in the same run. It knows that all
is to go; the rollback looks at the mark of each node again, keeps its ledger, and can be killed anywhere.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from importer.operations import rollback
from importer.rollback import count_operation
from importer.servers.admin import AdminTool
from importer.servers.local import LocalServer
from importer.servers.runtime import resolve
from synthgen.database import connect, find_address

OPERATION = "scale-20260101T000000-00000000"
LOOP_ROWS = 10_000
BY_HAND = (
    f"MATCH (n)-[r]->() WHERE n.scale_operation_id = $o CALL (r) {{ DELETE r }} IN TRANSACTIONS OF {LOOP_ROWS} ROWS",
    f"MATCH (n) WHERE n.scale_operation_id = $o CALL (n) {{ DELETE n }} IN TRANSACTIONS OF {LOOP_ROWS} ROWS",
)


def make_graph(server: LocalServer, folder: Path, nodes: int, relationships: int) -> None:
    """Replace the database by marked nodes; the one in the middle has a relationship to every node."""
    dice = np.random.default_rng(0)
    others = relationships - nodes
    pl.DataFrame({":ID": np.arange(nodes)}).with_columns(
        pl.lit("true").alias("synthetic:boolean"), pl.lit(OPERATION).alias("scale_operation_id"),
    ).write_csv(folder / "nodes.csv")
    pl.DataFrame({
        ":START_ID": np.concatenate([np.arange(nodes), dice.integers(0, nodes, others)]),
        ":END_ID": np.concatenate([np.full(nodes, nodes // 2), dice.integers(0, nodes, others)]),
    }).write_csv(folder / "relationships.csv")
    server.stop()
    AdminTool(resolve(server.status().version), server.home, heap="2g").run([
        "database", "import", "full", "neo4j", "--overwrite-destination", "--id-type=integer",
        f"--nodes=Resource={folder / 'nodes.csv'}", f"--relationships=TIED={folder / 'relationships.csv'}"])
    server.start()


def roll_back(home: Path) -> None:
    """Roll the operation back and print what that took; for a process of its own."""
    began = time.monotonic()
    done = rollback(home, OPERATION, find_address(home=home))
    print(json.dumps({"seconds": time.monotonic() - began, "nodes": done.facts["nodes"],
                      "relationships": done.facts["relationships"],
                      "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


def delete_by_hand(home: Path) -> float:
    """Delete the same with two statements; gives the seconds."""
    address = find_address(home=home)
    began = time.monotonic()
    with connect(address) as driver, driver.session(database=address.database) as session:
        for text in BY_HAND:
            session.run(text, o=OPERATION).consume()
    return time.monotonic() - began


def measure(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Make the graph, roll it back, make it again, delete it by hand."""
    server = LocalServer(folder / "neo4j")
    server.start(heap=options.heap, config={"dbms.memory.transaction.total.max": options.memory})
    try:
        make_graph(server, folder, options.nodes, options.relationships)
        said = subprocess.run([sys.executable, __file__, "--roll-back", str(server.home)], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        address = find_address(home=server.home)
        with connect(address) as driver:
            left = count_operation(driver, address.database, OPERATION).nodes
        make_graph(server, folder, options.nodes, options.relationships)
        by_hand = delete_by_hand(server.home)
    finally:
        server.stop()
    ours = json.loads(said)
    return {**ours, "left": left, "against": "two statements by hand", "against_seconds": by_hand,
            "ratio": ours["seconds"] / by_hand, "heap": options.heap, "transaction_memory": options.memory,
            "cores": os.cpu_count(), "python": platform.python_version(), "neo4j": server.status().version}


def main() -> None:
    """Measure and print the figures, or JSON."""
    parser = argparse.ArgumentParser(prog="scripts/bench hub", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=1_000_000)
    parser.add_argument("--relationships", type=int, default=3_000_000)
    parser.add_argument("--memory", default="512m", help="of the server for all transactions")
    parser.add_argument("--heap", default="1g", help="of the server")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--roll-back", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.roll_back is not None:
        roll_back(options.roll_back)
        return
    folder = Path(tempfile.mkdtemp(prefix="synthgen-hub-"))
    try:
        figures = measure(options, folder)
    finally:
        shutil.rmtree(folder)
    print(json.dumps(figures, indent=2) if options.json else
          "\n".join(f"{name:20} {value:.2f}" if isinstance(value, float) else f"{name:20} {value}"
                    for name, value in figures.items()))


if __name__ == "__main__":
    main()
