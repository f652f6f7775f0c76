"""Creates, lists and drops the product's own indexes in a database; decides neither which nor when.

Trouble with one of them never fails a load, which is whole without: an index that cannot be filled is dropped again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import neo4j
from neo4j.exceptions import ClientError, DatabaseError, Neo4jError

from importer.cypher import DIALECT
from importer.indexes import RANGE, Index, serving
from importer.schema import INDEX_SECONDS, begin_schema
from importer.schema_choice import SchemaChoice
from importer.servers.local_target import find_local_target
from importer.transactions import is_unreachable
from synthgen.database import Address, quote, translated
from synthgen.files import folder_bytes
from synthgen.metadata import OPERATION_ID
from synthgen.progress import Progress, silent
from synthgen.snapshot.schema import OWN_PREFIX, read_schema

_SHOW = (
    f"{DIALECT}SHOW INDEXES YIELD id, name, type, labelsOrTypes, properties, state, populationPercent, failureMessage,"
    f" owningConstraint WHERE name STARTS WITH '{OWN_PREFIX}' AND type = '{RANGE}' AND owningConstraint IS NULL"
    " RETURN id, name, labelsOrTypes[0] AS label, properties[0] AS property_name, state, populationPercent AS percent,"
    " failureMessage AS failure ORDER BY name"
)
ONLINE = "ONLINE"
FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class OwnIndex:
    """One of our indexes as the database has it.

    Attributes:
        percent: How much of it is filled.
        bytes: What it takes on disk; None where that cannot be seen.
        failure: Why it could not be filled; nothing when it could.
    """

    name: str
    label: str
    property_name: str
    state: str
    percent: float
    bytes: int | None
    failure: str


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What became of the indexes that were needed.

    Attributes:
        created: Names of those that were created.
        served: Name of each that the user's schema makes needless, with the name of what serves instead.
        failed: Name of each that could not be created, with the reason.
    """

    created: tuple[str, ...] = ()
    served: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Begun:
    """Indexes that the server fills.

    Attributes:
        wanted: All that are needed, but for those of `served`.
        missing: Those of them that were not there.
        served: As in `Upkeep`.
        failed: As in `Upkeep`, so far.
    """

    wanted: tuple[Index, ...] = ()
    missing: tuple[Index, ...] = ()
    served: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def begin_indexes(driver: neo4j.Driver, address: Address, needed: Sequence[Index]) -> Begun:
    """Create the indexes that are missing, all in one transaction so that one scan fills them; waits for none."""
    served = serving(needed, read_schema(driver, address))
    present = {one.name for one in list_indexes(driver, address)}
    wanted = tuple(index for index in needed if index not in served)
    missing = tuple(index for index in wanted if index.name not in present)
    failed: dict[str, str] = {}
    with translated(address):
        try:
            with driver.session(database=address.database) as session:
                session.execute_write(_run_all, [index.statement for index in missing])
        except Neo4jError as error:
            if is_unreachable(error):
                raise
            failed = dict.fromkeys((index.name for index in missing), _first_line(error.message))
    return Begun(wanted, missing, {index.name: name for index, name in served.items()}, failed)


def begin_with_schema(
    driver: neo4j.Driver, address: Address, needed: Sequence[Index], choice: SchemaChoice
) -> Begun:
    """Create our indexes, and what a base had, in a store that an import made, so that one scan fills all.

    Raises:
        LoadFailedError: An index or a constraint of the base cannot be created.
    """
    served = serving(needed, choice.items)
    missing = tuple(index for index in needed if index not in served)
    if begin_schema(driver, address, choice, [index.statement for index in missing]):
        return Begun(missing, missing, {index.name: name for index, name in served.items()})
    return begin_indexes(driver, address, needed)


def await_indexes(driver: neo4j.Driver, address: Address, begun: Begun, *, progress: Progress = silent) -> Upkeep:
    """Wait for indexes that were created, and drop those that could not be filled."""
    failed = dict(begun.failed)
    with translated(address):
        for done, index in enumerate(begun.wanted, start=1):
            # It fails when the index did, or is not there, or when the time is over: which ones is asked afterwards.
            with suppress(ClientError, DatabaseError):
                driver.execute_query(f"{DIALECT}CALL db.awaitIndex($name, $seconds)",
                                     {"name": index.name, "seconds": INDEX_SECONDS}, database_=address.database)
            progress("indexes", done, len(begun.wanted))
    found = {one.name: one for one in list_indexes(driver, address)}
    for index in begun.wanted:
        one = found.get(index.name)
        if one is not None and one.state != ONLINE:
            failed[index.name] = one.failure or f"it is {one.state} after {INDEX_SECONDS:,} seconds"
            if one.state == FAILED:
                _drop(driver, address, [one.name])
    return Upkeep(tuple(index.name for index in begun.missing if index.name not in failed), begun.served, failed)


def create_indexes(
    driver: neo4j.Driver, address: Address, needed: Sequence[Index], *, progress: Progress = silent
) -> Upkeep:
    """Create the indexes that are missing, and wait for them."""
    return await_indexes(driver, address, begin_indexes(driver, address, needed), progress=progress)


def _run_all(transaction: neo4j.ManagedTransaction, statements: Iterable[str]) -> None:
    for statement in statements:
        transaction.run(statement).consume()


def list_indexes(driver: neo4j.Driver, address: Address) -> list[OwnIndex]:
    """List our indexes in a database, by name; sizes are those of the local server's files."""
    folder = _index_folder(address)
    with translated(address):
        records = driver.execute_query(_SHOW, database_=address.database).records
    return [OwnIndex(row["name"], row["label"], row["property_name"], row["state"], row["percent"],
                     _size(folder, row["id"]), _first_line(row["failure"])) for row in records]


def drop_indexes(driver: neo4j.Driver, address: Address) -> tuple[str, ...]:
    """Drop all our indexes and give their names."""
    names = tuple(one.name for one in list_indexes(driver, address))
    _drop(driver, address, names)
    return names


def indexed_labels(driver: neo4j.Driver, database: str) -> list[str]:
    """Name the labels whose nodes an index of ours finds by operation id, now."""
    with driver.session(database=database) as session:
        return sorted(row["label"] for row in session.run(_SHOW)
                      if (row["property_name"], row["state"]) == (OPERATION_ID, ONLINE))


def _drop(driver: neo4j.Driver, address: Address, names: Iterable[str]) -> None:
    with translated(address):
        for name in names:
            driver.execute_query(f"{DIALECT}DROP INDEX {quote(name)} IF EXISTS", database_=address.database)


def _index_folder(address: Address) -> Path | None:
    target = find_local_target(address)
    if target is None:
        return None
    return Path(target.layout.data / "databases" / target.layout.database / "schema" / "index" / "range-1.0")


def _size(folder: Path | None, number: Any) -> int | None:
    found = None if folder is None else folder / str(number)
    return folder_bytes(found) if found is not None and found.is_dir() else None


def _first_line(text: str | None) -> str:
    return (text or "").partition("\n")[0]
