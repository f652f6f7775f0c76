"""The bench as one call: what the database holds now, and how long queries take on it."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import datetime

import neo4j

import synthgen
from importer.census import count_totals
from importer.ledger import list_ledgers
from importer.queries.measuring import measure
from importer.queries.record import FORMAT_VERSION, SKIPPED, LiveOperation, QueryRecord, Record, Settings
from importer.queries.statements import Query
from importer.rollback import list_operations_in_database
from synthgen.database import Address, ask_server, connect
from synthgen.progress import Progress, silent


def bench(
    address: Address, queries: Sequence[Query], *, name: str, at: datetime, settings: Settings | None = None,
    skipped: Mapping[str, str] | None = None, queries_file: str | None = None, profile: str | None = None,
    progress: Progress = silent,
) -> Record:
    """Measure queries on a database as it is now; writes nothing, neither there nor to a file.

    Args:
        address: The database.
        queries: What is measured.
        name: The record's.
        at: When, for the record.
        settings: How often and how long.
        skipped: Queries that are not measured, by name, and why, for the record.
        queries_file: Where the queries are from, for the record; None for the shipped ones.
        profile: The name of the profile that they were made for, for the record.
        progress: Told of runs.

    Raises:
        UsageError: A query does not only read, or is no Cypher; nothing was run.
        UnreachableError, NotAllowedError: The database is not there, or does not let us in.
    """
    chosen = settings or Settings()
    with connect(address) as driver:
        found = measure(driver, address, queries, chosen, progress)
        server = ask_server(driver, address)
        nodes, relationships = count_totals(driver, address)
        operations = _live_operations(driver, address)
    absent = [QueryRecord(one, None, None, SKIPPED, reason) for one, reason in (skipped or {}).items()]
    return Record(
        format_version=FORMAT_VERSION, name=name, at=at.isoformat(), uri=address.uri, database=address.database,
        server={"version": server.version, "edition": server.edition},
        versions={"synthgen": synthgen.__version__, "driver": neo4j.__version__, "python": platform.python_version()},
        nodes=nodes, relationships=relationships, operations=operations, queries_file=queries_file, profile=profile,
        settings=chosen, queries=(*found, *absent))


def _live_operations(driver: neo4j.Driver, address: Address) -> tuple[LiveOperation, ...]:
    nodes = list_operations_in_database(driver, address.database)
    unfinished = list_ledgers(driver, address.database)
    return tuple(LiveOperation(one, nodes.get(one, 0), one in unfinished) for one in sorted({*nodes, *unfinished}))
