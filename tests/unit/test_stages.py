"""What a load or a rollback will do, as data, and the same told in words."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from importer.building import (
    build_end_of_load,
    build_offline_load,
    build_online_load,
    build_restore,
    build_rollback,
    space_needed,
)
from importer.explain import explain
from importer.indexes import Index
from importer.planning import check_exchangeable
from importer.schema_choice import SchemaChoice
from importer.servers.local_target import find_local_target
from importer.servers.versions import Product
from importer.stages import (
    CHECKS,
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
from synthgen.database import Address
from synthgen.errors import RefusedError
from synthgen.graph import LOOKUPS, Graph
from synthgen.snapshot.read import Snapshot
from synthgen.snapshot.write import write_snapshot
from tests.bundles import OPERATION, OTHER_OPERATION, NodeRows, RelationshipRows, write_bundle

SERVER = Product("5.26.30", store="record-aligned-1.1")
STORE = [ImportAside, SwapStore, SetRemaining, CreateSchema, CheckResult, AwaitSchema, DropOldStore]


@pytest.fixture
def snapshot(tmp_path) -> Snapshot:
    """An empty base."""
    return write_snapshot(Graph([], []), tmp_path / "base", created_at="2026-01-01T00:00:00+00:00", source={},
                          profile="auto")


@pytest.fixture
def bundles(tmp_path) -> list[Bundle]:
    """Two small operations."""
    return [write_bundle(tmp_path, [NodeRows(["A"], {}, [()] * 1200)],
                         [RelationshipRows("T", [(i, i + 1) for i in range(1100)])], operation_id=operation_id)
            for operation_id in (OPERATION, OTHER_OPERATION)]


def kinds(stages: list[Stage]) -> list[type]:
    """Name the kinds of stages."""
    return [type(stage) for stage in stages]


def test_an_offline_load_checks_all_first_and_drops_the_old_store_last(snapshot, bundles):
    """Everything that can be refused is looked at before anything is touched; the way back is kept to the end."""
    mine, other = bundles
    stages = build_offline_load(snapshot, mine, [other], SERVER, allow_changed=False, heap="2g")
    assert kinds(stages) == [CheckServer, CheckFolders, CheckMemory, CheckBundle, CheckBundle, CheckSnapshot,
                             CheckSchema, CheckSpace, CheckTypes, CheckRows, CheckRows, CheckTables, CheckUnchanged,
                             *STORE]
    assert [stage.bundle for stage in stages[3:5]] == [mine, other]
    assert [stage.bundle for stage in stages[9:11]] == [mine, other]
    assert stages[12] == CheckUnchanged(snapshot.digest, (OTHER_OPERATION, OPERATION), allow_changed=False,
                                        schema=SchemaChoice(LOOKUPS))
    assert stages[13] == ImportAside(snapshot, (other, mine), "2g", SERVER)
    assert stages[16:19] == [CreateSchema(SchemaChoice(LOOKUPS)),
                             CheckResult(snapshot.digest, (other, mine), (OTHER_OPERATION, OPERATION)),
                             AwaitSchema(SchemaChoice(LOOKUPS))]


def test_an_online_load_finds_its_base_nodes_before_it_writes(bundles):
    """The base part is checked and searched once, then written to, then checked again."""
    mine, _ = bundles
    stages = build_online_load(mine, [OTHER_OPERATION], allow_changed=False)
    digest = mine.manifest.snapshot["digest"]
    both = (OPERATION, OTHER_OPERATION)
    assert stages == [CheckBundle(mine), CheckTypes(frozenset({"BOOLEAN", "STRING"})), CheckRows(mine),
                      CheckUnchanged(digest, both, allow_changed=False, bundle=mine), WriteOnline(mine),
                      CheckResult(digest, (mine,), both)]
    assert build_online_load(mine, [], allow_changed=True)[-1].digest is None


def test_the_end_of_a_load_writes_nothing(bundles):
    """Of a load that was killed after its last write the ledger goes, if anything is left of it; then it is checked."""
    assert kinds(build_end_of_load(bundles[0], [], allow_changed=False)) == [CheckBundle, EndLedger, CheckResult]


def test_a_restore_wants_an_empty_database(snapshot):
    """The same store swap as an offline load, on an empty database, without operations."""
    stages = build_restore(snapshot, SERVER, heap="1g")
    assert kinds(stages) == [CheckServer, CheckFolders, CheckMemory, CheckSnapshot, CheckEmpty, CheckSchema, CheckSpace,
                             CheckTypes, CheckTables, *STORE]
    assert stages[9].bundles == ()


def test_a_rollback_drops_indexes_first():
    """Then it deletes what is marked, nothing else: killed after its last delete it has left no index."""
    assert build_rollback(OPERATION, nodes=3, relationships=5) == [DropIndexes(OPERATION),
                                                                   DeleteOperation(OPERATION, 3, 5)]


def test_indexes_are_filled_when_the_nodes_are_there_while_the_load_goes_on(snapshot, bundles):
    """Of all operations in the new store; not where nobody wants them, and who is interrupted online goes on."""
    mine, other = (Bundle(one.path, replace(one.manifest, profile={"resource_labels": [label], "id": "id"}))
                   for one, label in zip(bundles, ("A", "B"), strict=True))
    offline = build_offline_load(snapshot, mine, [other], SERVER, allow_changed=False, heap="2g")
    assert kinds(offline[-7:]) == [SwapStore, SetRemaining, CreateSchema, CheckResult, AwaitIndexes, AwaitSchema,
                                   DropOldStore]
    assert {index.label for index in offline[-5].indexes} == {"A", "B"}
    assert not offline[-3].goes_on
    online = build_online_load(mine, [], allow_changed=False)
    assert kinds(online[-3:]) == [WriteOnline, CheckResult, AwaitIndexes]
    assert {index.label for index in online[-3].indexes} == {"A"}
    assert online[-1].goes_on
    assert kinds(build_end_of_load(mine, [], allow_changed=False)) == [CheckBundle, EndLedger, CreateIndexes,
                                                                      CheckResult, AwaitIndexes]
    for without in (build_offline_load(snapshot, mine, [other], SERVER, allow_changed=False, heap="2g", indexes=False),
                    build_online_load(mine, [], allow_changed=False, indexes=False),
                    build_end_of_load(mine, [], allow_changed=False, indexes=False)):
        assert not {CreateIndexes, AwaitIndexes} & set(kinds(without))
        assert not any(stage.indexes for stage in without if isinstance(stage, CreateSchema | WriteOnline))


def test_checks_come_before_what_changes_something(snapshot, bundles):
    """What is refused is refused before the history, the store or the database are touched."""
    for stages in (build_offline_load(snapshot, bundles[0], [bundles[1]], SERVER, allow_changed=True, heap="1g"),
                   build_online_load(bundles[0], [], allow_changed=True), build_restore(snapshot, SERVER, heap="1g")):
        are_checks = [isinstance(stage, CHECKS) for stage in stages]
        assert are_checks == sorted(are_checks, reverse=True)
        assert not all(are_checks)


def test_space_grows_with_what_is_imported(snapshot, bundles):
    """An import is refused for want of disk by what it holds: files and rows of every bundle count, and a floor."""
    assert space_needed(snapshot, ()) >= 100_000_000
    one, two = (space_needed(snapshot, bundles[:count]) for count in (1, 2))
    size = sum(part.bytes for part in bundles[1].manifest.parts)
    counts = bundles[1].manifest.counts
    assert two - one == 2 * size + 64 * (counts.nodes + counts.relationships) > 0


def test_each_stage_is_told(snapshot, bundles):
    """A line each, in order, with the numbers, ids and folders that matter."""
    every = [*build_offline_load(snapshot, bundles[0], [bundles[1]], SERVER, allow_changed=False, heap="2g"),
             *build_online_load(bundles[0], [], allow_changed=True),
             *build_end_of_load(bundles[0], [], allow_changed=False), *build_restore(snapshot, SERVER, heap="2g"),
             *build_rollback(OPERATION, nodes=3_000, relationships=5_000),
             CreateIndexes((Index("A", "id"),)), AwaitIndexes(goes_on=True)]
    lines = explain(every)
    assert set(map(type, every)) == set(get_args(Stage))
    assert all("\n" not in line and len(line) > 10 for line in lines)
    told = dict(zip(map(type, every), lines, strict=True))
    assert "3,000 nodes" in told[DeleteOperation]
    assert "5,000 relationships" in told[DeleteOperation]
    assert OPERATION in told[DeleteOperation]
    assert str(snapshot.path) in told[CheckSnapshot]
    assert "1,200 nodes" in told[CheckBundle]
    assert "A.id" in told[CreateIndexes]
    assert "1,200 nodes, then 1,100 relationships" in told[WriteOnline]
    assert "changes since the snapshot are allowed" in told[CheckUnchanged]
    assert any("2,400 nodes and 2,200 relationships" in line and OTHER_OPERATION in line for line in lines)
    assert any(f"digest is still {snapshot.digest}" in line for line in lines)


def test_only_a_local_servers_own_database_can_be_exchanged(tmp_path):
    """The store of another server, or of another database of ours, is refused before anything else."""
    address = Address("bolt://127.0.0.1:1", "neo4j", "x", home=tmp_path)
    for fine in (address, replace(address, database="NEO4J")):
        check_exchangeable(fine, find_local_target(fine))
    for other in (replace(address, home=None), replace(address, database="system")):
        with pytest.raises(RefusedError):
            check_exchangeable(other, find_local_target(other))
