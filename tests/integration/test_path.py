"""The whole path through the real commands, on the sample tenant: nothing lost, all marked, all removable.

The tests of this file follow each other on one database: each begins and ends with the base alone.
"""

from __future__ import annotations

from collections import Counter

import pytest

from synthgen.snapshot.read import open_snapshot
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j

METADATA = ("n.synthetic = true AND n.scale_operation_id = $operation AND n.generation_strategy = $strategy"
            " AND datetime(n.generation_timestamp) > datetime('2020-01-01T00:00:00Z')")
KINDS = ("CONTAINS", "LOCATED_IN", "TAGGED_WITH")
DEGREES = ", ".join(f"COUNT {{ (n)-[:{kind}]->() }}, COUNT {{ (n)<-[:{kind}]-() }}" for kind in KINDS)
SCHEMA = {
    *(("constraint", "UNIQUENESS", label, ("id",)) for label in ("Tenant", "Subscription", "ResourceGroup", "Tag")),
    ("constraint", "UNIQUENESS", "Region", ("name",)),
    *(("index", "RANGE", label, ("id",)) for label in ("Tenant", "Subscription", "ResourceGroup", "Tag", "Resource")),
    ("index", "RANGE", "Region", ("name",)), ("index", "RANGE", "Resource", ("type",)),
}
ORIGINALS = "MATCH (n:Original) RETURN count(n), COUNT { ()-[:SCAN_SOURCE_NODE]->() }"


@pytest.fixture(scope="module")
def base(workshop: Workshop) -> dict:
    """The sample tenant, restored and exported."""
    sample = workshop.do("synthgen sample", "--out", str(workshop.out / "sample"))
    restored = workshop.do("importer restore", str(workshop.out / "sample"))
    exported = workshop.do("synthgen export")
    return {"sample": sample, "restored": restored, "exported": exported}


def load(workshop: Workshop, mode: str, strategy: str, *options: str) -> str:
    """Generate an operation, load it, and validate it."""
    operation_id = workshop.do("synthgen generate", "--strategy", strategy, *options)["operation_id"]
    workshop.do(f"importer load {operation_id} --mode {mode}")
    assert workshop.do(f"importer validate {operation_id}")["passed"]
    assert workshop.events(operation_id) == ["generated", "load_started", "loaded", "validated"]
    return operation_id


def resources(workshop: Workshop, operation_id: str) -> int:
    """Count an operation's resources, as a user would."""
    return workshop.one("MATCH (n:Resource) WHERE n.scale_operation_id = $o AND NOT n:Original RETURN count(n)",
                        o=operation_id)


def unmarked(workshop: Workshop, operation_id: str, strategy: str) -> int:
    """Count the operation's nodes that lack metadata."""
    own = {"template": " AND n.template_source_id IS NOT NULL", "scenario": " AND n.scenario_name IS NOT NULL"}
    return workshop.one(
        f"MATCH (n) WHERE n.scale_operation_id = $operation AND NOT coalesce({METADATA}{own.get(strategy, '')}, false)"
        " RETURN count(n)", operation=operation_id, strategy=strategy)


def test_a_restored_base_is_exported_as_it_was(workshop, base):
    """Sample, restore, export: the same content digest, counts and schema."""
    sample, exported = base["sample"], base["exported"]
    assert (exported["digest"], exported["counts"]) == (sample["digest"], sample["counts"])
    assert (sample["counts"]["nodes"], sample["counts"]["relationships"]) == (7341, 6825)
    assert workshop.digest() == sample["digest"]
    assert workshop.schema() == SCHEMA
    assert workshop.one("SHOW INDEXES YIELD state WHERE state <> 'ONLINE' RETURN count(*)") == 0
    kinds = {name: {(item.type, item.entity, item.labels, item.properties)
                    for item in open_snapshot(workshop.out / name).schema} for name in ("sample", "base")}
    assert kinds["base"] == kinds["sample"]


def test_the_main_job(workshop, base):
    """Random 100,000 offline, template 10x online on top, one more offline beside both; each goes in any order.

    Never is anything of the base or of another operation lost, and at the end nothing of ours is left.
    """
    digest = base["sample"]["digest"]
    untouched = workshop.query(ORIGINALS)
    grown = load(workshop, "offline", "random", "--count", "100000", "--seed", "7")
    assert resources(workshop, grown) == 100_000
    assert unmarked(workshop, grown, "random") == 0
    assert workshop.do("importer digest --base-only")["digest"] == digest
    assert workshop.schema() == SCHEMA

    copied = load(workshop, "online", "template", "--scale-factor", "10")
    assert resources(workshop, copied) == 36_828
    assert unmarked(workshop, copied, "template") == 0
    check_copies(workshop, copied, 9)
    check_containers(workshop, copied)

    beside = load(workshop, "offline", "random", "--count", "500", "--seed", "7")
    assert [resources(workshop, one) for one in (grown, copied, beside)] == [100_000, 36_828, 500]
    check_copies(workshop, copied, 9)
    assert workshop.query(ORIGINALS) == untouched
    listed = {one["operation_id"]: one for one in workshop.do("importer list")["operations"]}
    assert {key: one["state"] for key, one in listed.items()} == dict.fromkeys((grown, copied, beside), "loaded")
    assert all(one["nodes"] == one["nodes_in_database"] for one in listed.values())

    for operation_id in (copied, grown, beside):
        before = workshop.one("MATCH (n) RETURN count(n)")
        gone = workshop.do(f"importer rollback {operation_id}")
        assert (gone["nodes"], gone["relationships"]) == tuple(
            listed[operation_id][key] for key in ("nodes", "relationships"))
        assert workshop.one("MATCH (n) RETURN count(n)") == before - gone["nodes"]
        assert workshop.do("importer digest --base-only")["digest"] == digest
        assert workshop.events(operation_id)[-1] == "rolled_back"
    assert workshop.digest() == digest
    assert (workshop.traces(), workshop.schema()) == (0, SCHEMA)


def check_copies(workshop: Workshop, operation_id: str, copies: int) -> None:
    """Each copied resource has as many relationships of each kind and direction as its source; no id is there twice."""
    sources = {row[0]: row[1:] for row in workshop.query(
        f"MATCH (n:Resource) WHERE n.scale_operation_id IS NULL AND NOT n:Original RETURN n.id, {DEGREES}")}
    assert len(sources) == 4092
    found = workshop.query("MATCH (n:Resource) WHERE n.scale_operation_id = $o"
                           f" RETURN n.template_source_id, n.id, {DEGREES}", o=operation_id)
    assert [row for row in found if row[2:] != sources[row[0]]] == []
    assert set(Counter(row[0] for row in found).values()) == {copies}
    assert len({row[1] for row in found} | set(sources)) == len(found) + len(sources)


def check_containers(workshop: Workshop, operation_id: str) -> None:
    """Each copied container holds one copy of each thing its source holds, and no copy is held by two copies' one."""
    held = {row[0]: sorted(row[1]) for row in workshop.query(
        "MATCH (c:ResourceGroup)-[:CONTAINS]->(n:Resource) WHERE c.scale_operation_id IS NULL"
        " AND n.scale_operation_id IS NULL AND NOT n:Original RETURN c.id, collect(n.id)")}
    assert sum(map(len, held.values())) > 1000
    copied = workshop.query(
        "MATCH (c:ResourceGroup)-[:CONTAINS]->(n:Resource) WHERE c.scale_operation_id = $o"
        " RETURN c.id, c.template_source_id, collect(n.template_source_id), collect(DISTINCT n.scale_operation_id)",
        o=operation_id)
    assert len(copied) == 9 * len(held)
    assert [row for row in copied if sorted(row[2]) != held[row[1]] or row[3] != [operation_id]] == []
    assert workshop.one("MATCH (c)-[:CONTAINS]->(n:Resource) WHERE n.scale_operation_id = $o"
                        " AND c:ResourceGroup AND c.scale_operation_id IS NULL RETURN count(*)", o=operation_id) == 0


def test_two_operations_of_one_seed_live_side_by_side(workshop, base):
    """Same parameters, same seed, loaded both ways: no id in common, each removable without the other."""
    options = ("--target-count", "400", "--seed", "3")
    first = load(workshop, "offline", "template", *options)
    second = load(workshop, "online", "template", *options)
    assert workshop.one("MATCH (n) WHERE n.scale_operation_id IN $both WITH n.id AS id, labels(n) AS l, count(*) AS c"
                        " WHERE c > 1 RETURN count(*)", both=[first, second]) == 0
    workshop.do(f"importer rollback {first}")
    assert resources(workshop, second) == 400
    assert workshop.do(f"importer validate {second}")["passed"]
    workshop.do(f"importer rollback {second}")
    assert (workshop.digest(), workshop.traces()) == (base["sample"]["digest"], 0)


@pytest.mark.parametrize(("name", "parameters", "total"), [
    ("hub-spoke", {"spoke_count": 5, "resources_per_spoke": 10}, 15 + 5 * 10),
    ("multi-region", {"region_count": 3, "resources_per_region": 20}, 3 * 20),
    ("dev-test-prod", {"resources_per_env": 30}, 3 * 30),
    ("landing-zone", {"zone_count": 2, "policy_count": 5, "resources_per_zone": 12}, 48 + 5 + 2 * 12),
])
def test_each_scenario_is_loaded_and_removed(workshop, base, name, parameters, total):
    """A scenario arrives with its metadata and relationships, holds in validation, and goes without a trace."""
    params = [text for key, value in parameters.items() for text in ("--param", f"{key}={value}")]
    operation_id = load(workshop, "online", "scenario", "--scenario", name, *params)
    assert resources(workshop, operation_id) == total
    assert unmarked(workshop, operation_id, "scenario") == 0
    assert workshop.one("MATCH (n) WHERE n.scale_operation_id = $o RETURN collect(DISTINCT n.scenario_name)",
                        o=operation_id) == [name]
    assert workshop.one("MATCH (n:Resource) WHERE n.scale_operation_id = $o AND NOT (n)--() RETURN count(n)",
                        o=operation_id) == 0
    workshop.do(f"importer rollback {operation_id}")
    assert (workshop.digest(), workshop.traces(), workshop.schema()) == (base["sample"]["digest"], 0, SCHEMA)
