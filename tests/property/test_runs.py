"""The record of runs keeps what is appended, also beside lines that were cut off, and teaches only what fits."""

from __future__ import annotations

import json
import multiprocessing
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.costs import Rates, Size
from synthgen.errors import SynthError
from synthgen.runs import RUNS, Run, append_run, learn_from, read_runs, this_machine

CORES, MEMORY = this_machine()
RUN = Run(work="load", kind="online", operation_id="scale-20260131T120000-0123abcd", nodes=1000, relationships=3000,
          bytes=10**6, base=500, seconds=12.5, peak_bytes=10**8, at="2026-01-31T12:00:00+00:00",
          uri="bolt://127.0.0.1:7687", database="neo4j", resumed=False, cores=CORES, memory_bytes=MEMORY)
runs = st.builds(
    replace, st.just(RUN), work=st.sampled_from(["load", "generate", "rollback"]),
    kind=st.none() | st.sampled_from(["online", "offline", "template"]), nodes=st.integers(0, 10**9),
    seconds=st.floats(0, 1e7), uri=st.none() | st.text(st.characters(codec="utf-8")), resumed=st.booleans())


@given(st.lists(st.tuples(runs, st.sampled_from(["whole", "cut", "garbage"])), max_size=8), st.data())
def test_what_is_appended_is_read(tmp_path_factory, appended, data):
    """Every whole line, in order, whatever was cut off between them by crashes, and no half of one."""
    out = tmp_path_factory.mktemp("out")
    expected = []
    for run, end in appended:
        append_run(out, run)
        lines = (out / RUNS).read_bytes()
        if end == "cut":
            last = lines.splitlines(keepends=True)[-1]
            # The newline is cut off at least, and then the line is whole for all that.
            kept = data.draw(st.integers(0, len(last) - 1))
            (out / RUNS).write_bytes(lines[:len(lines) - len(last) + kept])
            expected += [run] * (kept == len(last) - 1)
        else:
            expected.append(run)
        if end == "garbage":
            with (out / RUNS).open("ab") as stream:
                stream.write(b'\xff\x00 {"work": 3}\n[]\n\n{"at": "yesterday"}\n')
    assert read_runs(out) == expected


def test_there_is_no_record_at_first(tmp_path):
    """Nothing was done yet."""
    assert read_runs(tmp_path) == []


def test_what_a_later_version_adds_is_passed_over(tmp_path):
    """A run with further names is still a run."""
    (tmp_path / RUNS).write_text(json.dumps({**asdict(RUN), "colour": "blue"}) + "\n")
    assert read_runs(tmp_path) == [RUN]


def _append_many(out: Path, number: int) -> None:
    for nodes in range(200):
        append_run(out, replace(RUN, nodes=nodes, relationships=number))


def test_runs_that_end_together_do_not_mix(tmp_path):
    """Four commands append two hundred lines each: none is lost, none is broken."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(tmp_path, number)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    found = read_runs(tmp_path)
    for number in range(4):
        assert [run.nodes for run in found if run.relationships == number] == list(range(200))


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    """And where."""
    (tmp_path / "out").write_text("a file")
    with pytest.raises(SynthError, match=r"runs\.jsonl"):
        append_run(tmp_path / "out", RUN)


SIZE = Size(1000, 3000, 10**6, 500)
DEFAULTS = Rates(1.0, 1e-3, 1e-3, 1e-7, 1e-4)


@pytest.mark.parametrize("other", [
    {"work": "rollback"}, {"kind": "offline"}, {"resumed": True}, {"cores": CORES + 1}, {"memory_bytes": MEMORY * 2},
    {"seconds": 0.0},
])
def test_other_work_on_other_machines_teaches_nothing(other):
    """Only whole runs of the same kind on a machine of this size are learned from."""
    learned = learn_from([replace(RUN, **other)] * 5, "load", "online", DEFAULTS, uri=RUN.uri)
    assert learned.runs == 0
    assert learn_from([RUN] * 5, "load", "online", DEFAULTS, uri=RUN.uri).runs == 5


def test_the_same_server_teaches_more():
    """Five runs that took twice as long move the estimate; on another server less."""
    slow = [replace(RUN, seconds=2 * (1 + 1 + 3 + 0.1 + 0.05))] * 5
    default, near, far = (learn_from(runs, "load", "online", DEFAULTS, uri=uri).estimate(SIZE).value
                          for runs, uri in (([], RUN.uri), (slow, RUN.uri), (slow, "bolt://elsewhere:7687")))
    assert default < far < near <= 2 * default
    assert near == pytest.approx(2 * default, rel=0.2)


def test_memory_is_learned_as_well():
    """From the peak of each run."""
    model = learn_from([replace(RUN, peak_bytes=3 * 10**8)] * 10, "load", "online", Rates(1e8, 1e3), what="peak_bytes")
    assert model.estimate(SIZE).value == pytest.approx(3e8, rel=0.3)
