"""What a bundle's history says of loads that did not end, and the one run at a time that a bundle allows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from importer.listing import list_operations
from synthgen.bundle.hold import LOCK_FILE, OWNER_FILE, hold_bundle, is_held
from synthgen.errors import LockedError, SynthError
from synthgen.owners import is_gone, owner_name, this_host
from synthgen.snapshot.ledger import STALE_SECONDS, Holder
from tests.bundles import NodeRows, write_bundle

HERE = {"uri": "bolt://here", "database": "neo4j"}
THERE = {"uri": "bolt://there", "database": "neo4j"}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def bundle(tmp_path):
    """A bundle with a row."""
    return write_bundle(tmp_path, [NodeRows(["A"], {}, [()])])


def with_events(bundle, *events):
    """Give the manifest with these entries in its history, each an event and where."""
    return replace(bundle.manifest, history=tuple({"event": event, "at": "2026-01-01T00:00:00+00:00", **facts}
                                                  for event, facts in events))


@pytest.mark.parametrize(("events", "expected"), [
    ([("generated", {})], False),
    ([("load_started", HERE)], True),
    ([("load_started", HERE), ("loaded", HERE)], False),
    ([("load_started", HERE), ("load_failed", {**HERE, "undone": True})], False),
    ([("load_started", HERE), ("load_failed", {**HERE, "undone": False})], True),
    ([("load_started", HERE), ("load_failed", {**HERE, "undone": False}), ("rollback_started", HERE),
      ("rollback_failed", HERE)], True),
    ([("load_started", HERE), ("loaded", HERE), ("rollback_started", HERE)], True),
    ([("load_started", HERE), ("loaded", HERE), ("rollback_started", HERE), ("rolled_back", HERE)], False),
    ([("load_started", HERE), ("loaded", HERE), ("validated", HERE)], False),
    ([("load_started", HERE), ("load_started", HERE), ("loaded", HERE)], False),
], ids=lambda value: " ".join(event for event, _ in value) if isinstance(value, list) else "")
def test_what_did_not_end_is_half_loaded(bundle, events, expected):
    """The last beginning in a database without its end there."""
    manifest = with_events(bundle, *events)
    assert manifest.is_half_loaded(**HERE) is manifest.is_half_loaded() is expected
    assert not manifest.is_half_loaded(**THERE)


def test_each_database_counts_by_itself(bundle):
    """Loaded here, half-way there: whoever removes bundles must not touch it."""
    manifest = with_events(bundle, ("load_started", THERE), ("load_started", HERE), ("loaded", HERE))
    assert (manifest.is_half_loaded(**HERE), manifest.is_half_loaded(**THERE)) == (False, True)
    assert manifest.is_half_loaded()


def test_a_bundle_is_held_by_one_run(bundle):
    """The second is told who the first is; afterwards it is free, and nothing stays."""
    before = sorted(path.name for path in bundle.path.iterdir())
    with hold_bundle(bundle.path, "load"):
        assert is_held(bundle.path)
        with pytest.raises(LockedError) as locked, hold_bundle(bundle.path, "prune"):
            pass
        assert locked.value.facts["owner"] == owner_name("load")
        assert str(os.getpid()) in locked.value.message
        assert is_held(bundle.path)
    assert not is_held(bundle.path)
    with pytest.raises(ZeroDivisionError), hold_bundle(bundle.path, "load"):
        raise ZeroDivisionError
    assert not is_held(bundle.path)
    assert sorted(path.name for path in bundle.path.iterdir()) == before


def test_never_two_hold_a_bundle(bundle):
    """Threads that take and give it back as fast as they can: the file that comes and goes lets no two in."""
    inside, most, held = [], [], []

    def hammer() -> None:
        for _ in range(60):
            with suppress(LockedError), hold_bundle(bundle.path, "load"):
                inside.append(1)
                most.append(len(inside))
                held.append(1)
                inside.pop()

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(most) == {1}
    assert held


def test_the_locks_files_can_be_read_by_others(bundle):
    """A container's user reads a bundle, whatever the umask of whoever loads it."""
    before = os.umask(0o077)
    try:
        with hold_bundle(bundle.path, "load"):
            assert {name: oct((bundle.path / name).stat().st_mode & 0o777) for name in (LOCK_FILE, OWNER_FILE)} == {
                LOCK_FILE: "0o644", OWNER_FILE: "0o644"}
    finally:
        os.umask(before)


def test_a_dead_runs_bundle_is_free(bundle):
    """SIGKILL while it is held: the system lets go."""
    code = ("import sys, time\nfrom pathlib import Path\nfrom synthgen.bundle.hold import hold_bundle\n"
            "with hold_bundle(Path(sys.argv[1]), 'load'):\n    print('held', flush=True)\n    time.sleep(600)\n")
    with subprocess.Popen([sys.executable, "-c", code, str(bundle.path)], stdout=subprocess.PIPE, text=True,
                          cwd=ROOT) as child:
        assert child.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match=f":{child.pid}:load "), hold_bundle(bundle.path, "rollback"):
            pass
        child.send_signal(signal.SIGKILL)
    with hold_bundle(bundle.path, "rollback"):
        assert is_held(bundle.path)


def test_a_bundle_that_is_not_there_cannot_be_held(tmp_path):
    """An error of ours, and nothing is made."""
    with pytest.raises(SynthError, match="cannot be held"), hold_bundle(tmp_path / "gone", "load"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_files_alone_show_what_is_half_way(bundle, tmp_path):
    """Without asking a database: a load that began and nobody is at work on."""
    bundle.record("load_started", "2026-01-01T00:00:00+00:00", mode="online", **HERE)
    assert [one.state for one in list_operations(tmp_path, None)] == ["half-way"]
    with hold_bundle(bundle.path, "load"):
        assert [one.state for one in list_operations(tmp_path, None)] == ["loading"]
    bundle.record("loaded", "2026-01-01T00:00:00+00:00", mode="online", **HERE)
    bundle.record("rollback_started", "2026-01-01T00:00:00+00:00", **HERE)
    assert [one.state for one in list_operations(tmp_path, None)] == ["rolling back"]


def dead_process():
    """Give the number of a process that ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    return child.pid


@pytest.mark.parametrize(("owner", "age_s", "sign_ms", "dead"), [
    (owner_name("x"), 0, None, False),
    (f"{this_host()}:{dead_process()}:x", 0, 0, True),
    ("elsewhere:1:x", STALE_SECONDS - 1, None, False),
    ("elsewhere:1:x", STALE_SECONDS + 1, None, True),
    ("elsewhere:1:x", STALE_SECONDS + 1, 5_000, False),
    ("elsewhere:1:x", STALE_SECONDS + 1, STALE_SECONDS * 1000 + 1, True),
    (f"elsewhere:{dead_process()}:x", 0, None, False),
    ("nonsense", 0, None, False),
], ids=["this process", "dead process here", "young", "old", "old but reading", "old reader", "other host", "nonsense"])
def test_an_owner_is_dead_when_it_is_gone_or_silent(owner, age_s, sign_ms, dead):
    """Of other hosts only time tells, or a transaction that is young."""
    holder = Holder(owner, "operation", "since", 0, int(age_s * 1000))
    assert holder.is_dead(lambda _: sign_ms) is dead


def test_a_process_that_nobody_waited_for_is_gone():
    """A killed process stays listed until its parent has heard of it; its lock is free before."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        owner = f"{this_host()}:{child.pid}:x"
        assert not is_gone(owner)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert is_gone(owner)
