"""Online loads and rollbacks in processes that kill themselves at one exact moment; as a module it makes them.

Starting Python takes longer than a small load. So one process has imported everything and has no threads; for each run
it forks.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import neo4j

from importer import operations
from importer.online import OnlineOptions
from importer.scaling.settings import Scaling
from synthgen.bundle import read
from synthgen.database import Address
from synthgen.errors import SynthError
from tests.workshop import ROOT

OPTIONS = OnlineOptions(Scaling.within((100, 200), (1, 3)))


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Attributes:
        killed: Whether it was killed.
        code: Its exit code, as the command would have it.
        moments: How many moments it had; 0 when it was killed.
        message: What it said when it failed.
    """

    killed: bool
    code: int
    moments: int
    message: str


class Clients:
    """Runs on one database, as `open_clients` gives them."""

    def __init__(self, child: subprocess.Popen[str], address: Address) -> None:
        self._child = child
        self._given = {"uri": address.uri, "user": address.user, "password": address.password}

    def run(self, work: str, out: Path, operation_id: str, *, moment: int = 0, after_s: float = 0.0) -> Ended:
        """Do the `work`, `load` or `rollback`, and kill it at its nth moment, or after a while; 0 is never."""
        [ended] = self._do([self._task(work, out, operation_id) | {"moment": moment, "after_s": after_s}])
        return ended

    def run_together(self, *works: tuple[str, Path, str]) -> list[Ended]:
        """Do several at the same time: work, out folder, operation."""
        return self._do([self._task(*work) for work in works])

    def _task(self, work: str, out: Path, operation_id: str) -> dict[str, Any]:
        return {**self._given, "work": work, "out": str(out), "operation_id": operation_id, "moment": 0, "after_s": 0}

    def _do(self, tasks: list[dict[str, Any]]) -> list[Ended]:
        self._child.stdin.write(json.dumps(tasks) + "\n")
        self._child.stdin.flush()
        return [Ended(**ended) for ended in json.loads(self._child.stdout.readline())]


@contextmanager
def open_clients(address: Address) -> Iterator[Clients]:
    """Make ready for runs on a database that is reached by its address alone."""
    with subprocess.Popen([sys.executable, "-m", "tests.faults.dying_client"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        yield Clients(child, address)
        child.stdin.close()


def count_moments(fatal: int) -> list[int]:
    """Count before each statement, before and after each commit and each writing of the history; die at the nth."""
    seen, guard = [0], threading.Lock()

    def moment() -> None:
        with guard:
            seen[0] += 1
            if seen[0] == fatal:
                os.kill(os.getpid(), signal.SIGKILL)

    def around(owner: Any, name: str, *, after: bool) -> None:
        do = getattr(owner, name)

        def counted(*given: Any, **named: Any) -> Any:
            moment()
            answer = do(*given, **named)
            if after:
                moment()
            return answer

        setattr(owner, name, counted)

    around(neo4j.Transaction, "run", after=False)
    around(neo4j.Transaction, "commit", after=True)
    around(read, "write_manifest", after=True)
    return seen


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked for; gives what `Ended` has."""
    moments = count_moments(task["moment"])
    address, out = Address(task["uri"], task["user"], task["password"]), Path(task["out"])
    code, message = 0, ""
    try:
        if task["work"] == "load":
            bundle = read.find_bundle(out, task["operation_id"])
            operations.load(bundle, address, mode="online", base=out / "base", options=OPTIONS)
        else:
            operations.rollback(out, task["operation_id"], address)
    except SynthError as error:
        code, message = error.exit_code, f"{error.message} ({error.hint})"
    return {"killed": False, "code": code, "moments": moments[0], "message": message}


def fork(task: dict[str, Any], start: tuple[int, int]) -> tuple[int, int]:
    """Do it in a process of its own as soon as the pipe is closed; gives that process, and where its answer comes."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child:
        os.close(theirs)
        return child, ours
    os.close(ours)
    os.close(start[1])
    os.read(start[0], 1)
    os.write(theirs, json.dumps(work(task)).encode())
    os._exit(0)


def do(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Do tasks at the same time; gives how each ended."""
    start = os.pipe()
    begun = [fork(task, start) for task in tasks]
    for end in start:
        os.close(end)
    for task, (child, _) in zip(tasks, begun, strict=True):
        if task["after_s"]:
            time.sleep(task["after_s"])
            os.kill(child, signal.SIGKILL)
    return [wait_for(*one) for one in begun]


def wait_for(child: int, answer: int) -> dict[str, Any]:
    """Wait until a process has ended, and give what it said, or that it was killed."""
    with os.fdopen(answer, encoding="utf-8") as stream:
        said = stream.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == -signal.SIGKILL:
        return {"killed": True, "code": code, "moments": 0, "message": ""}
    return json.loads(said or json.dumps({"killed": False, "code": code, "moments": 0, "message": "no answer"}))


def main() -> None:
    """Do the tasks of each line that comes in."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(do(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
