"""When Ctrl-C is raised: where our own code runs, never in the middle of a library's work."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from importer import store
from importer.servers import local
from importer.servers.local import LocalServer
from importer.servers.local_target import LocalTarget
from synthgen.interrupts import gentle_interrupts

LIBRARY = """
def work(press, done):
    done.append("begun")
    press()
    done.append("half")
    press.again()
    done.append("whole")
"""
OURS = """
def use(library, press, done):
    library["work"](press, done)
    done.append("after")

def itself(library, press, done):
    press()
    done.append("after")

def undo(library, press, done):
    try:
        press()
    except KeyboardInterrupt:
        for _ in range(times):
            press()
        done.append("undone")
        raise

def leave(library, press, done):
    opened = closing(press, done)
    next(opened)
    opened.close()
    done.append("after")

def closing(press, done):
    try:
        yield
    finally:
        press()
        done.append("closed")
"""


class Press:
    """Ctrl-C, so many times when it is called, and so many again after some seconds."""

    def __init__(self, first: int = 1, again: int = 0, after_s: float = 0) -> None:
        self._first, self._again, self._after_s = first, again, after_s

    def __call__(self) -> None:
        for _ in range(self._first):
            signal.raise_signal(signal.SIGINT)

    def again(self) -> None:
        time.sleep(self._after_s)
        for _ in range(self._again):
            signal.raise_signal(signal.SIGINT)


def code(name: str, text: str, **known: Any) -> dict[str, Any]:
    """Make code that runs as a module of this name."""
    names: dict[str, Any] = {"__name__": name, **known}
    exec(text, names)  # noqa: S102 - the test's own text
    return names


def run(function: str, press: Press, **known: Any) -> tuple[list[str], bool]:
    """Run a function of ours beside a library; gives how far it came and whether it was interrupted."""
    library = code("neo4j.made_up", LIBRARY)
    ours = code("importer.made_up", OURS, **known)
    done: list[str] = []
    try:
        with gentle_interrupts():
            ours[function](library, press, done)
    except KeyboardInterrupt:
        return done, True
    finally:
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return done, False


def test_a_library_ends_its_work_first():
    """The interrupt comes when the library gives back, before our next line."""
    assert run("use", Press()) == (["begun", "half", "whole"], True)


def test_who_presses_twice_waits_as_well():
    """It is a habit, and no reason to break a library's work off."""
    assert run("use", Press(1, 1)) == (["begun", "half", "whole"], True)
    assert run("use", Press(2)) == (["begun", "half", "whole"], True)


def test_who_has_waited_long_is_heard(monkeypatch):
    """Pressed again after so long, it is raised where it comes; pressed once, however long ago, it is not."""
    monkeypatch.setattr("synthgen.interrupts.WAIT_SECONDS", 0.05)
    assert run("use", Press(1, 1, after_s=0.1)) == (["begun", "half"], True)
    assert run("use", Press(1, 0, after_s=0.1)) == (["begun", "half", "whole"], True)


def test_the_fourth_is_heard_everywhere():
    """There is always a way out."""
    assert run("use", Press(3, 1)) == (["begun", "half"], True)


def test_our_own_code_is_interrupted_at_once():
    """Nothing of ours runs on."""
    assert run("itself", Press()) == ([], True)


@pytest.mark.parametrize(("times", "done"), [(1, ["undone"]), (2, ["undone"]), (3, [])])
def test_what_is_undone_is_undone(times, done):
    """While an interrupt is handled one more is not heard, and a third neither; the fourth is."""
    assert run("undo", Press(), times=times) == (done, True)


def test_a_generator_is_closed_first():
    """What a generator raises while it is closed nobody hears: the interrupt comes after it."""
    assert run("leave", Press()) == (["closed"], True)


def test_a_module_is_imported_first():
    """Half an import would be found as if it were whole."""
    done: list[str] = []

    def imports() -> None:
        code("synthgen.made_up", "press()\ndone.append('imported')", press=Press(), done=done)

    with pytest.raises(KeyboardInterrupt), gentle_interrupts():
        code("importer.made_up", "def use():\n    imports()\n    done.append('after')", imports=imports,
             done=done)["use"]()
    assert done == ["imported"]


def test_other_threads_are_left_alone():
    """Signals are the main thread's; elsewhere nothing changes."""
    found: list[object] = []

    def look() -> None:
        with gentle_interrupts():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]


def test_an_ignored_signal_stays_ignored():
    """A program in the background of a shell ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with gentle_interrupts():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


class TakenAtTheWrongMoment(FileLock):
    """A lock with Ctrl-C while it is being taken."""

    def acquire(self, *given: Any, **named: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return super().acquire(*given, **named)


def hold_server(home: Path) -> None:
    LocalServer(home).start()


def hold_target(home: Path) -> None:
    with store.hold(LocalTarget(LocalServer(home))):
        pytest.fail("the interrupt was not raised")


@pytest.mark.parametrize(("take", "module", "name"), [
    (hold_server, local, ".lock"), (hold_target, store, "load.lock")], ids=["server", "target"])
def test_a_lock_is_let_go_of_when_ctrl_c_comes_as_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, take: Callable[[Path], None], module: Any, name: str,
) -> None:
    """What undoes a load takes the same locks, while what was interrupted is still being told of."""
    monkeypatch.setattr(module, "FileLock", TakenAtTheWrongMoment)
    with pytest.raises(KeyboardInterrupt) as kept, gentle_interrupts():
        take(tmp_path)
    assert kept.tb is not None
    again = FileLock(tmp_path / name)
    with again.acquire(timeout=0):
        assert again.is_locked
