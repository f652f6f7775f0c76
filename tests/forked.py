"""Runs modules as `python -m` does, in processes forked from one that has imported everything; as a module it is that.

A small command spends most of its time, and nearly a second of processor, on importing its libraries. Here each is a
process of its own all the same: with its own arguments, environment, folder and output, and its own end.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("synthgen", "importer")
LEFT_OUT = ("_serve", "_train", "dask_engine", "cli")
"""What is run as a program, or wants more than each command does."""
LONGEST_REQUEST = 2**20


class Forked:
    """A module that runs, with nothing on stdin; at the end of the context it must be over, or is killed."""

    def __init__(self, module: str, arguments: Sequence[str], *, environment: Mapping[str, str], folder: Path) -> None:
        self._code: int | None = None
        with ExitStack() as opened:
            self._said = [opened.enter_context(tempfile.TemporaryFile()) for _ in range(2)]
            self._line = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
            self._line.connect(_place())
            request = json.dumps([module, *arguments, str(folder), dict(environment)]).encode()
            socket.send_fds(self._line, [request], [stream.fileno() for stream in self._said])
            self._pid = int(self._line.recv(16))
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.send_signal(signal.SIGKILL)
        self._opened.close()

    def poll(self) -> int | None:
        """Give its exit code, below 0 for a signal; None while it runs."""
        if self._code is None and select.select([self._line], [], [], 0)[0]:
            self._code = int(self._line.recv(16))
        return self._code

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, number)

    def wait(self, timeout_s: float) -> tuple[int, str, str]:
        """Wait for its end; gives its exit code, its stdout and its stderr.

        Raises:
            TimeoutError: It takes longer than `timeout_s`.
        """
        if not select.select([self._line], [], [], timeout_s)[0] and self._code is None:
            raise TimeoutError
        code, said = self.poll(), []
        assert code is not None
        for stream in self._said:
            stream.seek(0)
            said.append(stream.read().decode())
        return code, said[0], said[1]


def run_module(module: str, arguments: Sequence[str], *, environment: Mapping[str, str], folder: Path,
               timeout_s: float) -> tuple[int, str, str]:
    """Run a module to its end; as `Forked`, and as `Forked.wait`."""
    with Forked(module, arguments, environment=environment, folder=folder) as child:
        return child.wait(timeout_s)


@functools.cache
def _place() -> str:
    """Start the process that forks, which ends with this one; gives where it listens."""
    folder = tempfile.TemporaryDirectory(prefix="forked")
    place = f"{folder.name}/socket"
    child = subprocess.Popen([sys.executable, "-m", "tests.forked", place], cwd=ROOT, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})

    def end() -> None:
        child.communicate()
        folder.cleanup()

    atexit.register(end)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    return place


def main(place: str) -> None:
    """Listen, and fork for whoever comes, until stdin is closed."""
    for package in PACKAGES:
        for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if found.name.rpartition(".")[2] not in LEFT_OUT:
                importlib.import_module(found.name)
    # What is there by now is for good: no collection, the last one at the end of a process included, looks at it again.
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(place)
        listener.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            line, _ = listener.accept()
            if not os.fork():
                # This one waits for the one that runs, so that it can tell how that ended.
                _answer(line)
                os._exit(0)
            line.close()
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    continue


def _answer(line: socket.socket) -> None:
    request, files, _, _ = socket.recv_fds(line, LONGEST_REQUEST, 2)
    # Python passes over an interrupt that comes while it forks: it has to wait.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    child = os.fork()
    if not child:
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, file in enumerate((nothing, *files)):
            os.dup2(file, number)
        *command, folder, environment = json.loads(request)
        _become(command, folder, environment)
    # Whoever has given it up does not listen any more.
    with suppress(BrokenPipeError):
        line.send(str(child).encode())
        line.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


def _become(command: Sequence[str], folder: str, environment: Mapping[str, str]) -> None:
    """Do as a new Python would do; but for taking itself apart, which takes longer than a small command."""
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = list(command)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    code: object = None
    try:
        runpy.run_module(command[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    assert code is None or isinstance(code, int), code
    os._exit(code or 0)


if __name__ == "__main__":
    main(sys.argv[1])
