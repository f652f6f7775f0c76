"""Measures an online load against the best loop that one would write by hand, in turns on one server; asserts nothing.

Ours is the whole `load`: files and rows checked, base compared, ledger kept, result counted and compared; once with the
product's own indexes, as it is by default, and once without, as the loop, which makes none. The loop has
its rows in memory beforehand, as lists, and checks nothing: sessions in threads send 2,000 rows at a time; nodes give
their internal ids back, so that relationships find their ends by a seek; relationships are sorted by their ends, cut
into as many stretches as there are sessions, so that threads seldom meet; what meets all the same is tried again.
Between two loads the operation is rolled back; what is measured comes after two loads of each, which warm the server.
Beside seconds there are processor seconds of client and server together, which say more on a machine with other work.
"""

import argparse
import json
import logging
import os
import platform
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path
from typing import Any

import neo4j
import numpy as np
import polars as pl
import psutil
from export_figures import grown

from importer.online import OnlineOptions
from importer.operations import load, restore, rollback
from importer.scaling.settings import Scaling
from importer.servers.local import LocalServer
from synthgen.bundle.read import Bundle, read_nodes, read_relationships
from synthgen.database import Address, connect, find_address, quote
from synthgen.generate import generate
from synthgen.parameters import RandomParameters
from synthgen.sample import sample_tenant
from synthgen.snapshot.read import Snapshot
from synthgen.snapshot.write import write_snapshot
from synthgen.types import TYPES

CLOCK = datetime(2026, 1, 1, tzinfo=UTC)
RESOURCES = {False: 93_000, True: 31_000}
"""Resources made, in full and with --quick: 100,000 nodes and 300,000 relationships, or a third."""
SESSIONS, ROWS = 2, 2_000
"""What the loop is fastest with, by --settings."""
SETTINGS = ((1, 3_000), (2, 1_000), (2, 2_000), (2, 3_000), (2, 5_000), (2, 10_000), (3, 2_000), (4, 2_000))
FIND_BASE = ("CYPHER 5 MATCH (n) WHERE n.scale_operation_id IS NULL RETURN labels(n) AS labels,"
             " coalesce(n.id, n.name) AS key, id(n) AS id")


@dataclass(frozen=True)
class Group:
    """Rows of one statement: of nodes, or of relationships, whose first two columns then are import ids of ends.

    Attributes:
        statement: The Cypher that writes `$rows`.
        spaces: For relationships, the ID spaces of start and end.
        ends: For relationships, import ids, shape (rows, 2).
        rows: The properties, a list for each row.
    """

    statement: str
    spaces: tuple[str, ...]
    ends: np.ndarray
    rows: list[list[Any]]


class Hand:
    """A load by hand of one bundle, its rows already in memory."""

    def __init__(self, bundle: Bundle, snapshot: Snapshot) -> None:
        self.nodes, self.relationships = [], []
        for group in bundle.manifest.node_groups:
            frame = pl.concat([read_nodes(bundle, group, part) for part in group.parts]).drop(":id")
            labels = "".join(f":{quote(label)}" for label in group.labels)
            self.nodes.append(Group(
                f"CYPHER 5 UNWIND $rows AS row CREATE (n{labels} {_properties(frame, group.types)}) RETURN id(n)",
                (), np.zeros((0, 2)), [list(row) for row in frame.rows()]))
        for group in bundle.manifest.relationship_groups:
            frame = pl.concat([read_relationships(bundle, group, part) for part in group.parts])
            ends = frame.select(":start", ":end").to_numpy()
            own = frame.drop(":start", ":end")
            self.relationships.append(Group(
                f"CYPHER 5 UNWIND $rows AS row MATCH (a) WHERE id(a) = row[0] MATCH (b) WHERE id(b) = row[1]"
                f" CREATE (a)-[:{quote(group.type)} {_properties(own, group.types, 2)}]->(b)",
                (group.start_space, group.end_space), ends,
                [list(row) for row in own.rows()] if own.width else [[]] * frame.height))
        self.base_keys = _base_keys(snapshot)

    def load(self, address: Address, sessions: int, rows: int) -> None:
        """Write everything."""
        with connect(address) as driver, ThreadPoolExecutor(sessions) as pool:
            ids: list[int] = []

            def write(statement: str, batch: list[list[Any]]) -> list[int]:
                with driver.session(database=address.database) as session:
                    # Tried again by the driver when a deadlock ends it.
                    return session.execute_write(lambda tx: [record[0] for record in tx.run(statement, rows=batch)])

            for group in self.nodes:
                batches = [group.rows[first:first + rows] for first in range(0, len(group.rows), rows)]
                for found in pool.map(write, repeat(group.statement), batches):
                    ids += found
            places = {"operation": np.array(ids), "base": self._find_base(driver, address)}
            for group in self.relationships:
                deque(pool.map(write, repeat(group.statement), _batches(group, places, sessions, rows)), maxlen=0)

    def _find_base(self, driver: neo4j.Driver, address: Address) -> np.ndarray:
        records, _, _ = driver.execute_query(FIND_BASE, database_=address.database)
        known = {(tuple(sorted(record["labels"])), record["key"]): record["id"] for record in records}
        return np.array([known[key] for key in self.base_keys])


def _properties(frame: pl.DataFrame, types: dict[str, str], first: int = 0) -> str:
    if not frame.width:
        return ""
    return "{" + ", ".join(
        f"{quote(name)}: " + ("datetime({v})" if types[name] == "ZONED DATETIME" else TYPES[types[name]].write).replace(
            "{v}", f"row[{first + place}]") for place, name in enumerate(frame.columns)) + "}"


def _batches(group: Group, places: dict[str, np.ndarray], sessions: int, rows: int) -> Iterator[list[list[Any]]]:
    ends = np.column_stack([places[space][group.ends[:, side]] for side, space in enumerate(group.spaces)])
    # By end, in which hubs are: what one session writes, the others seldom touch.
    order = np.lexsort((ends[:, 0], ends[:, 1]))
    cuts = [order[first:first + rows] for first in range(0, len(order), rows)]
    stretch = -(-len(cuts) // sessions)
    for turn in range(stretch):
        for cut in cuts[turn::stretch]:
            yield [[*pair, *group.rows[row]] for row, pair in zip(cut.tolist(), ends[cut].tolist(), strict=True)]


def _base_keys(snapshot: Snapshot) -> list[tuple[tuple[str, ...], str]]:
    keys = []
    for table in snapshot.node_tables:
        column = snapshot.read(table)["id" if "id" in table.types else "name"]
        keys += [(tuple(sorted(table.labels)), key) for key in column]
    return keys


class Bench:
    """A server with the base in it, and the operation to be loaded in both ways."""

    def __init__(self, folder: Path, resources: int) -> None:
        self.base, self.out = folder / "base", folder / "out"
        snapshot = write_snapshot(grown(sample_tenant()), self.base, created_at="", source={}, profile="azure")
        self.bundle = generate(RandomParameters(count=resources), base=self.base, out=self.out, seed=0, now=CLOCK,
                               unique=0)
        self.hand = Hand(self.bundle, snapshot)
        self.server = LocalServer(folder / "neo4j")
        self.server.start(heap="2g")
        self.address = find_address(home=self.server.home)
        restore(snapshot, self.address)
        self.processes = [psutil.Process(), psutil.Process(self.server.status().pid)]

    def ours(self, options: OnlineOptions | None = None, *, indexes: bool = True
             ) -> tuple[float, float, dict[str, float]]:
        """Load with the product and roll back; gives seconds, processor seconds, and the seconds of each stage."""
        stages = {}

        def work() -> None:
            stages.update(load(self.bundle, self.address, mode="online", base=self.base, options=options,
                               indexes=indexes).seconds)

        return *self._measured(work), stages

    def theirs(self, sessions: int = SESSIONS, rows: int = ROWS) -> tuple[float, float]:
        """Load by hand and roll back; gives seconds and processor seconds."""
        return self._measured(lambda: self.hand.load(self.address, sessions, rows))

    def _measured(self, work: Callable[[], None]) -> tuple[float, float]:
        used, began = self._processor_seconds(), time.perf_counter()
        work()
        took = time.perf_counter() - began, self._processor_seconds() - used
        rollback(self.out, self.bundle.manifest.operation_id, self.address)
        return took

    def _processor_seconds(self) -> float:
        times = [process.cpu_times() for process in self.processes]
        return sum(one.user + one.system for one in times)

    def pairs(self, repetitions: int) -> dict[str, object]:
        """Load in turns, after two loads of each that warm the server; who is first changes from turn to turn."""
        for _ in range(2):
            self.ours()
            self.theirs()
        ours, bare, theirs = [], [], []
        turns = (lambda: ours.append(self.ours()), lambda: theirs.append(self.theirs()),
                 lambda: bare.append(self.ours(indexes=False)))
        for number in range(repetitions):
            for place in range(len(turns)):
                turns[(number + place) % len(turns)]()
        return {
            "loop_seconds": [one[0] for one in theirs],
            "loop_processor_seconds": statistics.median(one[1] for one in theirs),
            "with_indexes": _compared(ours, theirs), "without_indexes": _compared(bare, theirs),
        }

    def settings(self, repetitions: int) -> list[dict[str, float]]:
        """Load with fixed settings, ours and by hand with the same; gives each one's best seconds."""
        found = []
        for writers, rows in SETTINGS:
            fixed = OnlineOptions(Scaling.within((rows, rows), (writers, writers)))
            ours, theirs = [], []
            for _ in range(repetitions):
                ours.append(self.ours(fixed)[2]["WriteOnline"])
                theirs.append(self.theirs(writers, rows)[0])
            found.append({"writers": writers, "rows": rows, "write_seconds": min(ours), "loop_seconds": min(theirs)})
        return found


def _compared(ours: list[tuple[float, float, dict[str, float]]], theirs: list[tuple[float, float]]) -> dict[str, Any]:
    # Rates, not seconds: 0.9 is nine tenths of the rows that the loop writes in the same time.
    ratios = [their[0] / our[0] for our, their in zip(ours, theirs, strict=True)]
    return {
        "seconds": [one[0] for one in ours], "ratios": ratios, "ratio": statistics.median(ratios),
        "ratio_least": min(ratios), "ratio_most": max(ratios),
        "processor_seconds": statistics.median(one[1] for one in ours),
        "stages": {name: statistics.median(one[2][name] for one in ours) for name in ours[0][2]},
    }


def main() -> None:
    """Measure and print the figures, or JSON."""
    parser = argparse.ArgumentParser(prog="scripts/bench online", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a third of the rows")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--settings", action="store_true",
                        help="also both with fixed numbers of writers and rows, to see that neither is held back")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    # The driver tells each deadlock that it tries again.
    logging.getLogger("neo4j").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="synthgen-bench-") as name:
        bench = Bench(Path(name), RESOURCES[options.quick])
        try:
            counts = bench.bundle.manifest.counts
            found = {
                "nodes": counts.nodes, "relationships": counts.relationships, "cores": os.cpu_count(),
                "neo4j": bench.server.status().version, "python": platform.python_version(),
                **bench.pairs(options.repetitions),
                **({"settings": bench.settings(options.repetitions)} if options.settings else {}),
            }
        finally:
            bench.server.stop()
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)


def show(found: dict[str, Any]) -> None:
    """Print the figures for people."""
    print(f"{found['nodes']:,} nodes and {found['relationships']:,} relationships · Neo4j {found['neo4j']} ·"
          f" {found['cores']} cores · Python {found['python']}")
    print("by hand: " + " · ".join(f"{spent:.2f} s" for spent in found["loop_seconds"])
          + f"; processor seconds of client and server {found['loop_processor_seconds']:.2f}")
    for name in ("with_indexes", "without_indexes"):
        one = found[name]
        print(f"ours, {name.replace('_', ' ')}: " + " · ".join(f"{spent:.2f} s" for spent in one["seconds"])
              + f"; processor seconds {one['processor_seconds']:.2f}")
        print(f"    rate {one['ratio']:.2f} of the loop's, median of the pairs"
              f" ({one['ratio_least']:.2f}…{one['ratio_most']:.2f})")
        print("    stages: " + " · ".join(f"{stage} {spent:.2f} s" for stage, spent in one["stages"].items()))
    for one in found.get("settings", ()):
        print(f"{one['writers']} × {one['rows']:>6,} rows: ours writes in {one['write_seconds']:6.2f} s, the loop in"
              f" {one['loop_seconds']:6.2f} s")


if __name__ == "__main__":
    main()
