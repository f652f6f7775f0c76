"""Which bundles go and which stay: decided from histories, and done so that a death leaves nothing half-removed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from importer.listing import list_operations
from importer.prune import compress_operation, plan_prune, prune
from importer.retention import Rules, Seen, judge, read_rules, uses_of
from synthgen.bundle.hold import hold_bundle
from synthgen.bundle.manifest import MANIFEST
from synthgen.bundle.read import Bundle, check_files, open_bundle
from synthgen.errors import LockedError, RefusedError, SynthError, UsageError
from tests.bundles import OPERATION, OTHER_OPERATION, NodeRows, write_bundle
from tests.forked import ROOT, run_module
from tests.workshop import LONGEST_SECONDS, Answer

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HERE = {"uri": "bolt://here:7687", "database": "neo4j"}
THERE = {"uri": "bolt://there:7687", "database": "neo4j"}
OLD = "2026-01-01T00:00:00+00:00"
DYING = """
import os, sys
from pathlib import Path
from importer.prune import plan_prune, prune
from importer.retention import Rules
left = int(sys.argv[2])
def die(step):
    global left
    left -= 1
    if left < 0:
        os._exit(9)
out = Path(sys.argv[1])
prune(out, plan_prune(out, Rules(0, None), None), on_boundary=die)
"""


def event(name, at=OLD, **facts):
    """An entry of a history."""
    return {"event": name, "at": at, **facts}


def seen(*history, operation_id=OPERATION, changed_at=None):
    """A bundle with this history, old by its manifest's time."""
    return Seen(operation_id, [event("generated"), *history], changed_at or datetime(2026, 1, 1, tzinfo=UTC), 10)


IN_USE = {
    "loaded": [event("load_started", **HERE), event("loaded", **HERE)],
    "being loaded": [event("load_started", **HERE)],
    "not undone": [event("load_started", **HERE), event("load_failed", **HERE, undone=False)],
    "failed, nobody knows": [event("load_started", **HERE), event("load_failed", **HERE)],
    "scripted": [event("script_emitted", mode="offline")],
    "scripted and run": [event("script_emitted"), event("loaded", by="script", **HERE)],
    "scripted after a rollback": [event("loaded", **HERE), event("rolled_back", **HERE), event("script_emitted")],
    "half rolled back": [event("loaded", **HERE), event("rollback_started", **HERE)],
    "a rollback failed": [event("loaded", **HERE), event("rollback_started", **HERE), event("rollback_failed", **HERE)],
    "loaded twice, rolled back once": [event("loaded", **HERE), event("loaded", **THERE),
                                       event("rolled_back", **THERE)],
    "a second load was undone": [event("loaded", **HERE), event("load_started", **THERE),
                                 event("load_failed", **THERE, undone=True)],
    "loaded, then scripted and rolled back elsewhere": [event("loaded", **HERE), event("script_emitted"),
                                                        event("rolled_back", **THERE)],
}
AT_REST = {
    "generated": [],
    "undone": [event("load_started", **HERE), event("load_failed", **HERE, undone=True)],
    "rolled back": [event("load_started", **HERE), event("loaded", **HERE), event("validated", **HERE),
                    event("rolled_back", **HERE)],
    "rolled back everywhere": [event("loaded", **HERE), event("loaded", **THERE), event("rolled_back", **THERE),
                               event("rolled_back", **HERE)],
    "scripted, run and rolled back": [event("script_emitted"), event("loaded", by="script", **HERE),
                                      event("rolled_back", **HERE)],
}


@pytest.mark.parametrize("name", IN_USE)
def test_what_may_be_in_use_stays_however_old(name):
    """No rule removes it or has it compressed, and the reason is told."""
    [verdict] = judge([seen(*IN_USE[name])], Rules(0, 0, compress=True), NOW)
    assert not verdict.remove
    assert not verdict.at_rest
    assert "bolt://here:7687" in verdict.reason or "script" in verdict.reason


@pytest.mark.parametrize("name", AT_REST)
def test_what_is_nowhere_goes_when_it_is_old(name):
    """Not loaded anywhere and old: it goes; unless the database, which knows better, holds something of it."""
    one = seen(*AT_REST[name])
    assert judge([one], Rules(90, None), NOW)[0].remove
    [kept] = judge([one], Rules(90, None), NOW, held={OPERATION: 7}, asked=("bolt://here:7687", "neo4j"))
    assert not kept.remove
    assert "7 nodes" in kept.reason


def test_age_is_that_of_what_happened_last():
    """A day younger than the rule stays; a clock that was given makes no manifest older than it is."""
    edge = NOW - timedelta(days=90)
    assert judge([seen(changed_at=edge)], Rules(90, None), NOW)[0].remove
    assert not judge([seen(changed_at=edge + timedelta(seconds=1))], Rules(90, None), NOW)[0].remove
    rolled_back = seen(event("loaded", **HERE), event("rolled_back", "2026-05-01T00:00:00+00:00", **HERE))
    assert not judge([rolled_back], Rules(90, None), NOW)[0].remove
    assert judge([seen(event("rolled_back", "no time"))], Rules(90, None), NOW)[0].remove


def test_the_last_ones_stay():
    """So many by what happened last, loaded ones among them; with both rules either one keeps."""
    times = [NOW - timedelta(days=day) for day in (400, 300, 200, 100)]
    several = [Seen(f"scale-{place}", (), at, 10) for place, at in enumerate(times)]
    assert [one.operation_id for one in judge(several, Rules(None, 2), NOW) if one.remove] == ["scale-1", "scale-0"]
    assert [one.operation_id for one in judge(several, Rules(250, 1), NOW) if one.remove] == ["scale-1", "scale-0"]
    assert [one.operation_id for one in judge(several, Rules(None, 0), NOW) if one.remove] == [
        "scale-3", "scale-2", "scale-1", "scale-0"]


def test_a_database_that_is_asked_frees_only_what_was_loaded_into_it_and_only_on_demand():
    """Its silence alone proves nothing; with --forget-absent it does, for its own place."""
    here = ("bolt://here:7687", "neo4j")
    loaded = [seen(*IN_USE["loaded"])]
    assert not judge(loaded, Rules(0, None), NOW, held={}, asked=here)[0].remove
    assert judge(loaded, Rules(0, None), NOW, held={}, asked=here, forget_absent=True)[0].remove
    assert not judge(loaded, Rules(0, None), NOW, held={OPERATION: 0}, asked=here, forget_absent=True)[0].remove
    assert not judge(loaded, Rules(0, None), NOW, held={}, asked=("bolt://there:7687", "neo4j"),
                     forget_absent=True)[0].remove
    assert not judge(loaded, Rules(0, None), NOW, held=None, asked=here, forget_absent=True)[0].remove


def test_a_damaged_bundle_stays():
    """What cannot be read cannot be known to be nowhere."""
    [verdict] = judge([Seen(OPERATION, None, datetime(2020, 1, 1, tzinfo=UTC), 3)], Rules(0, 0), NOW)
    assert (verdict.remove, verdict.at_rest) == (False, False)
    assert "damaged" in verdict.reason


def test_uses_are_told_place_by_place():
    """Each database that may hold it is named."""
    assert len(uses_of([event("loaded", **HERE), event("load_started", **THERE), event("script_emitted")])) == 3


def test_rules_come_from_the_flags_else_from_the_file(tmp_path, monkeypatch):
    """One flag puts the file's numbers aside; neither is a usage error, and so is what means nothing."""
    path = tmp_path / "synthgen.toml"
    monkeypatch.setenv("SYNTHGEN_CONFIG", str(path))
    path.write_text("[retention]\nkeep_days = 30\nkeep_last = 5\ncompress = true\n")
    assert read_rules(keep_days=None, keep_last=None, compress=None) == Rules(30, 5, compress=True)
    assert read_rules(keep_days=1, keep_last=None, compress=None) == Rules(1, None, compress=True)
    assert read_rules(keep_days=None, keep_last=0, compress=False) == Rules(None, 0)
    for wrong, named in (("keep_day = 3", "keep_day"), ("keep_days = -1", "keep_days"),
                         ("keep_last = true", "keep_last"), ("keep_last = 1\ncompress = 1", "compress")):
        path.write_text(f"[retention]\n{wrong}\n")
        with pytest.raises(UsageError, match=named):
            read_rules(keep_days=None, keep_last=None, compress=None)
    path.write_text("")
    with pytest.raises(UsageError, match="nothing says"):
        read_rules(keep_days=None, keep_last=None, compress=None)
    with pytest.raises(UsageError, match="keep-days is -1"):
        read_rules(keep_days=-1, keep_last=None, compress=None)


@pytest.fixture
def out(tmp_path) -> Path:
    """An out folder with two bundles: one that is loaded, and one that is nowhere."""
    loaded, other = (write_bundle(tmp_path, [NodeRows(["A"], {}, [()] * 100)], operation_id=operation_id)
                     for operation_id in (OPERATION, OTHER_OPERATION))
    loaded.record("loaded", OLD, **HERE)
    os.utime(other.path / MANIFEST, (1_700_000_000, 1_700_000_000))
    return tmp_path


def bundle_of(out: Path, operation_id: str) -> Bundle:
    """Open one of them."""
    return open_bundle(out / "operations" / operation_id)


def names(out: Path) -> list[str]:
    """Name what is in the folder of operations."""
    return sorted(path.name for path in (out / "operations").iterdir())


def test_a_prune_removes_what_is_old_and_says_so(out):
    """The plan changes nothing; the prune removes the one and leaves the other as it was."""
    before = {path: path.read_bytes() for path in bundle_of(out, OPERATION).path.iterdir()}
    planned = plan_prune(out, Rules(90, None), None)
    assert names(out) == [OPERATION, OTHER_OPERATION]
    size = sum(path.stat().st_size for path in bundle_of(out, OTHER_OPERATION).path.iterdir())
    assert planned.freed_bytes == size
    done = prune(out, planned)
    assert [one.operation_id for one in done.removed] == [OTHER_OPERATION]
    assert names(out) == [OPERATION]
    assert {path: path.read_bytes() for path in bundle_of(out, OPERATION).path.iterdir()} == before
    assert not plan_prune(out, Rules(90, None), None).removed


def test_something_that_happens_between_plan_and_prune_saves_a_bundle(out):
    """A load that began meanwhile is not robbed of its files."""
    planned = plan_prune(out, Rules(90, None), None)
    bundle_of(out, OTHER_OPERATION).record("load_started", OLD, **HERE)
    done = prune(out, planned)
    assert not done.removed
    assert names(out) == [OPERATION, OTHER_OPERATION]
    check_files(bundle_of(out, OTHER_OPERATION))


def test_a_bundle_that_a_run_is_at_work_on_stays(out):
    """Its lock counts, before the history says anything: in the plan, and in the moment in which it would go."""
    planned = plan_prune(out, Rules(0, None, compress=True), None)
    with hold_bundle(bundle_of(out, OTHER_OPERATION).path, "a test"):
        verdicts = {one.operation_id: one for one in plan_prune(out, Rules(0, None, compress=True), None).verdicts}
        assert "at work" in verdicts[OTHER_OPERATION].reason
        assert not prune(out, planned).removed
        kept = plan_prune(out, Rules(None, 9), None)
        assert prune(out, replace(kept, compressed=(OTHER_OPERATION,))).compressed == ()
        with pytest.raises(LockedError):
            compress_operation(out, OTHER_OPERATION)
    assert prune(out, planned).removed


def test_two_prunes_at_once_do_not_stumble(out):
    """What another one has removed already is not there to be removed."""
    planned = plan_prune(out, Rules(90, None), None)
    assert prune(out, planned).removed
    assert not prune(out, planned).removed
    assert names(out) == [OPERATION]


@pytest.mark.parametrize("moment", range(2))
def test_a_prune_that_is_killed_leaves_nothing_half_removed(out, moment):
    """Before the rename the bundle is whole, afterwards it is out of sight; the next prune clears what is left."""
    child = subprocess.run([sys.executable, "-c", DYING, str(out), str(moment)], check=False, cwd=ROOT)
    assert child.returncode == 9
    listed = {one.operation_id: one.state for one in list_operations(out, None)}
    assert listed == ({OPERATION: "loaded", OTHER_OPERATION: "generated"} if moment == 0 else {OPERATION: "loaded"})
    planned = plan_prune(out, Rules(0, None), None)
    assert planned.freed_bytes > 0
    assert (planned.left_bytes > 0) == (moment == 1)
    prune(out, planned)
    assert names(out) == [OPERATION]


def test_what_stays_at_rest_is_compressed_and_what_is_loaded_is_let_be(out):
    """--compress is for bundles at rest; the list shows what is compressed."""
    planned = plan_prune(out, Rules(None, 9, compress=True), None)
    assert planned.compressed == (OTHER_OPERATION,)
    assert prune(out, planned).compressed == (OTHER_OPERATION,)
    assert [one.compressed for one in list_operations(out, None)] == [False, True]
    check_files(bundle_of(out, OTHER_OPERATION))
    assert plan_prune(out, Rules(None, 9, compress=True), None).compressed == ()
    assert judge([Seen(OTHER_OPERATION, (), datetime.fromtimestamp(
        (bundle_of(out, OTHER_OPERATION).path / MANIFEST).stat().st_mtime, UTC), 1)], Rules(90, None), NOW)[0].remove


def test_one_bundle_is_compressed_by_name_unless_it_is_half_way(out):
    """Loaded or not; the bytes before and after are given."""
    bundle, before = compress_operation(out, OPERATION)
    assert bundle.manifest.compression == "gzip"
    assert before > sum(path.stat().st_size for path in bundle.path.iterdir()) - 100
    bundle, _ = compress_operation(out, OPERATION, undo=True)
    assert bundle.manifest.compression == "none"
    bundle.record("load_started", OLD, **HERE)
    with pytest.raises(RefusedError, match="half-way"):
        compress_operation(out, OPERATION)


def test_a_folder_that_cannot_be_removed_is_named(out, monkeypatch):
    """It is not passed over in silence."""
    def is_forbidden(self: Path, _: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "rename", is_forbidden)
    with pytest.raises(SynthError, match=OTHER_OPERATION):
        prune(out, plan_prune(out, Rules(90, None), None))
    assert names(out) == [OPERATION, OTHER_OPERATION]


def importer(out: Path, *arguments: str) -> Answer:
    """Run the command where no database is configured."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NEO4J_", "SYNTHGEN_"))}
    return Answer(*run_module("importer.cli", arguments, environment={**kept, "SYNTHGEN_OUT": str(out)}, folder=out,
                              timeout_s=LONGEST_SECONDS))


def test_nothing_goes_unless_somebody_agrees(out):
    """Without a terminal that is said by --yes; a dry run only tells, and no database has to be there."""
    told = importer(out, "prune", "--keep-days", "90", "--dry-run", "--json")
    assert told.code == 0, told.stderr
    assert "no database was asked" in told.stderr
    said = {one["operation_id"]: one for one in json.loads(told.stdout)["operations"]}
    assert said[OTHER_OPERATION]["remove"]
    assert not said[OPERATION]["remove"]
    assert "bolt://here:7687" in said[OPERATION]["reason"]
    refused = importer(out, "prune", "--keep-days", "90", "--files-only")
    assert refused.code == 5
    assert "--yes" in refused.stderr
    assert names(out) == [OPERATION, OTHER_OPERATION]
    done = importer(out, "prune", "--keep-days", "90", "--files-only", "--yes")
    assert done.code == 0, done.stderr
    assert names(out) == [OPERATION]
    assert importer(out, "prune", "--keep-days", "1", "--files-only", "--forget-absent").code == 2
    assert importer(out, "prune").code == 2


def test_the_command_compresses_and_the_list_shows_it(out):
    """By one word each way."""
    done = importer(out, "compress", OPERATION, "--json")
    assert done.code == 0, done.stderr
    assert json.loads(done.stdout)["compression"] == "gzip"
    assert " gz" in importer(out, "list", "--files-only").stdout
    assert importer(out, "compress", OPERATION, "--decompress").code == 0
    assert " gz" not in importer(out, "list", "--files-only").stdout
