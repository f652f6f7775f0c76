"""A load in which the server reads a bundle's parts itself, with LOAD CSV; no ledger and no checks.

Nodes give their internal ids back, and relationships find their ends in a list of these by import id: a seek and no
index. What CSV cannot say of a row (FORMAT.md) is passed over; the sample tenant has nothing of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import neo4j
import numpy as np

from benchmarks.loop import SESSIONS, base_keys, find_base
from synthgen.bundle.layout import Layout
from synthgen.bundle.manifest import Part
from synthgen.bundle.read import Bundle, layout_of
from synthgen.database import Address, connect, quote
from synthgen.snapshot.read import Snapshot
from synthgen.types import ARRAY_DELIMITER, TYPES

CONFIG = {"dbms.import.csv.legacy_quote_escaping": "false"}
"""What a server has to be told to read our CSV: as it comes, it takes a backslash in JSON for an escape."""
READ = {"BOOLEAN": "{v} = 'true'", "INTEGER": "toInteger({v})", "FLOAT": "toFloat({v})", "STRING": "{v}",
        "ZONED DATETIME": "datetime({v})"}
CREATE = "<create>"
"""In the form of a statement: where it makes a node or a relationship of the row."""
FROM = "CYPHER 5 LOAD CSV FROM $file AS row "


class ServerSide:
    """A load of one bundle by a server on this machine."""

    def __init__(self, bundle: Bundle, snapshot: Snapshot, home: Path) -> None:
        self.bundle = bundle
        self.base_keys = base_keys(snapshot)
        self.folder = home / "import"
        self.folder.mkdir(exist_ok=True)
        for part in bundle.manifest.parts:
            shutil.copyfile(bundle.place_of(part), self.folder / part.file)

    def load_by_parts(self, address: Address) -> None:
        """Write each part in one transaction, two at a time; what meets another is tried again."""
        def write(driver: neo4j.Driver, text: str, given: Mapping[str, Any]) -> list[list[Any]]:
            with driver.session(database=address.database) as session:
                return session.execute_write(lambda tx: tx.run(FROM + text, given).values())

        with connect(address) as driver, ThreadPoolExecutor(SESSIONS) as pool:
            ids = np.zeros(self.bundle.manifest.counts.nodes, np.int64)
            nodes = f"{CREATE} RETURN toInteger(row[0]), id(n)"
            for pairs in pool.map(lambda one: write(driver, *one), self._nodes(nodes)):
                _keep(ids, pairs)
            places = self._places(driver, address, ids)
            for _ in pool.map(lambda one: write(driver, *one), self._relationships(CREATE, places)):
                pass

    def load_by_rows(self, address: Address, rows: int) -> None:
        """Write part after part, so many rows in a transaction; the server cuts them itself."""
        end = f"}} IN TRANSACTIONS OF {rows} ROWS"
        nodes = f"CALL (row) {{ {CREATE} RETURN id(n) AS id {end} RETURN toInteger(row[0]), id"
        with connect(address) as driver, driver.session(database=address.database) as session:
            ids = np.zeros(self.bundle.manifest.counts.nodes, np.int64)
            for text, given in self._nodes(nodes):
                _keep(ids, session.run(FROM + text, given).values())
            places = self._places(driver, address, ids)
            for text, given in self._relationships(f"CALL (row) {{ {CREATE} {end}", places):
                session.run(FROM + text, given).consume()

    def _places(self, driver: neo4j.Driver, address: Address, ids: np.ndarray) -> dict[str, list[int]]:
        return {"operation": ids.tolist(), "base": find_base(driver, address, self.base_keys).tolist()}

    def _nodes(self, form: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for group in self.bundle.manifest.node_groups:
            labels = "".join(f":{quote(label)}" for label in group.labels)
            create = f"CREATE (n{labels} {_properties(layout_of(self.bundle, group))})"
            yield from ((form.replace(CREATE, create), self._file(part)) for part in group.parts)

    def _relationships(self, form: str, places: Mapping[str, list[int]]) -> Iterator[tuple[str, dict[str, Any]]]:
        for group in self.bundle.manifest.relationship_groups:
            create = (f"MATCH (a) WHERE id(a) = ${group.start_space}[toInteger(row[0])]"
                      f" MATCH (b) WHERE id(b) = ${group.end_space}[toInteger(row[1])]"
                      f" CREATE (a)-[:{quote(group.type)} {_properties(layout_of(self.bundle, group))}]->(b)")
            used = {space: places[space] for space in (group.start_space, group.end_space)}
            yield from ((form.replace(CREATE, create), {**self._file(part), **used}) for part in group.parts)

    def _file(self, part: Part) -> dict[str, str]:
        return {"file": f"file:///{part.file}"}


def _keep(ids: np.ndarray, pairs: list[list[int]]) -> None:
    both = np.array(pairs, np.int64).reshape(-1, 2)
    ids[both[:, 0]] = both[:, 1]


def _properties(layout: Layout) -> str:
    texts = [f"{quote(name)}: {_read(kind, f'row[{len(layout.ids) + place}]')}"
             for place, (name, kind) in enumerate(layout.columns.items())]
    return "{" + ", ".join(texts) + "}" if texts else ""


def _read(kind: str, field: str) -> str:
    if TYPES[kind].is_list:
        element = READ[TYPES[kind].element.name].replace("{v}", "x")
        return f"[x IN split({field}, '{ARRAY_DELIMITER}') | {element}]"
    return READ[kind].replace("{v}", field)
