"""An offline load on a Docker Compose service, by us and by a script: the exact commands, and what they do to a volume.

The tests of this file follow each other on one service.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import neo4j
import pytest

from importer.servers.bolt import answers, wait_until_up
from importer.servers.containers import find_service
from importer.servers.volume import Volume
from synthgen.database import Address
from synthgen.snapshot.read import open_snapshot
from tests.conftest import free_port
from tests.containers import USER, Engine, can_contain, make_engine
from tests.distribution import UP_SECONDS
from tests.workshop import LONGEST_SECONDS, Answer, Workshop

pytestmark = pytest.mark.neo4j

REAL = """
name: {project}
services:
  neo4j:
    image: neo4j:5.26
    environment:
      NEO4J_AUTH: neo4j/${{NEO4J_PASSWORD:?}}
    ports:
      - "127.0.0.1:{port}:7687"
    volumes:
      - data:/data
volumes:
  data:
"""


@dataclass(frozen=True)
class Shop(Workshop):
    """A workshop beside a service of the stand-in."""

    engine: Engine = None  # type: ignore[assignment] # always given

    def docker(self, *arguments: str) -> None:
        """Run a command as a user does."""
        subprocess.run(["docker", *arguments], env={**os.environ, **self.engine.environment}, check=True,
                       capture_output=True)

    def run_script(self, folder: Path, ended: Callable[[], bool] = lambda: False) -> Answer:
        """Run a folder's script as an administrator does; with SIGTERM once `ended` is true."""
        variables = {"NEO4J_ADDRESS": self.address.uri, "NEO4J_PASSWORD": self.address.password, "HEAP_SIZE": "512m",
                     **self.engine.environment}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("NEO4J_", "COMPOSE_"))}
        with subprocess.Popen([str(folder / "load.sh")], env=kept | variables, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as script:
            while script.poll() is None and not ended():
                time.sleep(0.05)
            if script.poll() is None:
                script.terminate()
            said = script.communicate(timeout=LONGEST_SECONDS)
        return Answer(script.returncode, *said)

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


@pytest.fixture(scope="module")
def operation(shop: Shop) -> str:
    """An operation on what the first test has restored."""
    shop.do("synthgen export")
    return shop.do("synthgen generate --strategy random --count 200")["operation_id"]


def plain(call: Sequence[str], shop: Shop) -> str:
    """Give a command line with its chance parts and folders named, and scripts by what they move."""
    if "-c" in call:
        at = call.index("-c") + 1
        call = [*call[:at], "SCRIPT", *call[at + 1:]]
    script = re.findall(r"(?:mv|rm -rf) [^;\n]+", call[-1]) if "-ec" in call else None
    text = " ".join(call[:-1] if script is not None else call)
    text = text.replace(str(shop.engine.compose_file), "FILE").replace(str(shop.out), "OUT")
    text = " ".join([text, *(f"<{one}>" for one in script or ())])
    text = re.sub(r"before-\w+", "before-TIME", re.sub(r"importer\.script=\d+", "importer.script=SUM", text))
    return re.sub(r"\b(p-run-)?[0-9a-f]{8}\b", "TOKEN", text)


RUN = "compose --file FILE run --rm --no-deps --no-TTY --name synthgen-{}-TOKEN --label synthgen.load=p/neo4j"
FILES = RUN.format("files") + " neo4j sh -ec"
WORK = "/data/.synthgen"
STAGED, OLD = (f"{WORK}/staging/TOKEN/{name}" for name in ("data", "old"))
JOURNAL = f"<mv {WORK}/load.json.new {WORK}/load.json>"
ROOM = "exec synthgen-import-TOKEN df -Pk /data"
COMMANDS = [
    (RUN.format("import") + f" --env HEAP_SIZE=512m --env LC_ALL=C.UTF-8 --env NEO4J_server_directories_data={STAGED}"
    f" --env NEO4J_server_directories_transaction_logs_root={STAGED}/transactions"
    " --volume OUT/.import.p.neo4j.TOKEN:/synthgen/0:ro"
    " neo4j neo4j-admin database import full neo4j @/synthgen/0/arguments"),
    "compose --file FILE stop --timeout 180 neo4j",
    (f"{FILES} {JOURNAL} <mv /data/databases/neo4j {OLD}/databases/neo4j> <mv {STAGED}/databases/neo4j"
     f" /data/databases/neo4j> <mv /data/transactions/neo4j {OLD}/transactions/neo4j>"
     f" <mv {STAGED}/transactions/neo4j /data/transactions/neo4j>"),
    "compose --file FILE up --detach --no-deps --no-recreate neo4j",
    f"{FILES} {JOURNAL} <rm -rf {WORK}/staging>",
    f"{FILES} <rm -rf {WORK}/staging> <rm -rf {WORK}/load.json>",
]


def test_a_restore_by_the_very_commands(shop):
    """Import, stop, swap, start, clear by these command lines and no others; all files are the server's user's."""
    before = len(shop.engine.calls)
    shop.do("importer restore --heap 512m", str(shop.out / "sample"))
    calls = [plain(call, shop) for call in shop.engine.calls[before:]]
    first = calls.index(COMMANDS[0])
    # A look at the journal, and at how full the disk is while the import runs, changes nothing; nor does the store's.
    assert [call for call in calls[first:] if call not in {FILES, ROOM}] == COMMANDS
    name = ".synthgen-probe"
    probes = [f"{FILES} <rm -rf {folder}/{name}> <mv {WORK}/{name} {folder}/{name}> <rm -rf {folder}/{name}>"
              for folder in ("/data/databases", "/data/transactions")]
    begin = f"{FILES} {JOURNAL} <rm -rf {WORK}/staging>"
    assert [call for call in calls[:first] if "<" in call or "compose" not in call] == [*probes, begin]
    info = [call[-1] for call in shop.engine.calls[before + first:] if "database info" in call[-1]]
    assert [one.splitlines()[-1] for one in info] == ["neo4j-admin database info neo4j --format=json"]
    assert (shop.digest(), shop.left()) == (open_snapshot(shop.out / "sample").digest, [])
    assert {path.stat().st_uid for path in (shop.engine.volume, *shop.engine.volume.rglob("*"))} == {USER}


def test_a_load_killed_in_the_swap_is_put_back(shop, operation):
    """SIGKILL between the stores: the next command ends what is left over and serves the old one, whole."""
    base = shop.digest()
    killed = shop.end_when(f"importer load {operation} --mode offline --heap 512m",
                           lambda: any(shop.engine.volume.glob(".synthgen/staging/*/old/databases/neo4j")),
                           signal.SIGKILL)
    assert killed.code == -signal.SIGKILL, killed
    assert shop.left()
    assert shop.run(f"importer rollback {operation}", "--json").code == 2
    assert (shop.digest(), shop.traces(), shop.left()) == (base, 0, [])


def test_a_load_by_a_script(shop, operation):
    """By these commands; ended while it imports, the old database is back, and no container is left to write to it."""
    base = shop.digest()
    folder = Path(shop.do(f"importer load {operation} --mode offline --emit-script sh")["script"]).parent
    assert (folder / "README.txt").read_text(encoding="utf-8").count(str(shop.engine.compose_file)) == 1
    beside = ("compose --file FILE run --rm --no-deps --no-TTY --label importer.script=SUM --env HEAP_SIZE=512m"
              f" --env LC_ALL=C.UTF-8 --env NEO4J_PLUGINS= --volume OUT/scripts/{operation[:-8]}TOKEN:/load neo4j")
    stop, up = COMMANDS[1], COMMANDS[3]
    load = [f"{beside} neo4j-admin --version", f"{beside} sh -c SCRIPT sh /data/databases/neo4j", stop,
            f"{beside} neo4j-admin database dump neo4j --to-path=/load/before-TIME",
            (f"{beside} neo4j-admin database import full neo4j @/load/before-TIME/arguments"
             " --report-file=/load/before-TIME/import.report")]

    def changes(since: int) -> list[str]:
        asked = ("exec", "ps")
        return [plain(call, shop) for call in shop.engine.calls[since:] if not {call[0], *call[3:4]} & set(asked)]

    before = len(shop.engine.calls)
    ended = shop.run_script(folder, lambda: any("import" in call for call in shop.engine.calls[before:])
                            and bool(shop.left()))
    assert (ended.code, "as it was before" in ended.stdout) == (143, True), ended
    assert changes(before) == [
        *load, "rm --force TOKEN", stop,
        f"{beside} neo4j-admin database load neo4j --from-path=/load/before-TIME --overwrite-destination=true", up]
    assert (shop.digest(), shop.traces(), shop.left()) == (base, 0, [])

    before = len(shop.engine.calls)
    done = shop.run_script(folder)
    assert (done.code, changes(before)) == (0, [*load, up]), done
    assert {path.stat().st_uid for path in (shop.engine.volume, *shop.engine.volume.rglob("*"))} == {USER}
    assert shop.do("importer validate")["passed"]
    shop.do(f"importer rollback {operation}")
    assert (shop.digest(), shop.left()) == (base, [])


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


def has_docker() -> bool:
    """Say whether an engine of Docker with Compose answers here."""
    asked = (["docker", "info"], ["docker", "compose", "version"])
    return shutil.which("docker") is not None and not any(
        subprocess.run(one, check=False, capture_output=True).returncode for one in asked)


@pytest.mark.skipif(not has_docker(), reason="no engine of Docker with Compose answers here")
def test_on_docker_itself(tmp_path):
    """With Neo4j's own image: a restore by us, a load by a script; nothing in the volume is another user's."""
    port, password, file = free_port(), secrets.token_hex(8), tmp_path / "compose.yml"
    file.write_text(REAL.format(project=f"synthgen-{secrets.token_hex(4)}", port=port), encoding="utf-8")
    settings = {"NEO4J_URI": f"bolt://127.0.0.1:{port}", "NEO4J_PASSWORD": password, "SYNTHGEN_COMPOSE_FILE": str(file)}

    def docker(*arguments: str) -> str:
        return subprocess.run(["docker", "compose", "--file", str(file), *arguments], env=os.environ | settings,
                              check=True, capture_output=True, text=True).stdout

    (tmp_path / "out").mkdir()
    address = Address(settings["NEO4J_URI"], "neo4j", password)
    try:
        docker("up", "--detach")
        wait_until_up(address, "the service", timeout_s=UP_SECONDS)
        with neo4j.GraphDatabase.driver(address.uri, auth=("neo4j", password), liveness_check_timeout=0.5,
                                        notifications_min_severity="OFF") as driver:
            shop = Workshop(tmp_path / "out", address, driver, settings)
            shop.do("synthgen sample --resources 100", "--out", str(tmp_path / "out" / "sample"))
            shop.do("importer restore", str(tmp_path / "out" / "sample"))
            base = shop.digest()
            assert base == open_snapshot(tmp_path / "out" / "sample").digest
            shop.do("synthgen export")
            operation = shop.do("synthgen generate --strategy random --count 200")["operation_id"]
            script = shop.do(f"importer load {operation} --mode offline --emit-script sh")["script"]
            subprocess.run([script], env=os.environ | settings, stdin=subprocess.DEVNULL, check=True)
            assert shop.do("importer validate")["passed"]
            shop.do(f"importer rollback {operation}")
            assert shop.digest() == base
        assert docker("exec", "--no-TTY", "neo4j", "find", "/data", "!", "-user", "neo4j") == ""
    finally:
        docker("down", "--volumes")
