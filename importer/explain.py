"""Stages as text: this is `--dry-run`; runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from importer.indexes import Index
from importer.limits import LIMITS, Limit
from importer.servers.versions import Product, notes
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


def find_limits(stages: Sequence[Stage]) -> tuple[Limit, ...]:
    """Give what the stages will not carry over from the database in use to the new store."""
    return LIMITS if any(isinstance(stage, ImportAside) for stage in stages) else ()


def explain(stages: Sequence[Stage]) -> list[str]:
    """Say in a line each what the stages would do, in order."""
    return [_line(stage) for stage in stages]


def _line(stage: Stage) -> str:  # noqa: C901, PLR0911, PLR0912 - one answer per kind of stage
    match stage:
        case CheckBundle(bundle):
            counts, files_at = bundle.manifest.counts, bundle.manifest.files_at
            return ("" if files_at is None else f"bring what is not here yet from {files_at}, and ") + (
                    f"check the files of {bundle.manifest.operation_id}: {counts.nodes:,} nodes,"
                    f" {counts.relationships:,} relationships, {len(bundle.manifest.parts)} parts")
        case CheckSnapshot(snapshot):
            return f"check the files of the snapshot in {snapshot.path}"
        case CheckRows(bundle):
            return f"check the rows of {bundle.manifest.operation_id}: ids, ends, columns, marks and values"
        case CheckTables(snapshot):
            return f"check the rows of the snapshot in {snapshot.path}: columns, ends and values"
        case CheckServer(product):
            return _server(product)
        case CheckEmpty():
            return "check that the database is empty"
        case CheckSchema(choice):
            return f"check that the server can create {len(choice.items)} indexes and constraints" + (
                f", and leave out {', '.join(choice.left_out)}" if choice.left_out else "")
        case CheckFolders():
            return "check that a new store can be made beside the one in use and put in its place"
        case CheckMemory(heap):
            return f"check that an import with a heap of {heap} gets the memory that it needs beside the server"
        case CheckSpace(size):
            return f"check that {size / 1e6:,.0f} MB of disk are free"
        case CheckTypes(types):
            return f"check that the server can store all {len(types)} property types"
        case CheckUnchanged():
            found = " and find the base nodes that the operation is tied to" if stage.bundle else ""
            if stage.allow_changed:
                return f"read the base part{found}; changes since the snapshot are allowed"
            schema = " and its schema is the snapshot's" if stage.schema is not None else ""
            return f"check that the base part's digest is still {stage.digest}{schema}{found}"
        case ImportAside(snapshot, bundles, heap):
            nodes = snapshot.counts["nodes"] + sum(bundle.manifest.counts.nodes for bundle in bundles)
            relationships = snapshot.counts["relationships"] + sum(
                bundle.manifest.counts.relationships for bundle in bundles)
            names = ", ".join(["the base", *(bundle.manifest.operation_id for bundle in bundles)])
            return (f"import {nodes:,} nodes and {relationships:,} relationships ({names}) into a new store beside the"
                    f" one in use, heap {heap}; what was changed by hand on synthetic nodes is not carried over")
        case SwapStore():
            return ("stop the server, check that nothing was written since, put the new store in place, keep the old"
                    " one aside, start the server")
        case SetRemaining():
            return "set what CSV has no form for: empty lists, odd names, and some values"
        case CreateSchema():
            return f"create {len(stage.schema.items)} indexes and constraints again" + _beside(stage.indexes)
        case AwaitSchema():
            return f"wait for {len(stage.schema.items)} indexes and constraints, and check that they are the snapshot's"
        case CreateIndexes(indexes):
            return _creation(indexes)
        case AwaitIndexes():
            return "wait for the indexes of ours, and leave out any that cannot be filled"
        case DropIndexes():
            return "drop the indexes of ours, unless another operation is in the database"
        case WriteOnline(bundle):
            counts = bundle.manifest.counts
            return (f"write {counts.nodes:,} nodes, then {counts.relationships:,} relationships, in batches of one"
                    f" transaction each with its record in the ledger{_beside(stage.indexes)}")
        case EndLedger(operation_id):
            return f"remove what is left of the ledger of {operation_id}, all of which is written"
        case CheckResult():
            return "check the counts" + (
                f" and that the base part's digest is {stage.digest}" if stage.digest else "")
        case DropOldStore():
            return "remove the old store"
        case DeleteOperation():
            return (f"delete {stage.nodes:,} nodes marked {stage.operation_id} and the {stage.relationships:,}"
                    " relationships they have, in bounded batches")
        case _:
            assert_never(stage)


def _beside(indexes: Sequence[Index]) -> str:
    return f"; {_creation(indexes)}" if indexes else ""


def _creation(indexes: Sequence[Index]) -> str:
    names = ", ".join(f"{index.label}.{index.property_name}" for index in indexes)
    return f"create those of {len(indexes)} indexes of ours that are missing ({names})"


def _server(product: Product) -> str:
    line = product.line
    told = "".join(f"; {note}" for note in notes(product))
    return (f"check that the server is Neo4j {product.version} {product.edition} ({line.name}: {line.dialects})"
            f" with a store of format {product.store or 'unknown'}{told}")
