"""What a load or a rollback will do, as data, which `importer.execute` runs and `importer.explain` tells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from importer.schema_choice import SchemaChoice, choose_schema
from importer.servers.versions import Product
from synthgen.bundle.manifest import NodeGroup, RelationshipGroup
from synthgen.bundle.read import Bundle
from synthgen.snapshot.read import Snapshot, StoredNodes, StoredRelationships

Mode = Literal["offline", "online"]
LEAST_SPACE = 100_000_000
PARQUET_TO_CSV = 6
CSV_TO_STORE = 2
# A relationship without properties is a few bytes of CSV, but 34 of the store, and as many again where nodes are dense.
RECORD_BYTES = 64


@dataclass(frozen=True, slots=True)
class CheckBundle:
    """Check every file of a bundle against its manifest."""

    bundle: Bundle


@dataclass(frozen=True, slots=True)
class CheckSnapshot:
    """Check every table of a snapshot against its `snapshot.json`."""

    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class CheckRows:
    """Check every row of a bundle: ids, ends, columns, marks, values."""

    bundle: Bundle


@dataclass(frozen=True, slots=True)
class CheckTables:
    """Check every row of a snapshot: columns, ends, values."""

    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class CheckServer:
    """Check that the server is the one that the import's arguments are meant for."""

    product: Product


@dataclass(frozen=True, slots=True)
class CheckEmpty:
    """Check that the database holds nothing, nor any index or constraint that the snapshot does not bring back."""

    schema: SchemaChoice


@dataclass(frozen=True, slots=True)
class CheckSchema:
    """Check that the server can create the indexes and constraints."""

    schema: SchemaChoice


@dataclass(frozen=True, slots=True)
class CheckFolders:
    """Check that a new store can be made and put in the place of the old one."""


@dataclass(frozen=True, slots=True)
class CheckMemory:
    """Check that an import with this heap gets the memory it needs beside the running server."""

    heap: str


@dataclass(frozen=True, slots=True)
class CheckSpace:
    """Check that the server's disk has room for the import's files and the new store beside the old one."""

    bytes: int


@dataclass(frozen=True, slots=True)
class CheckTypes:
    """Check that the server can store properties of all these types."""

    types: frozenset[str]


@dataclass(frozen=True, slots=True)
class CheckUnchanged:
    """Check that the base part of the database is what the snapshot says; find the base nodes of `bundle` in it.

    Attributes:
        digest: The snapshot's content digest.
        without: Operations whose nodes do not belong to the base part.
        allow_changed: Go on when it differs.
        bundle: The bundle whose ends are needed.
        schema: The indexes and constraints that there must be, where a load replaces them.
    """

    digest: str
    without: tuple[str, ...]
    allow_changed: bool
    bundle: Bundle | None = None
    schema: SchemaChoice | None = None


@dataclass(frozen=True, slots=True)
class ImportAside:
    """Import base and operations into a new store beside the one in use, which goes on serving."""

    snapshot: Snapshot
    bundles: tuple[Bundle, ...]
    heap: str
    product: Product


@dataclass(frozen=True, slots=True)
class SwapStore:
    """Stop the server, put the new store in the place of the old one, which is kept, and start the server."""


@dataclass(frozen=True, slots=True)
class CreateSchema:
    """Create the base's indexes and constraints again and wait for them."""

    schema: SchemaChoice


@dataclass(frozen=True, slots=True)
class SetRemaining:
    """Set what CSV has no form for: empty lists, odd names, and some values."""

    snapshot: Snapshot
    bundles: tuple[Bundle, ...]


@dataclass(frozen=True, slots=True)
class WriteOnline:
    """Write the bundle in batches, each with its record in the ledger."""

    bundle: Bundle


@dataclass(frozen=True, slots=True)
class EndLedger:
    """Remove what a load that was killed at its very end has left of its ledger."""

    operation_id: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Check what is in the database now: counts of each operation, the base part's digest, indexes and constraints.

    Attributes:
        digest: The base part's digest that must be found; None when the base part was changed on purpose.
        schema: The indexes and constraints that there must be; None where a load leaves them alone.
    """

    digest: str | None
    bundles: tuple[Bundle, ...]
    without: tuple[str, ...]
    schema: SchemaChoice | None = None


@dataclass(frozen=True, slots=True)
class DropOldStore:
    """Remove the store that was replaced; from here on there is no way back but a rollback."""


@dataclass(frozen=True, slots=True)
class DeleteOperation:
    """Delete the nodes that are marked with the operation, with their relationships, in bounded batches."""

    operation_id: str
    nodes: int
    relationships: int


CHECKS = (CheckBundle, CheckSnapshot, CheckServer, CheckFolders, CheckMemory, CheckEmpty, CheckSchema, CheckSpace,
          CheckTypes, CheckRows, CheckTables, CheckUnchanged)
"""These stages touch nothing; when one of them fails nothing has to be undone."""

Stage = (
    CheckBundle | CheckSnapshot | CheckServer | CheckFolders | CheckMemory | CheckEmpty | CheckSchema | CheckSpace
    | CheckTypes | CheckRows | CheckTables | CheckUnchanged | ImportAside | SwapStore | SetRemaining | CreateSchema
    | WriteOnline | EndLedger | CheckResult | DropOldStore | DeleteOperation
)


def build_offline_load(
    snapshot: Snapshot, bundle: Bundle, live: Sequence[Bundle], product: Product, *, allow_changed: bool, heap: str,
    leave_out: Sequence[str] = (),
) -> list[Stage]:
    """Build the stages of an offline load: the new store holds the base, every live operation and this one.

    Raises:
        UsageError: The snapshot has no index or constraint of a name to be left out.
    """
    schema = choose_schema(snapshot.schema, leave_out)
    bundles = (*live, bundle)
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
        CreateSchema(schema),
        CheckResult(snapshot.digest, bundles, without, schema),
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
        CheckResult(snapshot.digest, (), (), schema),
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


def build_online_load(bundle: Bundle, live: Sequence[str], *, allow_changed: bool) -> list[Stage]:
    """Build the stages of an online load; `live` are operations whose nodes do not belong to the base part."""
    without = tuple(sorted({*live, bundle.manifest.operation_id}))
    digest = bundle.manifest.snapshot["digest"]
    return [
        CheckBundle(bundle),
        CheckTypes(types_of(bundle.manifest.groups)),
        CheckRows(bundle),
        CheckUnchanged(digest, without, allow_changed, bundle),
        WriteOnline(bundle),
        CheckResult(None if allow_changed else digest, (bundle,), without),
    ]


def build_end_of_load(bundle: Bundle, live: Sequence[str], *, allow_changed: bool) -> list[Stage]:
    """Build what is left to do of a load that was killed after its last write, before it could say so."""
    return [CheckBundle(bundle), EndLedger(bundle.manifest.operation_id),
            build_online_load(bundle, live, allow_changed=allow_changed)[-1]]


def build_rollback(operation_id: str, *, nodes: int, relationships: int) -> list[Stage]:
    """Build the stages of a rollback."""
    return [DeleteOperation(operation_id, nodes, relationships)]
