"""ScaleUpService on the real server: what a program gets back, whatever happens."""

from __future__ import annotations

import asyncio
import dataclasses
from functools import partial

import pytest

import importer.api
from importer import OperationResult, ScaleUpService
from importer.stages import WriteOnline
from synthgen.errors import RefusedError, UnreachableError, UsageError
from synthgen.snapshot.read import open_snapshot
from tests.conftest import free_port
from tests.planting import plant
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j

MARKED = "MATCH (n:Resource) WHERE n.scale_operation_id = $o RETURN count(n)"
TIED = "MATCH (n)-[r]-() WHERE n.scale_operation_id = $o RETURN count(DISTINCT r)"


@pytest.fixture(scope="module")
def base(workshop: Workshop) -> str:
    """A small tenant in the database, not exported; gives its digest."""
    workshop.do("synthgen sample --resources 400", "--out", str(workshop.out / "sample"))
    return plant(workshop, workshop.out / "sample")


@pytest.fixture
def service(workshop: Workshop, base: str, monkeypatch: pytest.MonkeyPatch) -> ScaleUpService:
    """The service, as a program makes it; the database must be the base again afterwards."""
    for name in ("NEO4J_URI", "NEO4J_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SYNTHGEN_HOME", str(workshop.address.home))
    monkeypatch.setenv("SYNTHGEN_OUT", str(workshop.out))
    yield ScaleUpService()
    assert (workshop.digest(), workshop.traces()) == (base, 0)


def tenant(workshop: Workshop) -> str:
    """Give the one tenant's id."""
    return workshop.one("MATCH (t:Tenant) RETURN t.id")


def check(workshop: Workshop, result: OperationResult, resources: int) -> None:
    """The fields are what the database says."""
    assert dataclasses.replace(result, duration_seconds=0, validation=(), relationships_created=0) == OperationResult(
        result.operation_id, success=True, resources_created=resources, relationships_created=0, duration_seconds=0,
        validation=(), rolled_back=False, error=None, bundle=workshop.out / "operations" / result.operation_id)
    assert workshop.one(MARKED, o=result.operation_id) == resources
    assert workshop.one(TIED, o=result.operation_id) == result.relationships_created > 0
    assert 0 < result.duration_seconds < 300
    assert len(result.validation) > 5
    assert all(one.passed for one in result.validation)


def test_parts_at_a_url(workshop, service, tmp_path):
    """They are put there, loaded from there, and what is loaded is rolled back without them."""
    elsewhere = ScaleUpService(files=f"file://{tmp_path}/there")
    result = asyncio.run(elsewhere.scale_up_random(tenant(workshop), 60))
    check(workshop, result, 60)
    assert workshop.manifest(result.operation_id)["files_at"] == f"file://{tmp_path}/there/{result.operation_id}"
    assert list((tmp_path / "there" / result.operation_id).glob("*.part-*"))
    assert asyncio.run(service.rollback_operation(result.operation_id)) >= 60
    with pytest.raises(UsageError, match="user and a password"):
        ScaleUpService(files="s3://someone:something@bucket/x")


def test_one_after_the_other(workshop, service):
    """Template, scenario and random of a tenant, each on top of the others from one snapshot; all are taken out."""
    async def grow() -> list[OperationResult]:
        mine = tenant(workshop)
        some = workshop.one("MATCH (n:Resource) WHERE NOT n:Original AND NOT n.type CONTAINS 'virtualNetworks'"
                            " WITH n.type AS type, count(*) AS c ORDER BY c DESC LIMIT 1 RETURN type")
        twice = await service.scale_up_template(tenant_id=mine, scale_factor=2.0)
        fingerprint = open_snapshot(workshop.out / "base").fingerprint
        of_type = await service.scale_up_template(mine, 3.0, [some])
        topology = await service.scale_up_scenario(mine, "hub-spoke", {"spoke_count": 2, "resources_per_spoke": 5})
        drawn = await service.scale_up_random(mine, 150, {"relationship_density": 0.5, "seed": 4})
        assert open_snapshot(workshop.out / "base").fingerprint == fingerprint
        due = workshop.one("MATCH (n:Resource {type: $t}) WHERE NOT n:Original AND n.scale_operation_id IS NULL"
                           " RETURN count(n)", t=some)
        for result, resources in ((twice, 400), (of_type, 2 * due), (topology, 25), (drawn, 150)):
            check(workshop, result, resources)
        for result in (of_type, twice, drawn, topology):
            nodes = workshop.one("MATCH (n) WHERE n.scale_operation_id = $o RETURN count(n)", o=result.operation_id)
            assert await service.rollback_operation(result.operation_id) == nodes
        return [twice, of_type, topology, drawn]

    results = asyncio.run(grow())
    assert len({result.operation_id for result in results}) == 4


def test_wrong_calls_raise_before_anything_is_written(workshop, service):
    """An unknown tenant, type, scenario or mode, a factor of 1, an operation that is not there: UsageError."""
    before = workshop.files()
    asyncio.run(service.scale_up_random(target_count=5)) if not (workshop.out / "base").exists() else None
    for call in (
        lambda: service.scale_up_template("nobody", 2.0),
        lambda: service.scale_up_random("nobody", 10),
        lambda: service.scale_up_scenario("nobody", "hub-spoke"),
        lambda: service.scale_up_template(tenant(workshop), 2.0, ["No.Such/type"]),
        lambda: service.scale_up_template(tenant(workshop), 1.0),
        lambda: service.scale_up_template(tenant(workshop)),
        lambda: service.scale_up_random(tenant(workshop), 0),
        lambda: service.scale_up_random(tenant(workshop), 10, {"densty": 1}),
        lambda: service.scale_up_scenario(tenant(workshop), "no-such-scenario"),
        lambda: service.scale_up_scenario(tenant(workshop), "hub-spoke", {"spoke_count": 0}),
        lambda: service.rollback_operation("scale-20000101T000000-00000000"),
    ):
        with pytest.raises(UsageError):
            asyncio.run(call())
    assert workshop.files() == before
    with pytest.raises(UsageError):
        ScaleUpService(mode="sideways")


def test_no_database_raises(workshop, service, tmp_path):
    """Nobody listens: UnreachableError at the call."""
    secret = tmp_path / "password"
    secret.write_text("x", encoding="utf-8")
    lost = ScaleUpService(f"bolt://127.0.0.1:{free_port()}", password_file=secret, out=tmp_path / "out")
    with pytest.raises(UnreachableError):
        asyncio.run(lost.scale_up_random(target_count=5))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_a_load_that_fails_is_undone_and_the_result_says_so(workshop, service, mode):
    """A constraint that synthetic nodes break: no exception, but success False, rolled_back True and why."""
    workshop.query("CREATE CONSTRAINT once FOR (n:Resource) REQUIRE n.generation_strategy IS UNIQUE")
    try:
        failing = ScaleUpService(mode=mode, base=workshop.out / f"base-{mode}")
        result = asyncio.run(failing.scale_up_random(target_count=300))
        assert (result.success, result.rolled_back, result.resources_created, result.relationships_created) == (
            False, True, 0, 0)
        assert "generation_strategy" in result.error
        assert workshop.one(MARKED, o=result.operation_id) == 0
        assert workshop.events(result.operation_id)[-1] == "load_failed"
    finally:
        workshop.query("DROP CONSTRAINT once")


def test_a_load_that_is_not_valid_is_rolled_back(workshop, service, monkeypatch):
    """Somebody removes a node as soon as all are written: the checks say so, and the rest is taken out."""
    def lose_one(stage, side):
        if isinstance(stage, WriteOnline) and side == "after":
            workshop.query("MATCH (n) WHERE n.scale_operation_id = $o WITH n LIMIT 1 DETACH DELETE n",
                           o=stage.bundle.manifest.operation_id)

    monkeypatch.setattr(importer.api, "load", partial(importer.api.load, on_boundary=lose_one))
    result = asyncio.run(service.scale_up_random(target_count=50))
    assert (result.success, result.rolled_back, result.resources_created) == (False, True, 0)
    assert "nodes" in {one.name for one in result.validation if not one.passed}
    assert "checks failed" in result.error
    assert workshop.events(result.operation_id) == ["generated", "load_started", "load_failed"]
    assert workshop.one(MARKED, o=result.operation_id) == 0


def test_a_base_that_changed_is_exported_anew_unless_operations_rest_on_it(workshop, service):
    """With nothing loaded the snapshot is made anew; while an operation of the old one lives that is refused."""
    first = asyncio.run(service.scale_up_random(target_count=20))
    workshop.query("CREATE (:Region {name: 'Atlantis'})")
    try:
        with pytest.raises(RefusedError):
            asyncio.run(service.scale_up_random(target_count=20))
        asyncio.run(service.rollback_operation(first.operation_id))
        second = asyncio.run(service.scale_up_random(target_count=20))
        assert second.success
        assert open_snapshot(workshop.out / "base").counts["labels"]["Region"] == workshop.one(
            "MATCH (n:Region) RETURN count(n)")
        asyncio.run(service.rollback_operation(second.operation_id))
    finally:
        workshop.query("MATCH (n:Region {name: 'Atlantis'}) DELETE n")
