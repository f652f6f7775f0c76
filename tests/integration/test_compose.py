"""An offline load on a Docker Compose service: the exact commands, and what they do to a volume."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import neo4j
import pytest

from importer.servers.bolt import answers
from importer.servers.containers import find_service
from importer.servers.volume import Volume
from synthgen.snapshot.read import open_snapshot
from tests.conftest import free_port
from tests.containers import USER, Engine, can_contain, make_engine
from tests.distribution import UP_SECONDS
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j


@dataclass(frozen=True)
class Shop(Workshop):
    """A workshop beside a service of the stand-in."""

    engine: Engine = None  # type: ignore[assignment] # always given

    def docker(self, *arguments: str) -> None:
        """Run a command as a user does."""
        subprocess.run(["docker", *arguments], env={**os.environ, **self.engine.environment}, check=True,
                       capture_output=True)

    def left(self) -> list[str]:
        """Name what a load left in volume and out folder, and the containers beside the service."""
        return [path.name for path in (*self.engine.volume.glob(".synthgen/*"), *self.out.glob(".import.*"))] + [
            name for name in self.engine.containers() if name != "neo4j"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """An empty server in a container, and a small snapshot."""
    if not can_contain():
        pytest.skip("only root, where mount namespaces are allowed, can stand in for Docker")
    folder = tmp_path_factory.mktemp("composed")
    engine, image = make_engine(folder / "engine", free_port())
    out = folder / "out"
    out.mkdir()
    settings = {"NEO4J_URI": image.address.uri, "NEO4J_PASSWORD": image.password, **engine.environment,
                "SYNTHGEN_COMPOSE_FILE": str(engine.compose_file),
                "SYNTHGEN_JAVA_OPTIONS": os.environ["SYNTHGEN_JAVA_OPTIONS"]}
    with neo4j.GraphDatabase.driver(image.address.uri, auth=("neo4j", image.password), liveness_check_timeout=0.5,
                                    notifications_min_severity="OFF") as driver:
        shop = Shop(out, image.address, driver, settings, engine)
        file = str(engine.compose_file)
        shop.docker("compose", "--file", file, "up", "--detach", "--no-deps", "--no-recreate", "neo4j")
        try:
            until = time.monotonic() + UP_SECONDS
            while not answers(image.port, "neo4j", image.password):
                assert time.monotonic() < until, (engine.state / "server.log").read_text(encoding="utf-8")
                time.sleep(0.1)
            shop.do("synthgen sample --resources 100", "--out", str(out / "sample"))
            yield shop
        finally:
            shop.docker("compose", "--file", file, "stop", "--timeout", "60", "neo4j")


def plain(call: Sequence[str], shop: Shop) -> str:
    """Give a command line with its chance parts and folders named, and scripts by what they move."""
    script = re.findall(r"(?:mv|rm -rf) [^;\n]+", call[-1]) if "-ec" in call else None
    text = " ".join(call[:-1] if script is not None else call)
    text = text.replace(str(shop.engine.compose_file), "FILE").replace(str(shop.out), "OUT")
    text = " ".join([text, *(f"<{one}>" for one in script or ())])
    return re.sub(r"\b[0-9a-f]{8}\b", "TOKEN", text)


RUN = "compose --file FILE run --rm --no-deps --no-TTY --name synthgen-{}-TOKEN --label synthgen.load=p/neo4j"
FILES = RUN.format("files") + " neo4j sh -ec"
WORK = "/data/.synthgen"
STAGED, OLD = (f"{WORK}/staging/TOKEN/{name}" for name in ("data", "old"))
JOURNAL = f"<mv {WORK}/load.json.new {WORK}/load.json>"
ROOM = "exec synthgen-import-TOKEN df -Pk /data"
COMMANDS = [
    (RUN.format("import") + f" --env HEAP_SIZE=512m --env NEO4J_server_directories_data={STAGED}"
    f" --env NEO4J_server_directories_transaction_logs_root={STAGED}/transactions"
    " --volume OUT/.import.p.neo4j.TOKEN:/synthgen/0:ro"
    " neo4j neo4j-admin database import full neo4j @/synthgen/0/arguments"),
    "compose --file FILE stop --timeout 180 neo4j",
    (f"{FILES} {JOURNAL} <mv /data/databases/neo4j {OLD}/databases/neo4j> <mv {STAGED}/databases/neo4j"
     f" /data/databases/neo4j> <mv /data/transactions/neo4j {OLD}/transactions/neo4j>"
     f" <mv {STAGED}/transactions/neo4j /data/transactions/neo4j>"),
    "compose --file FILE up --detach --no-deps --no-recreate neo4j",
    f"{FILES} {JOURNAL} <rm -rf {WORK}/staging> <rm -rf {WORK}/load.json>",
]


def test_a_restore_by_the_very_commands(shop):
    """Import, stop, swap, start, clear by these command lines and no others; all files are the server's user's."""
    before = len(shop.engine.calls)
    shop.do("importer restore --heap 512m", str(shop.out / "sample"))
    calls = [plain(call, shop) for call in shop.engine.calls[before:]]
    first = calls.index(COMMANDS[0])
    # A look at the journal, and at how full the disk is while the import runs, changes nothing.
    assert [call for call in calls[first:] if call not in {FILES, ROOM}] == COMMANDS
    begin = f"{FILES} {JOURNAL} <rm -rf {WORK}/staging>"
    assert [call for call in calls[:first] if "<" in call or "compose" not in call] == [begin]
    assert (shop.digest(), shop.left()) == (open_snapshot(shop.out / "sample").digest, [])
    assert {path.stat().st_uid for path in (shop.engine.volume, *shop.engine.volume.rglob("*"))} == {USER}


def test_a_load_killed_in_the_swap_is_put_back(shop):
    """SIGKILL between the stores: the next command ends what is left over and serves the old one, whole."""
    base = shop.digest()
    shop.do("synthgen export")
    operation = shop.do("synthgen generate --strategy random --count 200")["operation_id"]
    code = shop.end_when(f"importer load {operation} --mode offline --heap 512m",
                         lambda: any(shop.engine.volume.glob(".synthgen/staging/*/old/databases/neo4j")),
                         signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert shop.left()
    assert shop.run(f"importer rollback {operation}", "--json").code == 2
    assert (shop.digest(), shop.traces(), shop.left()) == (base, 0, [])


def test_what_is_refused_before_anything_is_touched(shop, tmp_path):
    """No such service, a service without a volume, no Docker: with the way out, and nothing has been stopped."""
    before = len(shop.engine.calls)
    sample = str(shop.out / "sample")
    unknown = shop.run("importer restore", sample, "--json", "--service", "graph")
    assert (unknown.code, "no service 'graph'" in unknown.error["message"], "neo4j" in unknown.error["hint"]) == (
        2, True, True)
    diskless = shop.run("importer restore", sample, "--json", "--service", "diskless")
    assert (diskless.code, "in no volume" in diskless.error["message"]) == (5, True)
    without = shop.run("importer restore", sample, "--json", PATH=str(tmp_path))
    assert (without.code, "no program docker" in without.error["message"]) == (1, True)
    assert [call[3] for call in shop.engine.calls[before:]] == ["config", "config"]


def test_room_is_looked_at_when_the_imports_container_is_gone(shop, monkeypatch):
    """An import that ends while it is asked how full the disk is has not failed."""
    monkeypatch.setenv("PATH", shop.engine.environment["PATH"])
    volume = Volume(find_service(shop.engine.compose_file, "neo4j"), PurePosixPath("/data"))
    with volume.within("gone"):
        assert volume.free_bytes() > 0
