"""Wrong use, through the real commands: the right exit code, the way out in words and as data, and nothing changed."""

from __future__ import annotations

import json
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from importer.index_upkeep import drop_indexes
from importer.lock import hold_lock
from importer.operations import load
from importer.servers.local import LocalServer
from importer.servers.local_target import LocalTarget
from synthgen.bundle.read import find_bundle
from synthgen.database import connect, find_address
from synthgen.errors import LoadFailedError, SynthError
from synthgen.files import file_digest
from synthgen.generate import generate
from synthgen.parameters import RandomParameters
from tests.conftest import free_port, running_server
from tests.planting import plant_sample
from tests.workshop import ROOT, Answer, Workshop

pytestmark = pytest.mark.neo4j

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
FIRST, SECOND, ABSENT = (f"scale-20260131T12000{i}-0123abcd" for i in range(3))


@pytest.fixture(scope="module")
def base(workshop: Workshop) -> str:
    """A small base with two operations generated from it, neither loaded; gives its digest."""
    digest = plant_sample(workshop, 200)
    for operation_id in (FIRST, SECOND):
        workshop.do("synthgen generate --strategy random --count 300", "--operation-id", operation_id)
    return digest


@pytest.fixture
def shop(workshop: Workshop, base: str, tmp_path: Path) -> Workshop:
    """The workshop with an out folder of the test's own, holding base and bundles; the database is the base again."""
    out = tmp_path / "out"
    shutil.copytree(workshop.out, out)
    own = Workshop(out, workshop.address, workshop.driver)
    yield own
    own.query("MATCH (n) WHERE n.scale_operation_id IS NOT NULL DETACH DELETE n")
    drop_indexes(own.driver, own.address)
    assert (own.digest(), own.traces()) == (base, 0)


def refused(answer: Answer, code: int, *words: str, kind: str | None = None) -> None:
    """Check that a command said no in words, with a way out, and the same as data."""
    assert answer.code == code, answer
    said = answer.stderr.replace("\n", " ")
    assert "error: " in said
    assert "hint: " in said
    assert "Traceback" not in said
    for word in words:
        assert word in said
    if answer.stdout:
        error = answer.error
        assert (error["exit_code"], bool(error["hint"])) == (code, True)
        assert error["message"].splitlines()[0] in said
        assert kind in {None, error["kind"]}


@contextmanager
def unchanged(shop: Workshop) -> Iterator[None]:
    """Check that neither the database nor any file is another one afterwards."""
    def everything() -> tuple[object, ...]:
        files = {name: file_digest(path) for name in shop.files() if (path := shop.out / name).is_file()}
        return shop.digest(), shop.schema(), files, shop.files()

    before = everything()
    yield
    assert everything() == before


def test_a_damaged_bundle_hides_no_other(shop):
    """`importer list` shows every operation, also beside one whose manifest is damaged."""
    (shop.out / "operations" / FIRST / "manifest.json").write_text("{", encoding="utf-8")
    listed = {one["operation_id"]: one["state"] for one in shop.do("importer list")["operations"]}
    assert listed == {FIRST: "damaged", SECOND: "generated"}


def test_no_server(shop):
    """Nobody listens, or no local server was ever started: exit code 10 for each command that needs a database."""
    nowhere = f"bolt://127.0.0.1:{free_port()}"
    with unchanged(shop):
        for command in ("synthgen export --out elsewhere", f"importer load {FIRST}", f"importer validate {FIRST}",
                        f"importer rollback {FIRST}", "importer list", "importer digest"):
            refused(shop.run(command, "--json", NEO4J_URI=nowhere, NEO4J_PASSWORD="x"), 10, nowhere,
                    kind="UnreachableError")
        for command in ("importer load --mode offline", f"importer restore {shop.out}/sample", "importer list"):
            refused(shop.run(command, SYNTHGEN_HOME=str(shop.out / "none")), 10, "importer server start")


def test_wrong_password(shop):
    """Exit code 12; the password that was tried is in no word of the answer."""
    secret = "not-the-password-9"
    with unchanged(shop):
        for command in ("synthgen export --out elsewhere", f"importer load {FIRST}", f"importer rollback {FIRST}",
                        "importer list", "importer digest"):
            answer = shop.run(command, "--json", NEO4J_URI=shop.address.uri, NEO4J_PASSWORD=secret)
            refused(answer, 12, "user", "password", kind="NotAllowedError")
            assert secret not in answer.stdout + answer.stderr
        # After some wrong ones Neo4j lets nobody in as this user for five seconds.
        while shop.run("importer list").code == 12:
            continue


@pytest.mark.parametrize(("options", "words"), [
    (["--database", "absent"], "has no database 'absent'"),
    (["--uri", "127.0.0.1:7687"], "is not a usable address"),
    (["--uri", "http://127.0.0.1:7687"], "is not a usable address"),
    (["--uri", ""], "is not a usable address"),
    (["--uri", "bolt://127.0.0.1:nonsense"], "is not a usable address"),
])
def test_wrong_address(shop, options, words):
    """A database that is not there, or an address that is none: usage, exit code 2."""
    with unchanged(shop):
        for command in (f"importer load {FIRST}", "synthgen export --out elsewhere"):
            refused(shop.run(command, *options, "--json", NEO4J_PASSWORD=shop.address.password), 2, words,
                    kind="UsageError")


def test_no_snapshot(shop):
    """Nothing was exported yet: exit code 1, and the hint names the command."""
    shutil.rmtree(shop.out / "base")
    with unchanged(shop):
        refused(shop.run("synthgen generate --strategy random --count 3 --json"), 1, "there is no snapshot",
                "synthgen export", kind="SnapshotError")
        refused(shop.run(f"importer load {FIRST} --mode offline --json"), 1, "there is no snapshot")
        refused(shop.run("importer restore", str(shop.out / "absent"), "--json"), 1, "there is no snapshot")


def test_no_such_operation(shop):
    """Neither files nor database know it: exit code 2 for load, validate and rollback."""
    with unchanged(shop):
        for command in ("load", "load --mode offline", "validate", "rollback"):
            refused(shop.run(f"importer {command} {ABSENT} --json"), 2, ABSENT, "importer list", kind="UsageError")
        for name in ("../../base", "..", ".", "", "/etc"):
            refused(shop.run("importer load", name), 2, "there is no operation")
        refused(shop.run(f"importer rollback {FIRST} --json"), 2, f"{FIRST} is not in", kind="UsageError")
        refused(shop.run("importer validate --json"), 2, "is loaded", "importer load")
    shutil.rmtree(shop.out / "operations")
    refused(shop.run("importer load --json"), 2, "waits to be loaded", "synthgen generate")


@pytest.mark.parametrize("mode", ["offline", "online"])
def test_loaded_already(shop, mode):
    """A second load of the same operation is refused, whatever the mode: exit code 5."""
    shop.do(f"importer load {FIRST} --mode online")
    with unchanged(shop):
        refused(shop.run(f"importer load {FIRST} --mode {mode} --json"), 5, "is loaded already", "roll it back",
                kind="RefusedError")


@pytest.mark.parametrize("mode", ["offline", "online"])
def test_a_damaged_part(shop, mode):
    """One digit changed, one line cut, a file gone: exit code 1 before anything is touched, and the file is named."""
    part = shop.out / "operations" / FIRST / "nodes-000.part-00000.csv"
    whole = part.read_text(encoding="utf-8")
    with unchanged(shop):
        for damaged in (re.sub(r"true", "tRue", whole, count=1), whole[:-100], None):
            part.unlink() if damaged is None else part.write_text(damaged, encoding="utf-8")
            refused(shop.run(f"importer load {FIRST} --mode {mode} --json"), 1, part.name,
                    "generate the operation again", kind="BundleError")
            part.write_text(whole, encoding="utf-8")


@pytest.mark.parametrize("mode", ["offline", "online"])
def test_a_wrong_row(shop, mode):
    """A row that ties to nothing, in a file whose digest is right: exit code 1, file and line; nothing is touched."""
    folder = shop.out / "operations" / FIRST
    document = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    part = document["relationship_groups"][0]["parts"][0]
    file = folder / part["file"]
    first, second, *rest = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join([first, re.sub(r"^[0-9]+", "999999", second), *rest]), encoding="utf-8")
    part |= {"digest": file_digest(file), "bytes": file.stat().st_size}
    (folder / "manifest.json").write_text(json.dumps(document), encoding="utf-8")
    with unchanged(shop):
        refused(shop.run(f"importer load {FIRST} --mode {mode} --json"), 1, f"{file.name}, line 2: ", "'999999'",
                kind="BundleError")


def test_a_wrong_row_of_a_snapshot(shop):
    """The same of a snapshot that is to be restored, here or by somebody else: exit code 1, with table and row."""
    document = json.loads((shop.out / "sample" / "snapshot.json").read_text(encoding="utf-8"))
    table = document["relationship_tables"][0]
    file = shop.out / "sample" / table["file"]
    rows = pl.read_parquet(file)
    rows.with_columns(pl.lit(999_999, pl.Int64).alias(":end")).write_parquet(file)
    table |= {"digest": file_digest(file), "bytes": file.stat().st_size}
    (shop.out / "sample" / "snapshot.json").write_text(json.dumps(document), encoding="utf-8")
    with unchanged(shop):
        refused(shop.run(f"importer restore {shop.out}/sample --emit-script sh --json", SYNTHGEN_HOME="none"), 1,
                f"{file.name}, row 1: ", "999999", kind="SnapshotError")


@pytest.mark.parametrize("name", ["../../../base/snapshot.json", "/etc/hostname", "a/../../b"])
def test_a_manifest_that_leads_out_of_its_folder(shop, name):
    """A bundle from elsewhere makes us read nothing but its own files: exit code 1."""
    path = shop.out / "operations" / FIRST / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["node_groups"][0]["parts"][0]["file"] = name
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with unchanged(shop):
        for mode in ("offline", "online"):
            refused(shop.run(f"importer load {FIRST} --mode {mode} --json"), 1, name)


@pytest.mark.parametrize("mode", ["offline", "online"])
def test_a_database_that_changed_since_the_export(shop, base, mode):
    """Refused with 5; with --allow-changed it goes on, and the change is lost offline, kept online, as --help says."""
    shop.query("CREATE (:Region {name: 'Atlantis'})")
    try:
        with unchanged(shop):
            refused(shop.run(f"importer load {FIRST} --mode {mode} --json"), 5, "is not what the snapshot says",
                    "--allow-changed", kind="RefusedError")
        shop.do(f"importer load {FIRST} --mode {mode} --allow-changed")
        assert shop.one("MATCH (n:Region {name: 'Atlantis'}) RETURN count(n)") == (1 if mode == "online" else 0)
        assert shop.one("MATCH (n:Resource) WHERE n.scale_operation_id = $o RETURN count(n)", o=FIRST) == 300
        shop.do(f"importer rollback {FIRST}")
    finally:
        shop.query("MATCH (n:Region {name: 'Atlantis'}) DELETE n")


def test_a_restore_into_a_database_that_holds_something(shop):
    """Nothing is overwritten: exit code 5."""
    with unchanged(shop):
        refused(shop.run("importer restore", str(shop.out / "sample"), "--json"), 5, "holds", "already",
                kind="RefusedError")


def test_what_needs_the_local_server_on_another(shop):
    """An offline load or a restore exchanges the store's files: of a server elsewhere it cannot, exit code 5."""
    elsewhere = {"NEO4J_URI": shop.address.uri, "NEO4J_PASSWORD": shop.address.password}
    with unchanged(shop):
        for command in (f"importer load {FIRST} --mode offline", f"importer load {FIRST} --mode offline --dry-run"):
            refused(shop.run(command, "--json", **elsewhere), 5, "is neither the local server", kind="RefusedError")
        refused(shop.run("importer restore", str(shop.out / "sample"), "--json", **elsewhere), 5,
                "is neither the local server", kind="RefusedError")


def test_reading_needs_no_target(shop):
    """A configured target that cannot be opened here, for want of Docker or of rights, keeps nobody from reading.

    One that is no target at all is a mistake, which every command names.
    """
    elsewhere = {"NEO4J_URI": shop.address.uri, "NEO4J_PASSWORD": shop.address.password}
    no_docker = {**elsewhere, "SYNTHGEN_COMPOSE_FILE": str(ROOT / "docker-compose.yml"), "PATH": str(shop.out)}
    for command in ("importer list", "importer digest"):
        answer = shop.run(command, "--json", **no_docker)
        assert (answer.code, "not looked whether a load was interrupted" in answer.stderr) == (0, True), answer
    refused(shop.run(f"importer rollback {FIRST}", "--json", **no_docker), 1, "docker", kind="ServerError")
    no_home = {**elsewhere, "SYNTHGEN_NEO4J_HOME": str(shop.out / "no home")}
    for command in ("importer list", "importer digest", f"importer rollback {FIRST}"):
        refused(shop.run(command, "--json", **no_home), 2, "bin/neo4j", kind="UsageError")


@pytest.mark.parametrize("mode", ["offline", "online"])
def test_two_loads_at_once(shop, mode):
    """The second is told that the first is at work: exit code 11; the first ends well, and so does the second then."""
    with shop.running(f"importer load {FIRST} --mode {mode} --json") as first:
        while "load_started" not in shop.events(FIRST):
            assert first.poll() is None
        first.send_signal(signal.SIGSTOP)
        for other in (f"load {SECOND} --mode online", f"load {SECOND} --mode offline", f"rollback {FIRST}"):
            refused(shop.run(f"importer {other} --json"), 11, "another load or rollback is at work", kind="LockedError")
        assert shop.events(SECOND) == ["generated"]
        first.send_signal(signal.SIGCONT)
        said, _ = first.communicate(timeout=120)
        assert (first.returncode, json.loads(said)["operation_id"]) == (0, FIRST)
    shop.do(f"importer load {SECOND} --mode online")
    assert shop.do(f"importer validate {FIRST}")["passed"]


def test_two_loads_at_once_from_different_places(shop):
    """Two that reach one database by its address, where no file can be shared: the database's own lock says 11."""
    shop.do(f"importer load {FIRST}")
    elsewhere = replace(shop, settings={"NEO4J_URI": shop.address.uri, "NEO4J_PASSWORD": shop.address.password})
    with hold_lock(shop.driver, shop.address.database, FIRST):
        for one in (shop, elsewhere):
            for command in (f"load {SECOND}", f"rollback {FIRST}"):
                refused(one.run(f"importer {command} --json"), 11, "is locked by", kind="LockedError")
        refused(shop.run(f"importer load {SECOND} --mode offline --json"), 11, "is locked by", kind="LockedError")
    assert shop.events(SECOND) == ["generated"]
    shop.do(f"importer load {SECOND}")
    assert shop.do(f"importer validate {FIRST}")["passed"]


def test_a_write_while_the_new_store_is_made_is_not_lost(shop):
    """Somebody writes during an offline load, after it looked: the load gives way, and the write is there."""
    with shop.running(f"importer load {FIRST} --mode offline --json") as load:
        while "load_started" not in shop.events(FIRST):
            assert load.poll() is None
        shop.query("CREATE (:Region {name: 'Atlantis'})")
        said, words = load.communicate(timeout=120)
    assert shop.query("MATCH (n:Region {name: 'Atlantis'}) DELETE n RETURN 1") == [[1]]
    refused(Answer(load.returncode, said, words), 1, "was written to while", kind="LoadFailedError")
    assert shop.events(FIRST) == ["generated", "load_started", "load_failed"]


class Late(LocalTarget):
    """A server that somebody writes to when it is about to be stopped."""

    def stop(self) -> None:
        """Write, then stop."""
        with connect(find_address(home=self._server.home)) as driver:
            driver.execute_query("CREATE (:Region {name: 'Mu'})", database_="neo4j")
        super().stop()


def test_a_write_just_before_the_stop_is_not_lost(shop):
    """Somebody writes after the last look at the database: the store at rest tells, and it is served again."""
    with pytest.raises(LoadFailedError, match="was written to just before it was stopped") as caught:
        load(find_bundle(shop.out, FIRST), shop.address, mode="offline", base=shop.out / "base",
             target=Late(LocalServer(shop.address.home)))
    assert caught.value.facts["undone"] is True
    assert shop.query("MATCH (n:Region {name: 'Mu'}) DELETE n RETURN 1") == [[1]]
    assert shop.events(FIRST) == ["generated", "load_started", "load_failed"]


def test_an_import_that_would_not_get_its_memory(shop):
    """A heap that is no size or too small is a wrong call; one that there is no memory for is refused: both at once."""
    load_offline = f"importer load {FIRST} --mode offline --json --heap"
    with unchanged(shop):
        refused(shop.run(f"{load_offline} 2gb"), 2, "'2gb' is not a size", "512m", kind="UsageError")
        refused(shop.run(f"{load_offline} 255m"), 2, "cannot begin with a heap of 255m", "--heap", kind="UsageError")
        refused(shop.run(f"{load_offline} 9999g"), 5, "MB of memory", "--mode online", kind="RefusedError")


def test_rollback_needs_no_bundle(shop):
    """The folder is gone, or its manifest is damaged: exactly the marked nodes go all the same."""
    for operation_id in (FIRST, SECOND):
        shop.do(f"importer load {operation_id} --mode online")
    shutil.rmtree(shop.out / "operations" / FIRST)
    (shop.out / "operations" / SECOND / "manifest.json").write_text("{", encoding="utf-8")
    mine = shop.one("CREATE (n:Mine {note: 'not marked', generation_strategy: 'random'})-[:TIED]->(:Mine) RETURN id(n)")
    assert shop.do(f"importer rollback {FIRST}")["nodes"] >= 300
    assert shop.one("MATCH (n) WHERE n.scale_operation_id = $o RETURN count(n)", o=SECOND) >= 300
    assert shop.do(f"importer rollback {SECOND}")["nodes"] >= 300
    assert shop.query("MATCH (n:Mine) WITH n, id(n) AS i ORDER BY i DETACH DELETE n RETURN i")[0] == [mine]


def test_an_offline_load_that_would_lose_another_operation(shop):
    """Another live operation's bundle is gone, so the new store could not hold it: exit code 5, nothing lost."""
    shop.do(f"importer load {FIRST} --mode online")
    shutil.rmtree(shop.out / "operations" / FIRST)
    with unchanged(shop):
        refused(shop.run(f"importer load {SECOND} --mode offline --json"), 5, FIRST, "would lose it",
                kind="RefusedError")


@pytest.mark.parametrize(("change", "check"), [
    ("MATCH (n) WHERE n.scale_operation_id = $o WITH n LIMIT 1 DETACH DELETE n", "nodes"),
    ("MATCH (n) WHERE n.scale_operation_id = $o DETACH DELETE n", "nodes"),
    ("MATCH (n) WHERE n.scale_operation_id = $o WITH n LIMIT 1 REMOVE n.generation_timestamp",
     "nodes without the required metadata"),
    ("MATCH (n) WHERE n.scale_operation_id = $o WITH n LIMIT 1 SET n.synthetic = 'true'",
     "nodes without the required metadata"),
    ("MATCH (n) WHERE n.scale_operation_id = $o WITH n LIMIT 1 SET n:Original", "nodes with a protected label"),
    ("MATCH (n)-[r]->() WHERE n.scale_operation_id = $o WITH r LIMIT 1 DELETE r", "relationships"),
    ("MATCH (n) WHERE n.scale_operation_id = $o WITH n LIMIT 1 CREATE (n)-[:SCAN_SOURCE_NODE]->(n)",
     "relationships of a protected type"),
    ("MATCH (n:Region) WHERE n.scale_operation_id IS NULL WITH n LIMIT 1 SET n.touched = 1",
     "the base part's content digest"),
], ids=["one node", "all nodes", "mark", "mark's type", "label", "relationship", "type", "base"])
def test_validation_finds_what_somebody_changed(shop, change, check):
    """By hand a node, a mark, a label or a relationship was changed: exit code 3, and the failed check is named."""
    shop.do(f"importer load {FIRST} --mode online")
    shop.query(change, o=FIRST)
    digest = shop.digest()
    answer = shop.run(f"importer validate {FIRST} --json")
    refused(answer, 3, FIRST, "checks failed", kind="ValidationFailedError")
    assert check in {one["name"] for one in answer.error["checks"] if not one["passed"]}
    assert shop.digest() == digest
    assert shop.manifest(FIRST)["history"][-1]["passed"] is False
    shop.query("MATCH (n:Region) REMOVE n.touched")


def test_a_full_disk(shop, small_disk):
    """No room for a second store: exit code 5 before anything is touched; no room for files: 1, and none is left."""
    with running_server(small_disk / "home") as address:
        small = Workshop(shop.out, address, shop.driver)
        try:
            fill(small_disk, leave=90_000_000)
            for command in (f"load {FIRST} --mode offline --allow-changed", f"restore {shop.out}/sample"):
                refused(small.run(f"importer {command} --json"), 5, "MB are free", kind="RefusedError")
            assert not [*address.home.glob("staging"), *address.home.glob("load.json")]
            assert small.do("importer digest")["nodes"] == 0
            fill(small_disk, leave=100_000)
            refused(small.run(f"synthgen sample --resources 5000 --out {small_disk}/sample --json"), 1,
                    "cannot be written", "free space")
            growth = f"--strategy random --count 20000 --base {shop.out}/base --out {small_disk}/out"
            refused(small.run(f"synthgen generate {growth} --json"), 5, "of disk are free", "another folder",
                    kind="RefusedError")
            with pytest.raises(SynthError, match="cannot be written"):
                generate(RandomParameters(count=20_000), base=shop.out / "base", out=small_disk / "out", seed=1,
                         now=NOW, unique=1)
            assert not [path for path in small_disk.rglob("*") if "sample" in path.name or "scale-" in path.name]
        finally:
            (small_disk / "filler").unlink()


def fill(disk: Path, *, leave: int) -> None:
    """Fill a disk but for some bytes."""
    with (disk / "filler").open("ab") as stream:
        stream.write(bytes(shutil.disk_usage(disk).free - leave))


DRY_RUNS = {
    f"load {FIRST} --mode offline": [
        "Neo4j 5.26.30 community (5.26 LTS", "put in its place", "a heap of 2g", "check the files of",
        "check the files of the snapshot", "can create", "MB of disk are free", "property types",
        f"check the rows of {FIRST}", "check the rows of the snapshot", "and its schema is the snapshot's",
        "into a new store", "stop the server", "empty lists", "indexes and constraints again; create those of",
        "check the counts", "wait for the indexes of ours", "that they are the snapshot's", "remove the old store"],
    f"load {FIRST} --mode online": ["check the files of", "property types", f"check the rows of {FIRST}",
                                    "digest is still", "in the ledger; create those of", "check the counts",
                                    "wait for the indexes of ours"],
    "load": ["check the files of", "property types", "check the rows of", "digest is still",
             "in the ledger; create those of", "check the counts", "wait for the indexes of ours"],
    "restore OUT/sample": [
        "Neo4j 5.26.30 community (5.26 LTS", "put in its place", "a heap of 2g", "check the files of the snapshot",
        "is empty", "can create 9 indexes and constraints", "MB of disk are free", "property types",
        "check the rows of the snapshot", "into a new store", "stop the server", "empty lists",
        "indexes and constraints again", "check the counts", "that they are the snapshot's", "remove the old store"],
}


@pytest.mark.parametrize("command", DRY_RUNS)
def test_a_dry_run_tells_each_stage_and_changes_nothing(shop, command):
    """In text and as JSON the same stages in order; neither files nor database are touched."""
    with unchanged(shop):
        text = f"importer {command.replace('OUT', str(shop.out))} --dry-run"
        document = shop.do(text)
        stages, limits = document["stages"], document["not_carried"]
        assert len(stages) == len(DRY_RUNS[command])
        for stage, words in zip(stages, DRY_RUNS[command], strict=True):
            assert words in stage
        plain = shop.run(text)
        assert plain.code == 0
        said = plain.stdout.splitlines()
        assert said[:len(stages)] == [f"{number}. {line}" for number, line in enumerate(stages, start=1)]
        assert bool(limits) == ("restore" in command or "offline" in command)
        told = said[len(stages) + bool(limits):]
        for limit, line in zip(limits, told[:len(limits)], strict=True):
            assert limit["what"] in line
        plan = told[len(limits):]
        assert bool(plan) == ("plan" in document) == command.startswith("load")
        assert not plan or (plan[0].startswith("would"), plan[-1].startswith("allowed")) == (True, True)


def test_a_dry_run_of_a_rollback_counts_and_changes_nothing(shop):
    """It tells how many nodes and relationships would go, and they stay; what is refused is refused here, too."""
    shop.do(f"importer load {FIRST} --mode online")
    counts = shop.manifest(FIRST)["counts"]
    with unchanged(shop):
        indexes, stage = shop.do(f"importer rollback {FIRST} --dry-run")["stages"]
        assert f"{counts['nodes']:,} nodes" in stage
        assert f"{counts['relationships']:,} relationships" in stage
        assert "drop the indexes of ours" in indexes
        refused(shop.run(f"importer load {FIRST} --dry-run --json"), 5, "is loaded already")
        refused(shop.run(f"importer rollback {SECOND} --dry-run --json"), 2, "is not in")


@pytest.mark.parametrize("command", [
    f"importer load {FIRST} --mode sideways",
    f"importer load {FIRST} --batch-rows 5",
    f"importer load {FIRST} --writers 9",
    "synthgen generate --strategy template --scale-factor 1.0",
    "synthgen generate --strategy template --scale-factor -2",
    "synthgen generate --strategy template --scale-factor 2 --resource-type No.Such/type",
    "synthgen generate --strategy random --count 0",
    "synthgen generate --strategy random --count 5 --density 1.5",
    "synthgen generate --strategy random --count 5 --tenant-id nobody",
    "synthgen generate --strategy sideways",
])
def test_wrong_options(shop, command):
    """A value that makes no sense: exit code 2, what is wrong and the way out, and nothing is written."""
    with unchanged(shop):
        refused(shop.run(f"{command} --json"), 2, kind="UsageError")
