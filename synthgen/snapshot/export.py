"""Exports a database as a snapshot, streaming, and computes a database's digest the same way."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import neo4j
import numpy.typing as npt

from synthgen.database import CYPHER_5, Address, ask_server, connect, refuse_half_loaded, translated
from synthgen.errors import ChangedMeanwhileError, RefusedError
from synthgen.events import QUIET, Stream
from synthgen.progress import Progress, silent
from synthgen.seeding import I64
from synthgen.snapshot.content import Content
from synthgen.snapshot.digest import ContentDigest
from synthgen.snapshot.ledger import LOAD_LABEL, refuse_unfinished
from synthgen.snapshot.read import Snapshot, open_snapshot
from synthgen.snapshot.schema import is_ours, read_schema
from synthgen.snapshot.write import new_snapshot
from synthgen.work import Work, working


def export_snapshot(
    address: Address, path: Path, *, now: datetime, profile: Any = "auto", replace: bool = False, retries: int = 0,
    events: Stream = QUIET,
) -> Snapshot:
    """Write everything in a database as a snapshot under `path`; it appears whole or not at all.

    It is begun again up to `retries` times when the database was written to meanwhile. Memory: 24 bytes a node for its
    internal id, 32 for its digest, and the rows in flight.

    Raises:
        UnreachableError, NotAllowedError: As `synthgen.database.connect`.
        LockedError: A load or rollback is under way in the database.
        RefusedError: One was stopped half-way.
        ChangedMeanwhileError: The database was written to meanwhile, in the last try, too.
        SynthError: `path` exists already, or cannot be written.
        ListenerError: A listener of `events` failed; nothing is left behind.
    """
    with working(events, "export") as work:
        refuse_half_loaded(address)
        for attempt in range(retries):
            with suppress(ChangedMeanwhileError):
                return _export(address, path, work, attempt, now=now, profile=profile, replace=replace)
        return _export(address, path, work, retries, now=now, profile=profile, replace=replace)


def _numbered(progress: Progress, attempt: int) -> Progress:
    """Make phases of a further try others than those of the first: progress is never called backwards."""
    return progress if not attempt else lambda phase, done, due: progress(f"{phase} (try {attempt + 1})", done, due)


def _export(
    address: Address, path: Path, work: Work, attempt: int, *, now: datetime, profile: Any, replace: bool
) -> Snapshot:
    progress = _numbered(work.events.progress, attempt)
    with connect(address) as driver, _told_why(driver, address), new_snapshot(path, replace=replace) as writer:
        content = Content(driver, address, progress=progress)
        # After the state that is read was chosen: what comes later is noticed as a change.
        refuse_unfinished(partial(_rows, driver, address))
        for shape, frames in content.nodes():
            if shape.labels == (LOAD_LABEL,):
                continue
            if is_ours(shape.labels):
                raise RefusedError(f"the database has nodes labelled {':'.join(shape.labels)}, which is a name of ours",
                                   hint="`importer list` shows what was stopped half-way; else remove them")
            writer.add_nodes(shape.labels, shape.types, frames)
        for shape, frames in content.relationships():
            writer.add_relationships(shape.type, shape.types, frames)
        server = ask_server(driver, address)
        schema = read_schema(driver, address, server)
        content.state.check()
        writer.finish(
            created_at=now.isoformat(), schema=schema, profile=profile,
            source={"server_version": server.version, "edition": server.edition, "database": address.database},
        )
    snapshot = open_snapshot(path)
    work.monitor.record_items(int(snapshot.counts["nodes"]) + int(snapshot.counts["relationships"]))
    return snapshot


@contextmanager
def _told_why(driver: neo4j.Driver, address: Address) -> Iterator[None]:
    """Say that a load is under way, where that is why the database changed."""
    try:
        yield
    except ChangedMeanwhileError:
        refuse_unfinished(partial(_rows, driver, address))
        raise


def _rows(driver: neo4j.Driver, address: Address, query: str, **parameters: Any) -> list[list[Any]]:
    with translated(address):
        return [record.values() for record in driver.execute_query(
            CYPHER_5 + query, parameters, database_=address.database, routing_=neo4j.RoutingControl.READ).records]


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
        ChangedMeanwhileError: The database was written to meanwhile.
    """
    content = Content(driver, address, without, progress, any_order=True)
    digest = ContentDigest()
    for shape, frames in content.nodes():
        if is_ours(shape.labels):
            continue
        for frame in frames:
            digest.add_nodes(shape.labels, shape.types, frame)
    relationships = 0
    for shape, frames in content.relationships():
        for frame in frames:
            digest.add_relationships(shape.type, shape.types, frame)
            relationships += frame.height
    content.state.check()
    ids = content.internal_ids()
    return DatabaseDigest(digest.hexdigest(), len(ids), relationships, ids, digest.node_digests())
