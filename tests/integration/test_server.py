"""The local server and the admin tool, on real Neo4j."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import neo4j
import psutil
import pytest

from importer.servers import process
from importer.servers.admin import AdminTool
from importer.servers.local import LocalServer, ServerStatus, find_local
from importer.servers.runtime import resolve
from importer.servers.settings import DEFAULT_VERSION
from importer.servers.sharing import prepare_sharing, sharing_options
from importer.servers.state import read_record
from synthgen.errors import RefusedError, ServerError
from tests.conftest import NEWER_VERSION, free_port

pytestmark = pytest.mark.neo4j

HEAP = "512m"
ROOT = Path(__file__).parents[2]
PROGRAM = "from synthgen.output import run_cli; from importer.servers.cli import server; run_cli(server)"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a blank in its name."""
    return tmp_path_factory.mktemp("servers") / "a home"


@pytest.fixture(scope="module")
def running(home: Path) -> Iterator[LocalServer]:
    """A server that is up, shared by the tests that leave it so."""
    server = LocalServer(home)
    try:
        server.start(port=free_port(), heap=HEAP, page_cache="64m")
        yield server
    finally:
        server.stop()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalServer]:
    """A server of the test's own, not started; stopped afterwards whatever happened."""
    server = LocalServer(tmp_path / "own")
    try:
        yield server
    finally:
        server.stop()


def query(server: LocalServer, text: str, password: str | None = None) -> list[list[Any]]:
    auth = ("neo4j", password or server.password())
    with neo4j.GraphDatabase.driver(server.status().uri, auth=auth) as driver, driver.session() as session:
        return session.run(text).values()


def run_command(args: Sequence[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", PROGRAM, *args], cwd=cwd, capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_it_answers_with_its_password_only(running):
    """Bolt answers the generated password and refuses any other."""
    assert query(running, "RETURN 1") == [[1]]
    with pytest.raises(neo4j.exceptions.AuthError):
        query(running, "RETURN 1", "wrong-password")


def test_it_listens_on_this_machine_only(running):
    """One port, on 127.0.0.1, and nothing else."""
    status = running.status()
    listening = {(one.laddr.ip.removeprefix("::ffff:"), one.laddr.port)
                 for one in psutil.Process(status.pid).net_connections("tcp") if one.status == psutil.CONN_LISTEN}
    assert listening == {("127.0.0.1", status.port)}


def test_the_password_is_for_its_owner_only(running, home):
    """Mode 0600; not in the process's arguments or environment, nor in any other file of the home."""
    password = running.password()
    one = psutil.Process(running.status().pid)
    assert len(password) >= 24
    assert (home / "password").stat().st_mode & 0o777 == 0o600
    assert password not in " ".join([*one.cmdline(), *one.environ().values()])
    texts = [path for path in home.rglob("*") if path.is_file() and path.suffix in {".json", ".conf", ".log", ".ini"}]
    assert not [path for path in texts if password.encode() in path.read_bytes()]


def test_it_starts_from_an_archive_of_its_classes(running, own):
    """Java maps the archive made for this version, in the server and, by the same options, in the admin tool."""
    runtime = resolve()
    while not sharing_options(runtime):  # the first server may have started while another process made the archive
        prepare_sharing(runtime)
        time.sleep(1)
    [archive] = [option.partition("=")[2] for option in sharing_options(runtime) if "SharedArchiveFile" in option]
    own.start(heap=HEAP) if archive not in mapped(running) else None
    assert archive in mapped(running) | mapped(own)
    loaded = subprocess.run(
        [str(runtime.java), *sharing_options(runtime), "-Xlog:class+load", "-cp", runtime.class_path,
         "org.neo4j.cli.AdminTool", "--version"], capture_output=True, text=True, check=False).stdout
    assert "org.neo4j.cli.AdminTool source: shared objects file" in loaded


def mapped(server: LocalServer) -> set[str]:
    """Name the files that a server's process has mapped."""
    pid = server.status().pid
    return {one.path for one in psutil.Process(pid).memory_maps()} if pid else set()


def test_starting_again_gives_the_running_server(running, home, monkeypatch):
    """Start is idempotent, from another folder, with a relative path, and with the same options named."""
    status = running.status()
    monkeypatch.chdir(home.parent)
    assert LocalServer(Path("a home")).start() == status
    assert running.start(port=status.port, heap=HEAP, version=status.version) == status
    assert find_local(Path("a home")) == status


def test_starting_again_with_other_settings_is_refused(running):
    """A running server is not silently something else than asked for."""
    before = running.status()
    with pytest.raises(RefusedError, match=f"running with heap {HEAP}, not 3g"):
        running.start(heap="3g")
    assert running.status() == before


def test_the_commands_speak_json(running, home, tmp_path):
    """`status --json` is one document with what others need; `start` on a running server too; `--help` has examples."""
    answer = run_command(["status", "--json", "--home", str(home)], tmp_path)
    document = json.loads(answer.stdout)
    assert (answer.returncode, document["state"], document["uri"]) == (0, "running", running.status().uri)
    assert {"state", "version", "uri", "user", "password_file", "home"} <= set(document)
    assert json.loads(run_command(["start", "--json", "--home", str(home)], tmp_path).stdout) == document
    logs = json.loads(run_command(["logs", "--json", "--lines", "3", "--home", str(home)], tmp_path).stdout)["logs"]
    assert len(logs[str(home / "logs" / "debug.log")]) == 3
    stopped = run_command(["status", "--json", "--home", "none"], tmp_path)
    assert (stopped.returncode, json.loads(stopped.stdout)["state"]) == (0, "stopped")
    for command in ("start", "stop", "status", "logs"):
        assert f"Example: importer server {command}" in run_command([command, "--help"], tmp_path).stdout


def test_two_homes_side_by_side_two_starts_at_once_and_a_crash(running, own):
    """Two starts at once give one server; it stands beside the other; its data, port and settings outlive a crash."""
    options = {"port": free_port(), "heap": HEAP, "config": {"db.memory.transaction.max": "64m"}}
    with ThreadPoolExecutor(2) as pool:
        starts = [pool.submit(LocalServer(own.home).start, **options) for _ in range(2)]
    first, second = (start.result() for start in starts)
    assert first == second
    assert first.port != running.status().port
    query(own, "CREATE (:Kept {n: 1})")
    assert query(running, "MATCH (n:Kept) RETURN n.n") == []

    pid = int(first.pid or 0)
    os.kill(pid, signal.SIGKILL)
    while process.find_mark(pid):
        time.sleep(0.05)
    assert own.status().state == "stopped"
    again = own.start()
    assert (again.port, again.heap) == (first.port, HEAP)
    assert query(own, "MATCH (n:Kept) RETURN n.n") == [[1]]
    assert query(own, "SHOW SETTINGS YIELD name, value WHERE name = 'db.memory.transaction.max' RETURN value") == [
        ["64.00MiB"]]
    assert own.stop().state == "stopped"
    assert process.find_mark(int(again.pid or 0)) is None

    with pytest.raises(RefusedError, match=r"made by Neo4j 5\.26\.30, which 5\.26\.29 cannot read"):
        own.start(version="5.26.29")
    own.password_file.unlink()
    with pytest.raises(ServerError, match="password file"):
        own.start()


def test_a_taken_port_is_said_when_it_was_asked_for(own):
    """Who asks for a port gets that port or an error; nothing is started."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ServerError, match=f"port {port} on 127.0.0.1 is taken"):
            own.start(port=port)
    assert own.status().state == "stopped"


def test_a_port_that_is_taken_while_the_server_comes_up_is_not_mistaken_for_it(own, monkeypatch):
    """Who asked for no port gets another one, and whoever took it first never sees the password."""
    with socket.create_server(("127.0.0.1", 0)) as thief:
        taken = thief.getsockname()[1]
        looks = iter([taken, free_port()])
        monkeypatch.setattr(own, "_choose_port", lambda *_, **__: next(looks))
        status = own.start(heap=HEAP)
        thief.setblocking(False)
        with pytest.raises(BlockingIOError):
            thief.accept()
    assert status.port != taken
    assert query(own, "RETURN 1") == [[1]]


def test_a_server_that_does_not_come_up_says_why(own):
    """The error holds the end of the log, and no process is left."""
    with pytest.raises(ServerError, match="'nonsense' is not a valid size"):
        own.start(config={"db.memory.transaction.max": "nonsense"})
    record = read_record(own.home)
    assert record is not None
    assert (own.status().state, record.pid) == ("stopped", None)


@pytest.mark.parametrize("version", [DEFAULT_VERSION, NEWER_VERSION])
def test_a_database_that_cannot_start_is_said_at_once(own, version):
    """Its transaction log is spoilt: the error says why, waits for nothing, and no process is left."""
    own.start(port=free_port(), heap=HEAP, version=version)
    query(own, "UNWIND range(1, 1000) AS i CREATE ({i: i})")
    own.stop()
    [log] = (own.home / "data" / "transactions" / "neo4j").glob("neostore.transaction.db.*")
    written = log.read_bytes().rstrip(b"\0")
    log.write_bytes(written + b"U" * 100)
    with pytest.raises(ServerError, match="cannot start its database") as failed:
        own.start()
    assert "prefix 85" in str(failed.value)
    assert "--home" in str(failed.value.hint)
    assert own.status().state == "stopped"
    log.write_bytes(written)
    own.start()
    assert query(own, "MATCH (n) RETURN count(n)") == [[1000]]


def test_a_password_given_to_the_admin_tool_is_not_in_the_process_list(tmp_path):
    """Arguments of the admin tool are not visible to other users of the machine."""
    seen: list[str] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            for child in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):  # it may have ended since
                    seen.append(" ".join(child.cmdline()))

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            AdminTool(resolve(), tmp_path / "home").run(["dbms", "set-initial-password", "top-secret-1"])
        finally:
            over.set()
        looking.result()
    java = [line for line in seen if "java" in line and "@" in line]
    assert java
    assert not [line for line in seen if "top-secret-1" in line]
    assert not list((tmp_path / "home").glob(".admin*"))


def test_a_store_imported_beside_the_live_one_takes_its_place_and_gives_it_back(own, tmp_path):
    """Import into staging while the server runs, swap by rename: the new data is there; swapped back, the old."""
    own.start(heap=HEAP)
    query(own, "CREATE (:Live)")
    nodes, ties = tmp_path / "nodes.csv", tmp_path / "ties.csv"
    nodes.write_text(":ID(base),:LABEL\n0,New\n1,New\n2,New\n3,New\n4,New\n", encoding="utf-8")
    ties.write_text(":START_ID(base),:END_ID(base),:TYPE\n0,1,T\n1,2,T\n3,99,T\n", encoding="utf-8")
    staging = own.home / "staging" / "data"
    admin = AdminTool(resolve(), own.home, data_dir=staging, heap=HEAP)
    command = ["database", "import", "full", "neo4j", f"--nodes={nodes}", f"--relationships={ties}",
               "--id-type=integer", "--bad-tolerance=0", "--skip-bad-relationships=false", "--overwrite-destination"]
    with pytest.raises(ServerError, match="missing node 99") as failure:
        admin.run(command)
    assert "ties.csv" in failure.value.message
    ties.write_text(":START_ID(base),:END_ID(base),:TYPE\n0,1,T\n1,2,T\n3,4,T\n", encoding="utf-8")
    lines: list[str] = []
    assert "5 nodes" in admin.run(command, on_line=lines.append)
    assert any("100%" in line for line in lines)

    own.stop()
    exchange(own.home / "data", staging)
    own.start()
    assert query(own, "MATCH (n) RETURN labels(n)[0], count(*)") == [["New", 5]]
    assert query(own, "MATCH ()-[r]->() RETURN count(r)") == [[3]]
    own.stop()
    exchange(own.home / "data", staging)
    own.start()
    assert query(own, "MATCH (n) RETURN labels(n)[0], count(*)") == [["Live", 1]]


def exchange(live: Path, other: Path) -> None:
    for kind in ("databases", "transactions"):
        (live / kind / "neo4j").rename(live / kind / "aside")
        (other / kind / "neo4j").rename(live / kind / "neo4j")
        (live / kind / "aside").rename(other / kind / "neo4j")


def test_status_is_plain_data(running):
    """All that a status holds can be written as JSON."""
    status = running.status()
    assert isinstance(status, ServerStatus)
    assert all(isinstance(getattr(status, name), str | int) for name in ServerStatus.__slots__)
