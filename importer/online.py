"""Writes one bundle into a live database exactly once; knows the ledger's promises, no schema and no server.

Nodes first, then relationships, in batches of one transaction each that also write their record in the ledger. What the
ledger has is not written again, so a load that stopped anywhere goes on. Nothing of the user's schema is needed: nodes
are found by internal id.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import neo4j
import numpy as np
import polars as pl
from neo4j.exceptions import DriverError, Neo4jError

from importer.batches import Batch, OpenPart, Source
from importer.beside import begin
from importer.ledger import create_constraint, find_marks, record_mark, remove_batches
from importer.lock import Lock, hold_lock
from importer.parts import UNKNOWN, Done, Nodes, due_nodes, due_relationships, first_import_id, open_first
from importer.recall import check_complete, is_there_already, recall
from importer.resilience import Resilience
from importer.scaling.controller import Decision
from importer.scaling.settings import Scaling
from importer.scaling.steering import Steering
from importer.scaling.window import Trouble
from importer.transactions import GOES_ON, GivenUpError, is_out_of_time, is_unreachable, may_pass, way_out
from importer.writing import Written, write_batch
from synthgen.bundle.read import Bundle
from synthgen.errors import LoadFailedError, RefusedError, StoppedHalfwayError
from synthgen.events import QUIET, Stream


@dataclass(frozen=True, slots=True)
class OnlineOptions:
    """How a load may adapt itself, and what it bears.

    Attributes:
        scaling: Batch rows and writers, and what changes them.
        resilience: How it bears a database that does not answer, is busy, or is shared.
    """

    scaling: Scaling = field(default_factory=Scaling)
    resilience: Resilience = field(default_factory=Resilience)


@dataclass(frozen=True, slots=True)
class OnlineResult:
    """What one run of a load did.

    Attributes:
        nodes: Nodes written by this run.
        relationships: Relationships written by this run.
        batches: Transactions that wrote them.
        retries: Transactions that were tried again, for whatever reason.
        retries_by_trouble: The same by reason.
        seconds: From taking the lock to the end.
        resumed: Whether an earlier run had written something.
        decisions: Every change of batch rows and writers, with its reason.
        scaling: The same for the record, with what was read from outside, as FORMAT.md says.
    """

    nodes: int
    relationships: int
    batches: int
    retries: int
    retries_by_trouble: Mapping[Trouble, int]
    seconds: float
    resumed: bool
    decisions: tuple[Decision, ...]
    scaling: Mapping[str, Any]


def load_online(
    bundle: Bundle,
    driver: neo4j.Driver,
    database: str,
    anchors: pl.DataFrame,
    *,
    options: OnlineOptions = OnlineOptions(),
    events: Stream = QUIET,
    lock: Lock | None = None,
    stop: threading.Event | None = None,
    after_nodes: Callable[[], None] = lambda: None,
) -> OnlineResult:
    """Write the bundle's nodes and relationships, each exactly once, whatever happened to earlier runs.

    Args:
        bundle: Its files and rows were checked by the caller (`synthgen.bundle.read.check_files`, `.check.check_rows`).
        driver: The connection.
        database: The database's name.
        anchors: `node` (snapshot's node number) and `id` (internal id, `id(n)`), Int64, in any order, one row for each
            base node that a relationship ends on.
        options: How it adapts batch rows and writers, and what it bears.
        events: Told of rows written, in the phases `nodes` and `relationships`, where earlier runs' rows count; of each
            commit, each further try and of waiting, in the thread that writes; and of each decision on batch rows and
            writers.
        lock: The caller's lock on the database; taken here when None.
        stop: Set it to end the load after the batches under way, as an interrupt does; a load that fails sets it too.
        after_nodes: Called once when all nodes are in the database, before any further relationship is written; what
            it raises ends the load, to be gone on with.

    Raises:
        LockedError: Another run is at work on the database, or took the lock over.
        RefusedError: A rollback of the operation has begun, or its nodes are there with no ledger that explains them.
        BundleError: The bundle contradicts itself, or names a base node that is not in `anchors`.
        ListenerError: A listener of `events` failed; the same call goes on.
        StoppedHalfwayError: Interrupted, at its time limit, or the database does not answer any more; the same call
            goes on.
        LoadFailedError: It cannot be finished, e.g. because a base node vanished or a constraint forbids a node. What
            is written stays, with its ledger, until `importer.rollback.delete_operation`.
    """
    with (hold_lock(driver, database, bundle.manifest.operation_id) if lock is None else nullcontext(lock)) as held:
        load = _Load(bundle, held, options, events, stop or threading.Event())
        try:
            with begin(lambda _: open_first(bundle)) as first:
                return load.run(anchors, first.result, after_nodes)
        except KeyboardInterrupt:
            raise load.stopped("was interrupted") from None
        except GivenUpError as error:
            raise load.stopped(str(error), way_out(error)) from error
        except (Neo4jError, DriverError, OSError) as error:
            if is_unreachable(error):
                raise load.stopped(f"lost the database: {error}", way_out(error)) from error
            if may_pass(error) or is_out_of_time(error):
                raise load.stopped(f"was held up for too long: {error}") from error
            raise LoadFailedError(f"load of {held.operation_id} failed: {error}", hint="roll it back, or correct the"
                                  " cause and load it again: it goes on where it failed", **load.facts) from error


class _Load:
    """One run of `load_online`."""

    def __init__(
        self, bundle: Bundle, lock: Lock, options: OnlineOptions, events: Stream, stop: threading.Event,
    ) -> None:
        self._bundle = bundle
        self._lock = lock
        self._options = options
        self._events = events
        self._stop = stop
        self._transactions = lock.transactions(options.resilience, stop=stop, events=events)
        self._steering = Steering(options.scaling, lock.driver, lock.database, events)
        self._began = time.monotonic()
        self._written = {"nodes": 0, "relationships": 0}
        self._batches = 0

    @property
    def facts(self) -> Mapping[str, Any]:
        return {"operation_id": self._lock.operation_id, "nodes_written": self._written["nodes"],
                "relationships_written": self._written["relationships"], "batches": self._batches,
                "retries": self._transactions.retries_by_trouble.total(),
                "retries_by_trouble": dict(self._transactions.retries_by_trouble)}

    def stopped(self, why: str, hint: str = GOES_ON) -> StoppedHalfwayError:
        return StoppedHalfwayError(f"load of {self._lock.operation_id} {why}", hint=hint, **self.facts)

    def run(
        self, anchors: pl.DataFrame, first: Callable[[], OpenPart], after_nodes: Callable[[], None],
    ) -> OnlineResult:
        marks = find_marks(self._lock)
        if "rollback" in marks:
            raise RefusedError(f"a rollback of {self._lock.operation_id} has begun", hint="finish it with"
                               f" `importer rollback {self._lock.operation_id}`", operation_id=self._lock.operation_id)
        nodes = Nodes.before_load(self._bundle, anchors)
        done = Done()
        if "complete" in marks:
            check_complete(self._bundle, self._lock)
        else:
            done = recall(self._bundle, self._lock, nodes)
        resumed = "complete" in marks or bool(done.ranges) or is_there_already(self._bundle, self._lock)
        if "complete" not in marks and (done.ranges or not resumed):
            create_constraint(self._lock)
            with self._steering:
                self._write_all("nodes", Source(due_nodes(self._bundle, done, first)), done, nodes)
                after_nodes()
                self._write_all("relationships", Source(due_relationships(self._bundle, done, nodes)), done, nodes)
            record_mark(self._lock, "complete")
        else:
            after_nodes()
        remove_batches(self._lock)
        retries = self._transactions.retries_by_trouble
        return OnlineResult(self._written["nodes"], self._written["relationships"], self._batches, retries.total(),
                            dict(retries), time.monotonic() - self._began, resumed, self._steering.decisions,
                            self._steering.record())

    def _remember(self, nodes: Nodes, group: int, part: int, first: int, ids: list[int]) -> None:
        begin = first_import_id(self._bundle.manifest.node_groups[group], part) + first
        nodes.ids[begin:begin + len(ids)] = ids

    def _write_all(self, kind: str, source: Source, done: Done, nodes: Nodes) -> None:
        """Write what `source` gives, several batches at once; on trouble the batches under way are awaited."""
        counts = self._bundle.manifest.counts
        due = counts.nodes if kind == "nodes" else counts.relationships
        before = sum(until - first for place, gaps in done.ranges.items() if place[0] == kind for first, until in gaps)
        self._steering.began_phase(due - before)
        under_way: dict[Future[Written], tuple[Batch, float]] = {}
        self._events.progress(kind, before, due)
        with ThreadPoolExecutor(self._steering.most_writers, thread_name_prefix="synthgen-writer") as pool:
            try:
                while self._start(source, pool, under_way):
                    for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                        batch, began = under_way.pop(future)
                        self._take_note(batch, began, future.result(), nodes)
                        self._events.progress(kind, before + self._written[kind], due)
            except BaseException:
                self._stop.set()
                raise
        if self._stop.is_set():
            raise self.stopped("was stopped")
        if kind == "nodes" and (nodes.ids == UNKNOWN).any():
            raise LoadFailedError("the ledger is damaged: it lacks internal ids", hint="roll the operation back",
                                  missing=int(np.count_nonzero(nodes.ids == UNKNOWN)))

    def _start(self, source: Source, pool: ThreadPoolExecutor, under_way: dict[Future[Written], tuple[Batch, float]],
               ) -> bool:
        """Start as many batches as may run; False when none is under way."""
        if self._lock.lost.is_set():
            raise self._lock.lost_error()
        while len(under_way) < self._steering.writers and not self._stop.is_set():
            busy = 0
            for batch, _ in under_way.values():
                busy |= batch.buckets
            rows = self._options.resilience.cap(self._steering.batch_rows)
            taken = source.take(rows, busy=busy, writers=self._steering.writers)
            if taken is None:
                break
            future = pool.submit(write_batch, taken, self._lock, self._transactions, self._events)
            under_way[future] = taken, self._steering.started(taken.range.rows)
        return bool(under_way)

    def _take_note(self, batch: Batch, began: float, written: Written, nodes: Nodes) -> None:
        self._written[batch.range.kind] += batch.range.rows
        self._batches += written.transactions
        if batch.range.kind == "nodes":
            self._remember(nodes, batch.range.group, batch.range.part, batch.range.first, written.ids)
        self._steering.wrote(batch.range.rows, began, written.troubles)
