"""What `scripts/bench` says: ratios pair by pair, verdicts, memory of a process alone, and floors of the same rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial

import pytest
from benchmarks.figures import Figure, head_lines, table_line
from benchmarks.floor import WRITERS, final_columns, parts_of, time_writers, write_again
from benchmarks.ground import make_bundle
from benchmarks.measuring import in_child, in_turns

from synthgen.parameters import TemplateParameters
from synthgen.snapshot.write import write_snapshot
from tests.kinds.films import film_database
from tests.workshop import ROOT

MEGABYTES = 300
HOLD = f"import time; held = bytearray(b'x') * {MEGABYTES}_000_000; time.sleep(2)"


def test_ratios_are_those_of_pairs():
    """A slow pair does not become a fast one by the median of each side; one value counts for all."""
    pairs = Figure("f", "s", [10, 2, 3], "floor", [5, 2, 1])
    assert (pairs.ratios, pairs.ratio) == ([2, 1, 3], 2)
    assert Figure("f", "s", [1, 2], "limit", [4]).ratios == [0.25, 0.5]
    with pytest.raises(ValueError, match="2 values against 3"):
        assert Figure("f", "s", [1, 2], "floor", [1, 2, 3]).ratios


@pytest.mark.parametrize(("ours", "verdict"), [(2.0, "met"), (2.004, "missed")])
def test_a_miss_is_shown_as_a_miss(ours, verdict):
    """Also one that rounding would hide."""
    line = table_line(Figure("generate", "s", [ours], "floor", [1.0], 2.0, rows=10))
    assert f"≤ 2.00, {verdict}" in line
    assert line.count("|") == head_lines()[0].count("|")


def test_a_document_says_all():
    """JSON holds each value, not only the median."""
    document = json.loads(json.dumps(Figure("f", "s", [1, 3], "floor", [1, 1], 2.0, 8, {"a": 1}).as_document()))
    assert document["ours"] == [1, 3]
    assert (document["ratio_least"], document["ratio_most"], document["met"]) == (1, 3, True)
    assert (document["rows_per_second"], document["facts"]) == (4, {"a": 1})


def test_who_comes_first_changes():
    """What warms a machine, or tires it, helps and harms all alike."""
    order: list[str] = []
    in_turns(2, partial(order.append, "ours"), partial(order.append, "theirs"))
    assert order == ["ours", "theirs", "theirs", "ours"]


def test_memory_is_that_of_the_process_and_its_children():
    """What others had before is none of it; what its own children have at the same time is."""
    held = bytearray(b"x") * MEGABYTES * 10**6
    assert in_child(len, [0]).peak_mb < MEGABYTES
    assert held
    assert in_child(subprocess.run, [sys.executable, "-c", HOLD], check=True).peak_mb > MEGABYTES


def test_what_fails_in_a_child_is_told():
    """Nothing that failed is taken for a figure."""
    with pytest.raises(RuntimeError, match="invalid literal"):
        in_child(int, "none")


def test_a_floor_writes_the_same_rows(tmp_path, monkeypatch):
    """Numbers, texts, lists and what is absent; a writer that changes them is no floor, however fast."""
    monkeypatch.setitem(WRITERS, "of less", lambda frame, path: WRITERS["polars write_csv"](frame[1:], path))
    write_snapshot(film_database(), tmp_path / "base", created_at="", source={}, profile="auto")
    bundle = make_bundle(TemplateParameters(scale_factor=2.0), tmp_path / "base", tmp_path / "out")
    fit = time_writers(bundle, tmp_path)
    assert "polars write_csv" in fit
    assert set(fit) < set(WRITERS)
    assert "of less" not in fit
    for number, writer in enumerate(fit):
        again = tmp_path / f"again{number}"
        write_again(bundle, again, writer)
        for place, (path, layout) in enumerate(parts_of(bundle)):
            assert final_columns(again / f"{place}.csv", layout).equals(final_columns(path, layout)), writer


def test_a_part_has_its_own_options():
    """Options may stand before the part and after it, and the help tells of each part."""
    def run(*arguments: str) -> str:
        return subprocess.run([sys.executable, "-m", "benchmarks", *arguments], capture_output=True, text=True,
                              check=True, env={**os.environ, "PYTHONPATH": f"{ROOT / 'scripts'}{os.pathsep}{ROOT}"}
                              ).stdout

    assert "generation" in run("--help")
    assert "--strategy" in run("--quick", "generation", "--help")
