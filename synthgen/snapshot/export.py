"""Exports a database as a snapshot, streaming, and computes a database's digest the same way."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import neo4j
import numpy.typing as npt

from synthgen.database import Address, connect, translated
from synthgen.errors import RefusedError
from synthgen.graph import SchemaItem
from synthgen.progress import Progress, silent
from synthgen.seeding import I64
from synthgen.snapshot.content import Content, written_meanwhile
from synthgen.snapshot.digest import ContentDigest
from synthgen.snapshot.read import Snapshot, open_snapshot
from synthgen.snapshot.write import new_snapshot

LEDGER_PREFIX = "__Synthgen"


def export_snapshot(
    address: Address, path: Path, *, now: datetime, profile: Any = "auto", replace: bool = False,
    progress: Progress = silent,
) -> Snapshot:
    """Write everything in a database as a snapshot under `path`; it appears whole or not at all.

    Memory: 16 bytes a node for its internal id, 32 for its digest, and the rows in flight.

    Raises:
        UnreachableError, NotAllowedError: As `synthgen.database.connect`.
        RefusedError: A load is under way in the database.
        SnapshotError: The database was written to meanwhile.
        SynthError: `path` exists already, or cannot be written.
    """
    with connect(address) as driver, new_snapshot(path, replace=replace) as writer:
        content = Content(driver, address, progress=progress)
        before = content.bookmark()
        shapes = content.node_shapes()
        for shape in shapes:
            if _is_ours(shape.labels):
                raise RefusedError("a load is under way in the database, or one was stopped half-way",
                                   hint="wait for it, or end it with `importer load` or `importer rollback`")
            writer.add_nodes(shape.labels, shape.types, content.read_nodes(shape))
        for shape in content.relationship_shapes():
            writer.add_relationships(shape.type, shape.types, content.read_relationships(shape))
        if content.bookmark() != before:
            raise written_meanwhile(address)
        version, edition = server_version(driver, address)
        writer.finish(
            created_at=now.isoformat(), schema=read_schema(driver, address), profile=profile,
            source={"server_version": version, "edition": edition, "database": address.database},
        )
    return open_snapshot(path)


@dataclass(frozen=True, slots=True)
class DatabaseDigest:
    """A database's content digest, with what identifies each of its nodes.

    Attributes:
        digest: 32 hex digits.
        nodes, relationships: How many were read.
        ids: Internal id per node number.
        node_digests: `n1` per node number, shape (nodes, 2).
    """

    digest: str
    nodes: int
    relationships: int
    ids: I64
    node_digests: npt.NDArray[Any]


def digest_database(
    driver: neo4j.Driver, address: Address, *, without: Collection[str] = (), progress: Progress = silent
) -> DatabaseDigest:
    """Compute the content digest of a database, or of what is left without some operations' nodes.

    Raises:
        SnapshotError: The database was written to meanwhile.
    """
    content = Content(driver, address, without, progress)
    digest = ContentDigest()
    before = content.bookmark()
    for shape in content.node_shapes():
        if _is_ours(shape.labels):
            continue
        for frame in content.read_nodes(shape):
            digest.add_nodes(shape.labels, shape.types, frame)
    relationships = 0
    for shape in content.relationship_shapes():
        for frame in content.read_relationships(shape):
            digest.add_relationships(shape.type, shape.types, frame)
            relationships += frame.height
    if content.bookmark() != before:
        raise written_meanwhile(address)
    ids = content.internal_ids()
    return DatabaseDigest(digest.hexdigest(), len(ids), relationships, ids, digest.node_digests())


def server_version(driver: neo4j.Driver, address: Address) -> tuple[str, str]:
    """Ask for the server's version and edition."""
    with translated(address):
        records = driver.execute_query(
            "CALL dbms.components() YIELD name, versions, edition WHERE name = 'Neo4j Kernel'"
            " RETURN versions[0], edition", database_=address.database
        ).records
    return str(records[0][0]), str(records[0][1])


def read_schema(driver: neo4j.Driver, address: Address) -> list[SchemaItem]:
    """Read all indexes and constraints as the statements that create them again, constraints first.

    The two lookup indexes that every database has from the start are left out, as are indexes that a constraint owns.
    """
    with translated(address):
        constraints = driver.execute_query(
            "SHOW CONSTRAINTS YIELD name, type, labelsOrTypes, properties, createStatement"
            " RETURN name, type, labelsOrTypes, properties, createStatement ORDER BY name", database_=address.database
        ).records
        indexes = driver.execute_query(
            "SHOW INDEXES YIELD name, type, labelsOrTypes, properties, createStatement, owningConstraint"
            " WHERE owningConstraint IS NULL AND type <> 'LOOKUP'"
            " RETURN name, labelsOrTypes, properties, createStatement ORDER BY name", database_=address.database
        ).records
    return [_schema_item(row) for row in (*constraints, *indexes) if not _is_ours(row["labelsOrTypes"])]


def _schema_item(row: neo4j.Record) -> SchemaItem:
    kinds = {"UNIQUENESS": "uniqueness", "NODE_PROPERTY_UNIQUENESS": "uniqueness", None: "index"}
    # Neo4j gives names in backticks, but leaves alone what Cypher reads before it looks for these: \uXXXX.
    statement = str(row["createStatement"]).replace("\\", "\\u005C")
    return SchemaItem(kinds.get(row.get("type"), "constraint"), row["name"], statement,
                      (row["labelsOrTypes"] or [""])[0], tuple(row["properties"] or ()))


def _is_ours(labels: Collection[str] | None) -> bool:
    return any(label.startswith(LEDGER_PREFIX) for label in labels or ())
