"""Stages as the content of a script: what it checks, imports and runs, in Cypher and numbers; writes and runs nothing.

The third reader of a load's stages, beside `importer.execute` and `importer.explain`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from importer.cypher import DIALECT
from importer.indexes import serving
from importer.remaining import empty_arrays_statements
from importer.schema import INDEX_SECONDS
from importer.schema_choice import LOOKUP, SchemaChoice
from importer.schema_fit import statement_on
from importer.scripts.counting import count_operation, count_whole, state_of_base, state_of_operation
from importer.scripts.quoting import in_ascii, literal
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
from synthgen.bundle.read import Bundle
from synthgen.graph import SchemaItem
from synthgen.snapshot.read import Snapshot


@dataclass
class Script:
    """What a script of a restore or an offline load does.

    Attributes:
        snapshot: The base.
        bundles: What is imported beside it; the last is what is loaded, and none makes it a restore.
        heap: Java heap of the import.
        product: The server that it is for.
        needed_bytes: Room that the import needs on the server's disk.
        before: Statements that say `ok` or `FAIL` of the database as it must be before the load; none when it is
            replaced whatever it is, and for a restore.
        steps: File name → statements that are run after the import, in order.
        after: As `before`, of the database as it must be after the load.
    """

    snapshot: Snapshot
    bundles: tuple[Bundle, ...]
    heap: str
    product: Product
    needed_bytes: int = 0
    before: list[str] = field(default_factory=list)
    steps: dict[str, list[str]] = field(default_factory=dict)
    after: list[str] = field(default_factory=list)

    @property
    def operation_id(self) -> str | None:
        """The operation that is loaded; None for a restore."""
        return self.bundles[-1].manifest.operation_id if self.bundles else None

    @property
    def title(self) -> str:
        """What is loaded, for messages."""
        return self.operation_id or f"the snapshot {self.snapshot.digest[:12]}"

    @property
    def nodes(self) -> int:
        """Nodes of base and bundles."""
        return int(self.snapshot.counts["nodes"]) + sum(one.manifest.counts.nodes for one in self.bundles)

    @property
    def relationships(self) -> int:
        """Relationships of base and bundles."""
        return int(self.snapshot.counts["relationships"]) + sum(
            one.manifest.counts.relationships for one in self.bundles)

    @property
    def state(self) -> str:
        """The statement that says whether it is loaded already."""
        return state_of_operation(self.bundles[-1].manifest) if self.bundles else state_of_base(self.snapshot)

    @property
    def cypher(self) -> Mapping[str, Sequence[str]]:
        """File name → the statements of every Cypher file of the script."""
        before = {"before.cypher": self.before} if self.before else {}
        return {"state.cypher": [self.state], **before, **self.steps, "after.cypher": self.after}


def build_script(stages: Sequence[Stage]) -> Script:
    """Say what a script has to do so that it comes to the same as the stages of a restore or of an offline load."""
    [imported] = [stage for stage in stages if isinstance(stage, ImportAside)]
    script = Script(imported.snapshot, imported.bundles, imported.heap, imported.product)
    for stage in stages:
        _add(script, stage)
    return script


def _add(script: Script, stage: Stage) -> None:  # noqa: C901, PLR0912 - one answer per kind of stage
    match stage:
        case CheckSpace(size):
            script.needed_bytes = size
        case CheckUnchanged():
            if not stage.allow_changed:
                script.before += count_whole(script.snapshot, script.bundles[:-1])
        case CreateSchema(schema, indexes):
            script.steps |= _schema_steps(schema, script.product)
            if indexes:
                served = serving(indexes, schema.items)
                script.steps["indexes.cypher"] = [f"{in_ascii(index.statement)};" for index in indexes
                                                  if index not in served]
        case SetRemaining():
            script.steps["afterwards.cypher"] = [f"{statement};" for statement in empty_arrays_statements()]
        case CheckResult():
            script.after += count_whole(script.snapshot, script.bundles)
            for bundle in stage.bundles:
                script.after += count_operation(bundle.manifest)
        case (CheckBundle() | CheckSnapshot() | CheckRows() | CheckTables() | CheckServer() | CheckEmpty()
              | CheckSchema() | CheckTypes()):
            pass  # checked when the script is written; by itself it checks its files, the version and the state
        case CheckFolders() | CheckMemory():
            pass  # it looks whose the folders are; memory is seen to by whoever runs it
        case ImportAside() | SwapStore() | DropOldStore():
            pass  # what every script does
        case AwaitSchema():
            pass  # the steps that create it wait for it
        case AwaitIndexes():
            pass  # nobody waits for them: one that cannot be filled must not undo the load
        case WriteOnline() | EndLedger() | CreateIndexes() | DropIndexes() | DeleteOperation():
            raise AssertionError(f"{stage} is no stage of an offline load")
        case _:
            assert_never(stage)


def _schema_steps(schema: SchemaChoice, product: Product) -> dict[str, list[str]]:
    """Give the steps that create indexes and constraints; a step's answers that are statements are run after it."""
    wait = f"{DIALECT}CALL db.awaitIndexes({INDEX_SECONDS});"

    def create(items: Iterable[SchemaItem]) -> list[str]:
        return [*(f"{in_ascii(statement_on(item, product.version))};" for item in items), wait]

    steps = {"schema.cypher": create(item for item in schema.items if item.type != LOOKUP)}
    lookups = schema.lookups_anew()
    if lookups:
        # Last, because they help to fill the others; under which names a new store has them only the server knows.
        steps["lookups.cypher"] = [
            (f"{DIALECT}SHOW INDEXES YIELD name, type, entityType WHERE type = '{LOOKUP}' AND entityType IN"
             f" [{', '.join(map(literal, lookups))}] RETURN 'DROP INDEX `' + name + '`;' AS statement;")]
        steps["names.cypher"] = create(item for item in lookups.values() if item is not None)
    return steps
