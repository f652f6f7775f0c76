"""What a load or a rollback will do, as data; touches nothing.

A load is first built as a list of stages (`importer.building`), then run (`importer.execute`) or told
(`importer.explain`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from importer.indexes import Index
from importer.schema_choice import SchemaChoice
from importer.servers.versions import Product
from synthgen.bundle.read import Bundle
from synthgen.snapshot.read import Snapshot

Mode = Literal["offline", "online"]


@dataclass(frozen=True, slots=True)
class CheckBundle:
    """Check every file of a bundle against its manifest; those that lie elsewhere are brought here first."""

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
    """Create the base's indexes and constraints again, ours with them; the server fills them while the load goes on.

    Attributes:
        indexes: Those of the product's own indexes that are needed.
    """

    schema: SchemaChoice
    indexes: tuple[Index, ...] = ()


@dataclass(frozen=True, slots=True)
class AwaitSchema:
    """Wait for the base's indexes, and check that the schema is the snapshot's."""

    schema: SchemaChoice


@dataclass(frozen=True, slots=True)
class SetRemaining:
    """Set what CSV has no form for: empty lists, odd names, and some values."""

    snapshot: Snapshot
    bundles: tuple[Bundle, ...]


@dataclass(frozen=True, slots=True)
class WriteOnline:
    """Write the bundle in batches, each with its record in the ledger.

    Attributes:
        indexes: Those of the product's own indexes that are needed; those that are missing are created as soon as the
            nodes are written, and the server fills them while relationships are.
    """

    bundle: Bundle
    indexes: tuple[Index, ...] = ()


@dataclass(frozen=True, slots=True)
class EndLedger:
    """Remove what a load that was killed at its very end has left of its ledger."""

    operation_id: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Check what is in the database now: counts of each operation, and the base part's digest.

    Attributes:
        digest: The base part's digest that must be found; None when the base part was changed on purpose.
    """

    digest: str | None
    bundles: tuple[Bundle, ...]
    without: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CreateIndexes:
    """Create those of the product's own indexes that are missing, all rows being there; the server fills them."""

    indexes: tuple[Index, ...]


@dataclass(frozen=True, slots=True)
class AwaitIndexes:
    """Wait for the indexes that were created; what cannot be filled is left out.

    Attributes:
        goes_on: Whether who interrupts this stops a load half-way, to be gone on with.
    """

    goes_on: bool


@dataclass(frozen=True, slots=True)
class DropIndexes:
    """Drop the product's own indexes, unless the database holds another operation than this one."""

    operation_id: str


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
    | AwaitSchema | CreateIndexes | AwaitIndexes | WriteOnline | EndLedger | CheckResult | DropOldStore | DropIndexes
    | DeleteOperation
)
