"""Drops the product's own indexes when no operation needs them any more; what else loads leave is for rollbacks."""

from __future__ import annotations

from dataclasses import dataclass

import neo4j

from importer.index_upkeep import drop_indexes, list_indexes
from importer.ledger import list_ledgers
from importer.rollback import list_operations_in_database
from synthgen.database import Address, connect


@dataclass(frozen=True, slots=True)
class CleanedUp:
    """What a cleanup did or would do.

    Attributes:
        dropped: Names of indexes.
        kept: Likewise.
        operations: Those that the database holds nodes of, or records of a load.
    """

    dropped: tuple[str, ...]
    kept: tuple[str, ...]
    operations: tuple[str, ...]


def clean_up(address: Address, *, anyway: bool = False, dry_run: bool = False) -> CleanedUp:
    """Drop all our indexes in a database that holds no operation, or `anyway`; with `dry_run` only say so."""
    with connect(address) as driver:
        operations = tuple(sorted({*list_operations_in_database(driver, address.database),
                                   *list_ledgers(driver, address.database)}))
        found = tuple(one.name for one in list_indexes(driver, address))
        if operations and not anyway:
            return CleanedUp((), found, operations)
        return CleanedUp(found if dry_run else drop_indexes(driver, address), (), operations)


def drop_after(driver: neo4j.Driver, address: Address, operation_id: str) -> tuple[str, ...]:
    """Drop our indexes unless the database holds another operation than this one; gives the names of those dropped."""
    others = set(list_operations_in_database(driver, address.database)) - {operation_id}
    return () if others else drop_indexes(driver, address)
