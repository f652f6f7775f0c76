"""Reads a database's indexes and constraints, each with the statement that creates it again; changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import neo4j

from synthgen.database import Address, Server, ask_server, translated
from synthgen.graph import SchemaItem

LEDGER_PREFIX = "__Synthgen"
OWN_PREFIX = "__synthgen_"
"""How the names of all indexes and constraints begin that loads create for themselves."""
_CONSTRAINTS = (
    "CYPHER {} SHOW CONSTRAINTS YIELD name, type, entityType, labelsOrTypes, properties, propertyType, options,"
    " createStatement RETURN *, '' AS failureMessage ORDER BY name"
)
_INDEXES = (
    "CYPHER {} SHOW INDEXES YIELD name, type, entityType, labelsOrTypes, properties, options, createStatement,"
    " owningConstraint, failureMessage WHERE owningConstraint IS NULL RETURN *, null AS propertyType ORDER BY name"
)
# What Cypher 5 calls otherwise than Cypher 25.
_TYPES = {"UNIQUENESS": "NODE_PROPERTY_UNIQUENESS", "RELATIONSHIP_UNIQUENESS": "RELATIONSHIP_PROPERTY_UNIQUENESS"}


def read_schema(driver: neo4j.Driver, address: Address, server: Server | None = None) -> list[SchemaItem]:
    """Read all indexes and constraints, constraints first, each in order of names.

    Indexes that a constraint owns, what belongs to a load's ledger and the product's own indexes are left out. Index
    providers are not read: a server takes its newest, whichever is asked for.

    Args:
        driver: Of the database.
        address: The database.
        server: What `ask_server` said, if it was asked already.
    """
    dialects = (server or ask_server(driver, address)).dialects
    # Only the newest dialect knows all kinds; the oldest one's statements run on the most servers.
    oldest, newest = dialects[0], dialects[-1]
    found = _show(driver, address, newest)
    portable = found if oldest == newest else _show(driver, address, oldest)
    statements = {name: _escaped(row["createStatement"]) for name, row in portable.items()}
    return [
        _schema_item(row, statements.get(name) or (row["createStatement"] and
                                                   f"CYPHER {newest} {_escaped(row['createStatement'])}") or "")
        for name, row in found.items() if not is_ours(row["labelsOrTypes"]) and not name.startswith(OWN_PREFIX)
    ]


def is_ours(labels: Collection[str] | None) -> bool:
    """Say whether these are labels of a load's ledger."""
    return any(label.startswith(LEDGER_PREFIX) for label in labels or ())


def _show(driver: neo4j.Driver, address: Address, dialect: str) -> dict[str, Mapping[str, Any]]:
    with translated(address):
        return {row["name"]: {**row, "kind": kind}
                for kind, query in (("constraint", _CONSTRAINTS), ("index", _INDEXES))
                for row in driver.execute_query(query.format(dialect), database_=address.database).records}


def _escaped(statement: str | None) -> str:
    # Neo4j gives names in backticks, but leaves alone what Cypher reads before it looks for these: \uXXXX.
    return (statement or "").replace("\\", "\\u005C")


def _schema_item(row: Mapping[str, Any], statement: str) -> SchemaItem:
    return SchemaItem(
        row["kind"], _TYPES.get(row["type"], row["type"]), row["name"], statement, row["entityType"],
        tuple(row["labelsOrTypes"] or ()), tuple(row["properties"] or ()),
        dict(sorted((row["options"] or {}).get("indexConfig", {}).items())), row["propertyType"] or "",
        (row["failureMessage"] or "").partition("\n")[0])
