"""The best load that one would write by hand with a driver: no ledger, no checks, rows in memory beforehand.

Sessions in threads send batches; nodes give their internal ids back, so that relationships find their ends by a seek;
relationships are sorted by their ends and cut into as many stretches as there are sessions, so that threads seldom
meet; what meets all the same is tried again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import neo4j
import numpy as np
import polars as pl

from synthgen.bundle.read import Bundle, read_nodes, read_relationships
from synthgen.database import Address, connect, quote
from synthgen.snapshot.read import Snapshot
from synthgen.types import TYPES

SESSIONS, ROWS = 2, 2_000
"""What the loop is fastest with, by `scripts/bench online --settings`."""
FIND_BASE = ("CYPHER 5 MATCH (n) WHERE n.scale_operation_id IS NULL RETURN labels(n) AS labels,"
             " coalesce(n.id, n.name) AS key, id(n) AS id")

BaseKey = tuple[tuple[str, ...], str]


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
        self.base_keys = base_keys(snapshot)

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
            places = {"operation": np.array(ids), "base": find_base(driver, address, self.base_keys)}
            for group in self.relationships:
                deque(pool.map(write, repeat(group.statement), _batches(group, places, sessions, rows)), maxlen=0)


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


def base_keys(snapshot: Snapshot) -> list[BaseKey]:
    """Give labels and id or name of each base node, in the order of the snapshot's node numbers."""
    keys = []
    for table in snapshot.node_tables:
        column = snapshot.read(table)["id" if "id" in table.types else "name"]
        keys += [(tuple(sorted(table.labels)), key) for key in column]
    return keys


def find_base(driver: neo4j.Driver, address: Address, keys: list[BaseKey]) -> np.ndarray:
    """Give the internal id of each base node."""
    records, _, _ = driver.execute_query(FIND_BASE, database_=address.database)
    known = {(tuple(sorted(record["labels"])), record["key"]): record["id"] for record in records}
    return np.array([known[key] for key in keys])
