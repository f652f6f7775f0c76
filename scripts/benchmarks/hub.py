"""The rollback of an operation with one node that many of its relationships end on, beside a delete by hand.

The server has little memory for transactions. By hand: the shortest delete in bounded transactions that one would
write, all relationships first, then all nodes, on the same graph and server. It knows that all is to go; the rollback
looks at the mark of each node again, keeps its ledger, and can be killed anywhere.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.figures import Figure
from benchmarks.ground import HEAP, Run, Site, running_server, scratch
from benchmarks.measuring import in_child
from importer.operations import rollback
from importer.rollback import count_operation
from importer.servers.admin import AdminTool
from importer.servers.runtime import resolve
from synthgen.database import Address, connect

OPERATION = "scale-20260101T000000-00000000"
LOOP_ROWS = 10_000
BY_HAND = (
    f"MATCH (n)-[r]->() WHERE n.scale_operation_id = $o CALL (r) {{ DELETE r }} IN TRANSACTIONS OF {LOOP_ROWS} ROWS",
    f"MATCH (n) WHERE n.scale_operation_id = $o CALL (n) {{ DELETE n }} IN TRANSACTIONS OF {LOOP_ROWS} ROWS",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Name the options of this part."""
    parser.add_argument("--nodes", type=int, default=1_000_000)
    parser.add_argument("--relationships", type=int, default=3_000_000)
    parser.add_argument("--memory", default="512m", help="of the server for all transactions")
    parser.add_argument("--heap", default="1g", help="of the server")


def figures(run: Run, options: argparse.Namespace) -> Iterator[Figure]:  # noqa: ARG001 - as of all parts
    """Make the graph, roll it back, make it again, delete it by hand."""
    size = options.nodes, options.relationships
    config = {"dbms.memory.transaction.total.max": options.memory}
    with scratch() as folder, running_server(folder / "neo4j", heap=options.heap, config=config) as site:
        in_child(make_graph, site, folder, *size)
        ours = in_child(roll_back, site.server.home, site.address)
        with connect(site.address) as driver:
            left = count_operation(driver, site.address.database, OPERATION).nodes
        in_child(make_graph, site, folder, *size)
        by_hand = in_child(delete_by_hand, site.address)
    yield Figure("roll back a node with very many relationships", "s", [ours.seconds], "two statements by hand",
                 [by_hand.seconds], rows=sum(ours.result.values()),
                 facts={**ours.result, "left": left, "peak_memory_mb": ours.peak_mb, "heap": options.heap,
                        "transaction_memory": options.memory})


def make_graph(site: Site, folder: Path, nodes: int, relationships: int) -> None:
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
    site.server.stop()
    AdminTool(resolve(site.version), site.server.home, heap=HEAP).run([
        "database", "import", "full", "neo4j", "--overwrite-destination", "--id-type=integer",
        f"--nodes=Resource={folder / 'nodes.csv'}", f"--relationships=TIED={folder / 'relationships.csv'}"])
    site.server.start()


def roll_back(out: Path, address: Address) -> dict[str, int]:
    """Roll the operation back, for a process of its own; gives how many nodes and relationships are gone."""
    facts = rollback(out, OPERATION, address).facts
    return {"nodes": facts["nodes"], "relationships": facts["relationships"]}


def delete_by_hand(address: Address) -> None:
    """Delete the same with two statements."""
    with connect(address) as driver, driver.session(database=address.database) as session:
        for text in BY_HAND:
            session.run(text, o=OPERATION).consume()
