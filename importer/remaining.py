"""Sets after an import what CSV has no form for; knows the two columns that say it, neither files nor stages.

First the empty arrays, which the server sets by itself, then what stands in JSON, which is typed here. The order
counts: a property that bears the name of one of the columns stands in JSON.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

import neo4j

from importer.cypher import DIALECT, dialect_of
from synthgen.bundle.layout import Layout
from synthgen.bundle.rest import read_rest
from synthgen.database import Address, quote, translated
from synthgen.types import EMPTY_ARRAYS, REST, TYPES

ROWS_AT_ONCE = 10_000
CHARACTERS_AT_ONCE = 8_000_000
_NODES, _RELATIONSHIPS = "MATCH (e)", "MATCH ()-[e]->()"


def set_remaining(driver: neo4j.Driver, address: Address, layouts: Collection[Layout]) -> None:
    """Set everything that rows of these layouts say in the two columns, and remove the columns' properties.

    Each transaction holds up to `ROWS_AT_ONCE` rows, and of JSON about `CHARACTERS_AT_ONCE` characters or one row.
    """
    with translated(address), driver.session(database=address.database) as session:
        # A store has no key of a property that nothing ever had, and then needs no scan.
        known = set(session.run(f"{DIALECT}CALL db.propertyKeys()").value())
        for match in (_NODES, _RELATIONSHIPS):
            concerned = [layout for layout in layouts if (len(layout.ids) == 1) == (match == _NODES)]
            if EMPTY_ARRAYS in known and any(layout.has_empty_arrays for layout in concerned):
                for statement in _empty_arrays(match):
                    session.run(statement).consume()
            if REST in known and any(layout.has_rest for layout in concerned):
                for ids in _batches(driver, address, match):
                    session.execute_write(_set_rest, match, ids)


def empty_arrays_statements() -> list[str]:
    """Give the statements that set the empty arrays of nodes and relationships, each with transactions of its own."""
    return [*_empty_arrays(_NODES), *_empty_arrays(_RELATIONSHIPS)]


def _empty_arrays(match: str) -> list[str]:
    """Set what `EMPTY_ARRAYS` names to empty arrays, or to one empty text what it names twice, and remove it."""
    mark = f"e.{quote(EMPTY_ARRAYS)}"
    setting = (f"WITH e UNWIND {mark} AS name"
               f" SET e[name] = CASE size([each IN {mark} WHERE each = name]) WHEN 2 THEN [''] ELSE [] END")
    return [f"{DIALECT}{match} WHERE {mark} IS NOT NULL CALL (e) {{ {change} }} IN TRANSACTIONS OF {ROWS_AT_ONCE} ROWS"
            for change in (setting, f"REMOVE {mark}")]


def _batches(driver: neo4j.Driver, address: Address, match: str) -> Iterator[list[int]]:
    mark = f"e.{quote(REST)}"
    with driver.session(database=address.database, default_access_mode=neo4j.READ_ACCESS) as session:
        ids: list[int] = []
        characters = 0
        for id_, size in session.run(f"{DIALECT}{match} WHERE {mark} IS NOT NULL RETURN id(e), size({mark})"):
            if ids and (len(ids) >= ROWS_AT_ONCE or characters + size > CHARACTERS_AT_ONCE):
                yield ids
                ids, characters = [], 0
            ids.append(id_)
            characters += size
        if ids:
            yield ids


def _set_rest(transaction: neo4j.ManagedTransaction, match: str, ids: list[int]) -> None:
    found = f"UNWIND $rows AS row {match} WHERE id(e) = row[0]"
    properties: dict[str, list[list[Any]]] = defaultdict(list)
    labels: list[list[Any]] = []
    rows = [[id_] for id_ in ids]
    for id_, text in transaction.run(f"{DIALECT}{found} RETURN id(e), e.{quote(REST)}", rows=rows):
        rest = read_rest(text)
        for name, (kind, value) in rest.properties.items():
            properties[kind].append([id_, name, value])
        if rest.labels:
            labels.append([id_, list(rest.labels)])
    _run(transaction, f"{DIALECT}{found} REMOVE e.{quote(REST)}", rows)
    if labels:
        _run(transaction, f"{DIALECT}{found} SET e:$(row[1])", labels)
    # Names are values here: a server plans a statement for each type, not for each name.
    for kind, named in properties.items():
        value = TYPES[kind].write.replace("{v}", "row[2]")
        _run(transaction, f"{dialect_of([kind])}{found} SET e[row[1]] = {value}", named)


def _run(transaction: neo4j.ManagedTransaction, text: str, rows: list[list[Any]]) -> None:
    transaction.run(text, rows=rows).consume()
