"""A process on record is never mistaken for another one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from importer.servers import process
from importer.servers.local import LocalServer, find_local
from importer.servers.state import Record, read_record, write_record
from synthgen.errors import ServerError

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP


@pytest.fixture
def spawn() -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    with ExitStack() as stack:
        def start(program: str) -> subprocess.Popen[bytes]:
            child = stack.enter_context(subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE))
            stack.callback(child.kill)
            assert child.stdout is not None
            assert child.stdout.readline() == b"up\n"
            return child

        yield start


def record_of(home: Path, pid: int | None = None, mark: str | None = None) -> Record:
    return Record(home=str(home), version="5.26.30", port=7687, heap="1g", page_cache="256m", pid=pid, mark=mark,
                  ready=True)


def test_a_living_process_keeps_its_mark(spawn):
    """The same process is recognised as often as one asks."""
    child = spawn(SLEEP)
    mark = process.find_mark(child.pid)
    assert mark is not None
    assert process.is_same(child.pid, mark)


def test_an_ended_child_that_nobody_waited_for_counts_as_ended(spawn):
    """A zombie does not keep a server "running"."""
    child = spawn(SLEEP)
    mark = process.find_mark(child.pid)
    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process.find_mark(child.pid) is None
    assert not process.is_same(child.pid, str(mark))


def test_end_is_gentle_first(spawn):
    """A process that heeds SIGTERM is not killed."""
    child = spawn(SLEEP)
    assert process.end(child.pid, str(process.find_mark(child.pid)), timeout_s=10)
    assert child.wait() == -signal.SIGTERM


def test_end_says_when_it_had_to_kill(spawn):
    """A process that ignores SIGTERM is killed, and the caller learns it."""
    child = spawn(STUBBORN)
    assert not process.end(child.pid, str(process.find_mark(child.pid)), timeout_s=0.3)
    assert child.wait() == -signal.SIGKILL


def test_a_reused_process_number_is_left_alone(spawn, tmp_path):
    """A stale record whose number belongs to another process by now: stopped, and stop harms nobody."""
    child = spawn(SLEEP)
    write_record(tmp_path, record_of(tmp_path, child.pid, "another-boot/1"))
    server = LocalServer(tmp_path)
    assert server.status().state == "stopped"
    assert server.stop().state == "stopped"
    assert child.poll() is None
    assert read_record(tmp_path) == replace(record_of(tmp_path), ready=False)


def test_a_copied_home_does_not_claim_the_server_of_the_original(spawn, tmp_path):
    """A home folder that was copied while its server ran has no server of its own, and cannot stop the other."""
    child = spawn(SLEEP)
    write_record(tmp_path, record_of(Path("/somewhere/else"), child.pid, process.find_mark(child.pid)))
    assert find_local(tmp_path) is None
    LocalServer(tmp_path).stop()
    assert child.poll() is None


def test_a_damaged_record_is_said(tmp_path):
    """A `server.json` that cannot be read is an error that names the file."""
    (tmp_path / "server.json").write_text('{"pid": 1', encoding="utf-8")
    with pytest.raises(ServerError, match=r"server\.json is damaged"):
        LocalServer(tmp_path).status()


def test_asking_for_a_server_that_never_was_leaves_no_trace(tmp_path):
    """Status, stop, logs and find on an unknown folder answer and make nothing."""
    home = tmp_path / "none"
    server = LocalServer(home)
    assert (server.status().state, server.stop().state, server.logs(), find_local(home)) == (
        "stopped", "stopped", {}, None)
    assert not home.exists()


def test_a_record_that_cannot_be_written_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    """Such as on a full disk, when a server is stopped; what was on record stays."""
    home = tmp_path / "home"
    home.mkdir()
    record = Record(home=str(home), version="5.26.30", port=7687, heap="512m", page_cache="64m")
    write_record(home, record)
    with pytest.raises(ServerError, match="cannot be written"):
        write_record(home / "gone", record)
    assert read_record(home) == record
