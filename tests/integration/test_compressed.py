"""Bundles at rest on the real server: compressed ones are loaded as they are; what may be loaded is not pruned."""

from __future__ import annotations

import pytest

from tests.planting import plant_sample
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j


@pytest.fixture(scope="module")
def base(workshop: Workshop) -> dict:
    """A small tenant, planted and exported."""
    return {"digest": plant_sample(workshop, 400)}


def generate(workshop: Workshop) -> str:
    """Make an operation and compress its bundle."""
    operation_id = workshop.do("synthgen generate --strategy template --scale-factor 3")["operation_id"]
    done = workshop.do(f"importer compress {operation_id}")
    assert done["bytes"] < done["bytes_before"]
    return operation_id


def parts(workshop: Workshop, operation_id: str) -> set[str]:
    """Name the kinds of files that the bundle has."""
    return {path.suffix for path in (workshop.out / "operations" / operation_id).glob("*.part-*")}


@pytest.mark.parametrize("mode", ["offline", "online"])
def test_a_compressed_bundle_is_loaded_as_it_is(workshop, base, mode):
    """Nothing is unpacked: the load reads it, validation passes, it is rolled back without a trace, and restored whole.

    An operation that is loaded from one is carried over by the next offline load, too.
    """
    operation_id = generate(workshop)
    workshop.do(f"importer load {operation_id} --mode {mode}")
    assert parts(workshop, operation_id) == {".gz"}
    assert workshop.do(f"importer validate {operation_id}")["passed"]
    other = workshop.do("synthgen generate --strategy random --count 50")["operation_id"]
    workshop.do(f"importer load {other} --mode offline")
    assert workshop.do(f"importer validate {operation_id}")["passed"]
    pruned = workshop.do("importer prune --keep-last 0 --compress --yes")
    assert not [one for one in pruned["operations"] if one["remove"]]
    workshop.do(f"importer rollback {operation_id}")
    pruned = workshop.do("importer prune --keep-last 0 --yes")
    assert [one["operation_id"] for one in pruned["operations"] if one["remove"]] == [operation_id]
    workshop.do(f"importer rollback {other}")
    assert workshop.digest() == base["digest"]
    workshop.do("importer prune --keep-last 0 --yes")
    assert workshop.do("importer list")["operations"] == []


def test_a_script_takes_compressed_parts_along(workshop, base):
    """They are read as they are by whoever runs it."""
    operation_id = generate(workshop)
    folder = workshop.out / "script"
    workshop.do(f"importer load {operation_id} --mode offline --emit-script sh", "--script-folder", str(folder))
    arguments = (folder / "arguments").read_text(encoding="utf-8")
    files = list((folder / "operations" / operation_id).glob("*.part-*"))
    assert files
    assert all(path.suffix == ".gz" and path.name in arguments for path in files)
    [verdict] = workshop.do("importer prune --keep-last 0 --yes")["operations"]
    assert "script" in verdict["reason"]


def test_what_a_lost_history_does_not_say_the_database_does(workshop, base):
    """A bundle whose history was lost is not removed while the database holds it; one of a thrown away database is."""
    operation_id = generate(workshop)
    manifest = workshop.out / "operations" / operation_id / "manifest.json"
    before = manifest.read_bytes()
    workshop.do(f"importer load {operation_id} --mode online")
    loaded = manifest.read_bytes()
    manifest.write_bytes(before)
    verdicts = {one["operation_id"]: one for one in workshop.do("importer prune --keep-last 0 --yes")["operations"]}
    assert "the database holds" in verdicts[operation_id]["reason"]
    workshop.do(f"importer rollback {operation_id}")
    manifest.write_bytes(loaded)
    assert not any(one["remove"] for one in workshop.do("importer prune --keep-last 0 --yes")["operations"])
    gone = workshop.do("importer prune --keep-last 0 --forget-absent --yes")["operations"]
    assert [one["operation_id"] for one in gone if one["remove"]] == [operation_id]
