"""Puts a snapshot into an empty database by plain Cypher, in a fraction of the time an import takes; knows no load."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import neo4j

from importer.schema import begin_schema, end_schema
from importer.schema_choice import SchemaChoice, choose_schema
from synthgen.database import Address, quote
from synthgen.graph import END, START
from synthgen.snapshot.read import Snapshot, StoredNodes, StoredRelationships, open_snapshot
from synthgen.types import TYPES
from tests.workshop import Workshop


def plant_sample(workshop: Workshop, resources: int = 300) -> str:
    """Make a sample tenant, put it into the empty database, and export that; gives its digest."""
    workshop.do(f"synthgen sample --resources {resources}", "--out", str(workshop.out / "sample"))
    digest = plant(workshop, workshop.out / "sample")
    assert workshop.do("synthgen export")["digest"] == digest
    return digest


def plant(workshop: Workshop, folder: Path) -> str:
    """Write all that a snapshot holds, and its schema; gives its digest."""
    snapshot, ids = open_snapshot(folder), list[int]()
    for nodes in snapshot.node_tables:
        labels = "".join(f":{quote(label)}" for label in nodes.labels)
        ids += _write(workshop, snapshot, nodes, f"CREATE (e{labels}", "})")
    for ties in snapshot.relationship_tables:
        start, end = (f"$ids[row[{len(ties.types) + at}]]" for at in range(2))
        _write(workshop, snapshot, ties, f"MATCH (a) WHERE id(a) = {start} MATCH (b) WHERE id(b) = {end}"
               f" CREATE (a)-[e:{quote(ties.type)}", "}]->(b)", ids)
    create_schema(workshop.driver, workshop.address, choose_schema(snapshot.schema))
    return snapshot.digest


def create_schema(driver: neo4j.Driver, address: Address, choice: SchemaChoice) -> None:
    """Create indexes and constraints in a new store, and wait for all."""
    begin_schema(driver, address, choice)
    end_schema(driver, address, choice)


def _write(
    workshop: Workshop, snapshot: Snapshot, table: StoredNodes | StoredRelationships, create: str, end: str,
    ids: Sequence[int] = (),
) -> list[int]:
    values = ", ".join(f"{quote(name)}: {TYPES[kind].write.replace('{v}', f'row[{at}]')}"
                       for at, (name, kind) in enumerate(table.types.items()))
    columns = [*table.types, *([START, END] if ids else [])]
    rows = snapshot.read(table).select(columns).rows() if columns else [()] * table.rows
    found = workshop.query("CYPHER 5 UNWIND range(0, size($rows) - 1) AS at WITH at, $rows[at] AS row"
                           f" {create} {{{values}{end} RETURN at, id(e) ORDER BY at",
                           rows=list(map(list, rows)), ids=list(ids))
    return [id_ for _, id_ in found]
