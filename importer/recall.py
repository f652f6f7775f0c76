"""Takes from the ledger what earlier runs of a load wrote, and makes sure that the database agrees; writes nothing."""

from __future__ import annotations

import numpy as np

from importer.ledger import Range, read_batches
from importer.lock import Lock
from importer.parts import UNKNOWN, Done, Nodes, first_import_id
from importer.rollback import Deleted, count_operation, find_marked
from synthgen.bundle.read import Bundle
from synthgen.errors import LoadFailedError, RefusedError


def recall(bundle: Bundle, lock: Lock, nodes: Nodes) -> Done:
    """Give the ranges that are written, and put the internal ids of their nodes into `nodes`.

    Raises:
        LoadFailedError: The ledger contradicts the bundle, or the database, by a single node or relationship.
    """
    done, rows = Done(), {"nodes": 0, "relationships": 0}
    for batch, ids in read_batches(lock):
        _check(bundle, batch, ids, lock)
        done.add(batch)
        rows[batch.kind] += batch.rows
        if batch.kind == "nodes":
            begin = first_import_id(bundle.manifest.node_groups[batch.group], batch.part) + batch.first
            nodes.ids[begin:begin + batch.rows] = ids or []
    if done.ranges:
        _compare(rows, count_operation(lock.driver, lock.database, lock.operation_id), lock)
        found, _ = find_marked(lock)
        if not np.array_equal(np.sort(found), np.sort(nodes.ids[nodes.ids != UNKNOWN])):
            raise _damaged("the nodes of the operation are not those that it names", lock)
    return done


def is_there_already(bundle: Bundle, lock: Lock) -> bool:
    """Say whether an earlier run wrote everything, but did not live to say so.

    Raises:
        RefusedError: A part is there, and no ledger says which.
    """
    found = count_operation(lock.driver, lock.database, lock.operation_id)
    counts = bundle.manifest.counts
    if not found.nodes:
        return False
    if (found.nodes, found.relationships) == (counts.nodes, counts.relationships):
        return True
    raise RefusedError(
        f"the database has {found.nodes:,} nodes and {found.relationships:,} relationships of {lock.operation_id}, and"
        " no ledger that says which", hint=_way_out(lock), nodes=found.nodes, relationships=found.relationships,
        operation_id=lock.operation_id)


def check_complete(bundle: Bundle, lock: Lock) -> None:
    """Make sure that everything is there, as the mark `complete` says.

    Raises:
        LoadFailedError: It is not.
    """
    counts = bundle.manifest.counts
    _compare({"nodes": counts.nodes, "relationships": counts.relationships},
             count_operation(lock.driver, lock.database, lock.operation_id), lock)


def _check(bundle: Bundle, batch: Range, ids: list[int] | None, lock: Lock) -> None:
    manifest = bundle.manifest
    groups = manifest.node_groups if batch.kind == "nodes" else manifest.relationship_groups
    place = f"{batch.kind} group {batch.group} part {batch.part}"
    if not (0 <= batch.group < len(groups) and 0 <= batch.part < len(groups[batch.group].parts)):
        raise _damaged(f"it names {place}, which the bundle has not", lock)
    rows = groups[batch.group].parts[batch.part].rows
    if not 0 <= batch.first < batch.first + batch.rows <= rows:
        raise _damaged(f"it names rows {batch.first} to {batch.first + batch.rows} of {place}, which has {rows}", lock)
    if batch.kind == "nodes" and len(ids or []) != batch.rows:
        raise _damaged(f"it has {len(ids or [])} internal ids for {batch.rows} rows of {place}", lock)


def _compare(expected: dict[str, int], found: Deleted, lock: Lock) -> None:
    if (found.nodes, found.relationships) != (expected["nodes"], expected["relationships"]):
        raise _damaged(
            f"it knows {expected['nodes']:,} nodes and {expected['relationships']:,} relationships, the database has"
            f" {found.nodes:,} and {found.relationships:,}", lock)


def _damaged(how: str, lock: Lock) -> LoadFailedError:
    return LoadFailedError(
        f"the ledger of {lock.operation_id} is damaged, or the operation's nodes were changed: {how}",
        hint=_way_out(lock), operation_id=lock.operation_id)


def _way_out(lock: Lock) -> str:
    return f"take out what is there with `importer rollback {lock.operation_id}`, then load it again"
