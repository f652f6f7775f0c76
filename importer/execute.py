"""Runs stages in their order and says what came of them; decides nothing about which stages there are."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Literal, assert_never

import neo4j
import polars as pl

from importer.anchors import find_anchors
from importer.beside import side_by_side
from importer.bookmarks import transaction_of
from importer.cleanup import drop_after
from importer.files_ahead import FilesAhead
from importer.holding import hold_database
from importer.import_files import base_layout, import_arguments
from importer.index_upkeep import Begun, await_indexes, begin_indexes, begin_with_schema
from importer.ledger import remove_batches
from importer.lock import Lock
from importer.online import OnlineOptions, load_online
from importer.preflight import (
    changed,
    check_empty,
    check_folders,
    check_memory,
    check_product,
    check_space,
    check_types,
    check_untouched,
    find_product,
    require_schema,
)
from importer.remaining import set_remaining
from importer.rollback import delete_operation
from importer.schema import check_schema, end_schema
from importer.schema_choice import SchemaChoice
from importer.servers.target import Target, not_exchangeable
from importer.servers.versions import Product, note_newer
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
from importer.store import drop_old, import_aside, scratch, swap
from importer.validate import Check, check_result
from synthgen.bundle.bringing import ready_files
from synthgen.bundle.check import check_rows
from synthgen.bundle.read import Bundle, layout_of
from synthgen.database import Address, connect, translated
from synthgen.errors import LoadFailedError, StoppedHalfwayError
from synthgen.events import QUIET, Stream
from synthgen.progress import Progress
from synthgen.snapshot.check import check_tables
from synthgen.snapshot.export import digest_database
from synthgen.snapshot.read import check_snapshot
from synthgen.snapshot.schema import read_schema
from synthgen.snapshot.state import DatabaseState

Boundary = Callable[[Stage, Literal["before", "after"]], None]


def pass_by(stage: Stage, side: Literal["before", "after"]) -> None:
    """Do nothing before and after each stage."""


@dataclass
class Run:
    """One run of stages against one database.

    Attributes:
        address: The database.
        target: The server whose store the stages exchange, when they do.
        options: How an online load may adapt itself, and what it and a rollback bear.
        events: Told what goes on.
        on_boundary: Told of each stage that begins or has ended; what it raises ends the run.
        lock: The caller's lock on the database; stages that write to it take one themselves when None.
        ahead: Checks of a bundle's files that the caller has begun; stages wait for them instead.
        seconds: Per stage run, its name and how long it took; of two side by side the second has what it took longer.
        facts: What the stages did, for the record.
        checks: Of each operation that was checked to the end, what `importer.validate.validate` checks.
    """

    address: Address
    target: Target | None = None
    options: OnlineOptions = field(default_factory=OnlineOptions)
    events: Stream = QUIET
    on_boundary: Boundary = pass_by
    lock: Lock | None = None
    ahead: FilesAhead | None = None
    seconds: list[tuple[str, float]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, tuple[Check, ...]] = field(default_factory=dict)
    _begun: Begun = field(default_factory=Begun)
    _seen: int | None = None
    _anchors: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"node": pl.Int64, "id": pl.Int64}))

    def run(self, stages: Sequence[Stage]) -> None:
        """Run the stages in order; the first that fails ends the run.

        Where the base is compared right after rows are checked, the server does the one while we do the other.
        """
        due = deque(stages)
        while due:
            together = [due.popleft()]
            if isinstance(together[0], CheckRows) and due and isinstance(due[0], CheckUnchanged):
                together.append(due.popleft())
            for stage in together:
                self.on_boundary(stage, "before")
            began = time.monotonic()
            ends = self._run_together(*together)
            self.seconds += [(type(stage).__name__, max(0.0, end - begin))
                             for stage, begin, end in zip(together, (began, ends[0]), ends, strict=False)]
            for stage in together:
                self.on_boundary(stage, "after")

    def _run_together(self, first: Stage, second: Stage | None = None) -> tuple[float, ...]:
        def ended(stage: Stage, progress: Progress) -> float:
            self._run(stage, progress)
            return time.monotonic()

        if second is None:
            return (ended(first, self.events.progress),)
        return side_by_side(partial(ended, first), partial(ended, second), self.events.progress)

    def _run(self, stage: Stage, progress: Progress) -> None:  # noqa: C901, PLR0912, PLR0915 - one line per kind of stage
        match stage:
            case CheckBundle(bundle):
                self._check_files(bundle, progress)
            case CheckSnapshot(snapshot):
                check_snapshot(snapshot, progress)
            case CheckRows(bundle):
                self._check_rows(bundle, progress)
            case CheckTables(snapshot):
                check_tables(snapshot, progress)
            case CheckServer(product):
                self._with_driver(lambda driver: self._check_server(driver, product))
            case CheckEmpty(schema):
                self._check_empty(schema)
            case CheckSchema(schema):
                self._with_driver(lambda driver: check_schema(driver, self.address, schema))
            case CheckFolders():
                check_folders(self._exchangeable())
            case CheckMemory(heap):
                check_memory(self._exchangeable(), heap)
            case CheckSpace(needed):
                check_space(self._exchangeable(), needed)
            case CheckTypes(types):
                self._with_driver(lambda driver: check_types(find_product(driver, self.address), types))
            case CheckUnchanged():
                self._check_unchanged(stage, progress)
            case ImportAside():
                self._import_aside(stage)
            case SwapStore():
                self._swap()
            case SetRemaining():
                self._set_remaining(stage)
            case CreateSchema(schema, indexes):
                with self._connected() as driver:
                    self._begun = begin_with_schema(driver, self.address, indexes, schema)
                self.facts |= {"left_out_schema": list(schema.left_out)}
            case AwaitSchema(schema):
                self._with_driver(lambda driver: end_schema(driver, self.address, schema))
            case CreateIndexes(indexes):
                with self._all_written(goes_on=True), self._connected() as driver:
                    self._begun = begin_indexes(driver, self.address, indexes)
            case AwaitIndexes(goes_on):
                with self._all_written(goes_on=goes_on), self._connected() as driver:
                    done = await_indexes(driver, self.address, self._begun, progress=progress)
                self.facts["indexes"] = asdict(done)
            case WriteOnline():
                self._write_online(stage)
            case EndLedger(operation_id):
                self._locked(operation_id, remove_batches)
            case CheckResult():
                self._check_result(stage)
            case DropOldStore():
                drop_old(self._exchangeable())
            case DropIndexes(operation_id):
                with self._connected() as driver:
                    self.facts["dropped_indexes"] = list(drop_after(driver, self.address, operation_id))
            case DeleteOperation(operation_id):
                self._locked(operation_id, self._delete)
            case _:
                assert_never(stage)

    def _check_files(self, bundle: Bundle, progress: Progress) -> None:
        if self.ahead is not None and self.ahead.is_of(bundle):
            self.ahead.await_files(progress)
        else:
            ready_files(bundle, progress)

    def _check_rows(self, bundle: Bundle, progress: Progress) -> None:
        if self.ahead is not None and self.ahead.is_of(bundle):
            self.ahead.await_rows(progress)
        else:
            check_rows(bundle, progress)

    def _exchangeable(self) -> Target:
        if self.target is None:
            raise not_exchangeable(self.address.uri)
        return self.target

    @contextmanager
    def _connected(self) -> Iterator[neo4j.Driver]:
        if self.lock is None:
            with connect(self.address) as driver:
                yield driver
        else:
            with translated(self.address):
                yield self.lock.driver

    def _with_driver(self, work: Any) -> None:
        with self._connected() as driver:
            work(driver)

    def _locked(self, operation_id: str, work: Callable[[Lock], None]) -> None:
        with hold_database(self.address, operation_id, self.lock) as lock, translated(self.address):
            work(lock)

    def _unwritten(self) -> AbstractContextManager[None]:
        """Read the database in one state, which our own lock's beats must not end."""
        return nullcontext() if self.lock is None else self.lock.quiet()

    def _check_server(self, driver: neo4j.Driver, product: Product) -> None:
        check_product(self.address, product, find_product(driver, self.address))
        newer = note_newer(product)
        if newer is not None:
            self.facts["note"] = newer

    def _check_empty(self, schema: SchemaChoice) -> None:
        with self._connected() as driver:
            self._see(driver)
            check_empty(driver, self.address, schema)

    def _check_unchanged(self, stage: CheckUnchanged, progress: Progress) -> None:
        with self._unwritten(), self._connected() as driver:
            # An online load replaces nothing, and with --allow-changed it is known that changes are lost.
            if stage.schema is not None and not stage.allow_changed:
                self._see(driver)
            found = digest_database(driver, self.address, without=stage.without, progress=progress)
            if stage.schema is not None and not stage.allow_changed:
                require_schema(self.address, stage.schema, read_schema(driver, self.address))
        if found.digest != stage.digest and not stage.allow_changed:
            raise changed(self.address, stage.digest, found)
        if stage.bundle is not None:
            self._anchors = find_anchors(stage.bundle, found)

    def _import_aside(self, stage: ImportAside) -> None:
        target = self._exchangeable()
        folder = scratch(target)
        reads = [folder, *(bundle.path for bundle in stage.bundles)]
        arguments = import_arguments(stage.snapshot, stage.bundles, stage.product, heap=stage.heap, folder=folder,
                                     progress=self.events.progress, place=lambda path: target.place(path, reads))
        import_aside(target, arguments, reads=reads, heap=stage.heap, progress=self.events.progress)

    def _see(self, driver: neo4j.Driver) -> None:
        self._seen = transaction_of(DatabaseState(driver, self.address).bookmark)

    def _swap(self) -> None:
        target, seen = self._exchangeable(), self._seen
        if seen is None:
            swap(target)
            return
        with self._connected() as driver:
            now = transaction_of(DatabaseState(driver, self.address).bookmark)
        if now != seen:
            raise LoadFailedError(
                f"{self.address.uri} was written to while the new store was made: the change would be lost",
                hint="stop what writes to it and load again")
        swap(target, check=lambda: check_untouched(target, seen))

    def _set_remaining(self, stage: SetRemaining) -> None:
        layouts = [*map(base_layout, stage.snapshot.tables),
                   *(layout_of(bundle, group) for bundle in stage.bundles for group in bundle.manifest.groups)]
        self._with_driver(lambda driver: set_remaining(driver, self.address, layouts))

    @contextmanager
    def _all_written(self, *, goes_on: bool) -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt:
            if not goes_on:
                raise
            raise StoppedHalfwayError("interrupted while indexes were filled; all rows are written",
                                      hint="the same command goes on") from None

    def _write_online(self, stage: WriteOnline) -> None:
        def begin(lock: Lock) -> None:
            if stage.indexes:
                self._begun = begin_indexes(lock.driver, self.address, stage.indexes)

        def write(lock: Lock) -> None:
            result = load_online(stage.bundle, lock.driver, lock.database, self._anchors, options=self.options,
                                 events=self.events, lock=lock, after_nodes=partial(begin, lock))
            self.facts |= {"batches": result.batches, "retries": result.retries,
                           "retries_by_trouble": dict(result.retries_by_trouble), "resumed": result.resumed,
                           "scaling": result.scaling}

        self._locked(stage.bundle.manifest.operation_id, write)

    def _check_result(self, stage: CheckResult) -> None:
        with self._unwritten(), self._connected() as driver:
            self.checks |= check_result(
                driver, self.address, [bundle.manifest for bundle in stage.bundles], digest=stage.digest,
                without=stage.without, progress=self.events.progress)

    def _delete(self, lock: Lock) -> None:
        deleted = delete_operation(lock.driver, lock.database, lock.operation_id, events=self.events, lock=lock,
                                   resilience=self.options.resilience)
        self.facts |= {"nodes": deleted.nodes, "relationships": deleted.relationships, "retries": deleted.retries,
                       "retries_by_trouble": dict(deleted.retries_by_trouble)}
