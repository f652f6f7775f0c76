"""Builds the stages of loads, restores and rollbacks, of what was found and asked; touches nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from importer.indexes import Index, needed_indexes
from importer.schema_choice import choose_schema
from importer.servers.versions import Product
from importer.stages import (
    AwaitIndexes,
    AwaitSchema,
    CheckBundle,
    CheckEmpty,
    CheckFolders,
    CheckMemory,
    CheckResult,
    CheckRows,
    CheckSchema,
    CheckServer,
    CheckSnapshot,
    CheckSpace,
    CheckTables,
    CheckTypes,
    CheckUnchanged,
    CreateIndexes,
    CreateSchema,
    DeleteOperation,
    DropIndexes,
    DropOldStore,
    EndLedger,
    ImportAside,
    SetRemaining,
    Stage,
    SwapStore,
    WriteOnline,
)
from synthgen.bundle.manifest import NodeGroup, RelationshipGroup
from synthgen.bundle.read import Bundle
from synthgen.profile import profile_from_document
from synthgen.snapshot.read import Snapshot, StoredNodes, StoredRelationships

LEAST_SPACE = 100_000_000
PARQUET_TO_CSV = 6
CSV_TO_STORE = 2
# A relationship without properties is a few bytes of CSV, but 34 of the store, and as many again where nodes are dense.
RECORD_BYTES = 64


def build_offline_load(
    snapshot: Snapshot, bundle: Bundle, live: Sequence[Bundle], product: Product, *, allow_changed: bool, heap: str,
    leave_out: Sequence[str] = (), indexes: bool = True,
) -> list[Stage]:
    """Build the stages of an offline load: the new store holds the base, every live operation and this one.

    With `indexes` it has the product's own indexes, too.

    Raises:
        UsageError: The snapshot has no index or constraint of a name to be left out.
    """
    schema = choose_schema(snapshot.schema, leave_out)
    bundles = (*live, bundle)
    needed = _needed(bundles, indexes=indexes)
    without = tuple(one.manifest.operation_id for one in bundles)
    return [
        CheckServer(product),
        CheckFolders(),
        CheckMemory(heap),
        CheckBundle(bundle),
        *(CheckBundle(one) for one in live),
        CheckSnapshot(snapshot),
        CheckSchema(schema),
        CheckSpace(space_needed(snapshot, bundles)),
        CheckTypes(types_of(snapshot.tables) | types_of(group for one in bundles for group in one.manifest.groups)),
        *(CheckRows(one) for one in (bundle, *live)),
        CheckTables(snapshot),
        CheckUnchanged(snapshot.digest, without, allow_changed, schema=schema),
        ImportAside(snapshot, bundles, heap, product),
        SwapStore(),
        SetRemaining(snapshot, bundles),
        CreateSchema(schema, needed),
        CheckResult(snapshot.digest, bundles, without),
        *_await(needed, goes_on=False),
        AwaitSchema(schema),
        DropOldStore(),
    ]


def build_restore(
    snapshot: Snapshot, product: Product, *, heap: str, leave_out: Sequence[str] = ()
) -> list[Stage]:
    """Build the stages that put a snapshot into an empty database; raises as `build_offline_load`."""
    schema = choose_schema(snapshot.schema, leave_out)
    return [
        CheckServer(product),
        CheckFolders(),
        CheckMemory(heap),
        CheckSnapshot(snapshot),
        CheckEmpty(schema),
        CheckSchema(schema),
        CheckSpace(space_needed(snapshot, ())),
        CheckTypes(types_of(snapshot.tables)),
        CheckTables(snapshot),
        ImportAside(snapshot, (), heap, product),
        SwapStore(),
        # Before the schema, so that a constraint finds every property that it asks for.
        SetRemaining(snapshot, ()),
        CreateSchema(schema),
        CheckResult(snapshot.digest, (), ()),
        AwaitSchema(schema),
        DropOldStore(),
    ]


def types_of(tables: Iterable[StoredNodes | StoredRelationships | NodeGroup | RelationshipGroup]) -> frozenset[str]:
    """Give all property types of some tables or groups."""
    return frozenset(kind for table in tables for kind in table.types.values())


def space_needed(snapshot: Snapshot, bundles: Sequence[Bundle]) -> int:
    """Estimate the bytes of disk that an import needs: the base as CSV, and a store with its indexes.

    Measured for 657,388 nodes and 983,996 relationships in 645 MB of CSV: 949 MB of store, with nine indexes 1,317 MB.
    """
    base = PARQUET_TO_CSV * sum(table.bytes for table in snapshot.tables)
    operations = sum(part.bytes for bundle in bundles for part in bundle.manifest.parts)
    records = sum(int(snapshot.counts[kind]) for kind in ("nodes", "relationships")) + sum(
        bundle.manifest.counts.nodes + bundle.manifest.counts.relationships for bundle in bundles)
    return LEAST_SPACE + base + CSV_TO_STORE * (base + operations) + RECORD_BYTES * records


def _needed(bundles: Iterable[Bundle], *, indexes: bool) -> tuple[Index, ...]:
    """Give the product's own indexes that operations need, if they are wanted."""
    return needed_indexes(profile_from_document(one.manifest.profile, "the manifest's profile") for one in bundles
                          if indexes and one.manifest.profile)


def _await(needed: tuple[Index, ...], *, goes_on: bool) -> list[Stage]:
    return [AwaitIndexes(goes_on)] if needed else []


def build_online_load(
    bundle: Bundle, live: Sequence[str], *, allow_changed: bool, indexes: bool = True
) -> list[Stage]:
    """Build the stages of an online load; `live` are operations whose nodes do not belong to the base part.

    The product's own indexes are created after the nodes are written: keeping them up meanwhile costs far more.
    """
    without = tuple(sorted({*live, bundle.manifest.operation_id}))
    digest = bundle.manifest.snapshot["digest"]
    needed = _needed([bundle], indexes=indexes)
    return [
        CheckBundle(bundle),
        CheckTypes(types_of(bundle.manifest.groups)),
        CheckRows(bundle),
        CheckUnchanged(digest, without, allow_changed, bundle),
        WriteOnline(bundle, needed),
        _result(bundle, live, allow_changed=allow_changed),
        *_await(needed, goes_on=True),
    ]


def build_end_of_load(
    bundle: Bundle, live: Sequence[str], *, allow_changed: bool, indexes: bool = True
) -> list[Stage]:
    """Build what is left to do of a load that was killed after its last write, before it could say so."""
    needed = _needed([bundle], indexes=indexes)
    return [CheckBundle(bundle), EndLedger(bundle.manifest.operation_id),
            *([CreateIndexes(needed)] if needed else []),
            _result(bundle, live, allow_changed=allow_changed),
            *_await(needed, goes_on=True)]


def _result(bundle: Bundle, live: Sequence[str], *, allow_changed: bool) -> CheckResult:
    without = tuple(sorted({*live, bundle.manifest.operation_id}))
    return CheckResult(None if allow_changed else bundle.manifest.snapshot["digest"], (bundle,), without)


def build_rollback(operation_id: str, *, nodes: int, relationships: int) -> list[Stage]:
    """Build the stages of a rollback.

    Indexes go first: deletes that need not keep them up take a third of the time, and a rollback that is killed after
    its last delete has left none.
    """
    return [DropIndexes(operation_id), DeleteOperation(operation_id, nodes, relationships)]
