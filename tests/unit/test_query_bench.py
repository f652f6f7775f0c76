"""The bench without a server: files of queries, the shipped set, records, comparisons, quantiles and pictures."""

from __future__ import annotations

import json
import os
import re
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from importer.queries.comparison import Compared, Comparison, compare
from importer.queries.measuring import times_of
from importer.queries.plot import check_plot, draw_records
from importer.queries.record import (
    LiveOperation,
    Operator,
    QueryRecord,
    Record,
    Settings,
    Times,
    find_record,
    make_room,
    new_record_path,
    write_record,
)
from importer.queries.shipped import resource_expression, shipped_queries
from importer.queries.statements import parse_queries, queries_text, read_queries
from importer.queries.table import comparison_table, record_table
from synthgen.errors import UsageError
from synthgen.profile import AZURE, Profile
from tests.forked import run_module
from tests.workshop import LONGEST_SECONDS

DOCUMENT = (Path(__file__).parents[2] / "docs" / "query-bench.md").read_text(encoding="utf-8")


def measured(name="lookup", p50=1.0, hits=3.0, **changed):
    """Make what is found of a query."""
    found = QueryRecord(name, "RETURN 1", None, "measured", runs=20, warm_up_runs=3, rows=1.0, profiled_runs=1,
                        milliseconds=Times(p50 / 2, p50, p50 * 2, p50 * 3, p50 * 4), db_hits=hits,
                        operators=(Operator("NodeIndexSeek", "n:A(id)", 0, hits, 1.0),))
    return replace(found, **changed)


def record(name, *queries):
    """Make a record."""
    return Record(1, name, "2026-01-31T12:00:00+00:00", "bolt://x", "neo4j", {"version": "5", "edition": "community"},
                  {"synthgen": "1"}, 10, 20, (LiveOperation("scale-20260131T120000-0123abcd", 4, under_way=True),),
                  None, "azure", Settings(), queries)


@pytest.mark.parametrize(("text", "words"), [
    ("", "holds no query"),
    ("// name: a\n", ":1: no query follows"),
    ("// name: a\nRETURN 1;\n// name: a\nRETURN 2", ":4: a second query is called 'a'"),
    ("// name:\nRETURN 1", ":1: name of a query is empty"),
    ("// parameters: RETURN 1 AS a\n// x\n// parameters: RETURN 2 AS a\nRETURN $a", ":3: .* given twice"),
    ("RETURN 1; RETURN 'a", ":1: what begins with ' does not end"),
])
def test_a_file_that_is_wrong_is_refused_by_line(text, words):
    """What is wrong and where."""
    with pytest.raises(UsageError, match=words) as caught:
        parse_queries(text, "mine.cypher")
    assert caught.value.hint
    assert str(caught.value).startswith("mine.cypher")


def test_comments_that_mean_nothing_are_left_alone(tmp_path):
    """Parameters go on in what is indented and nowhere else; a byte order mark is no part of a query."""
    path = tmp_path / "mine.cypher"
    text = "// note: all\n// Parameters: MATCH (n)\n//   RETURN n.id AS id\n// what it is for\nRETURN $id // x"
    path.write_text(text, encoding="utf-8-sig")
    [query] = read_queries(path)
    assert (query.name, query.parameters, query.cypher) == ("query 1", "MATCH (n)\nRETURN n.id AS id", "RETURN $id")
    with pytest.raises(UsageError, match="cannot be read"):
        read_queries(tmp_path / "none.cypher")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not text in UTF-8"):
        read_queries(path)


@pytest.mark.parametrize(("profile", "expression"), [
    (AZURE, "`Resource`&!`Original`"),
    (Profile("x", resource_labels=("A", "B")), "`A`&`B`"),
    (Profile("x", resource_label_sets=(("A", "B"), ("C",)), protected_labels=("P",)), "((`A`&`B`)|`C`)&!`P`"),
    (Profile("x", resource_label_sets=((),)), "%"),
    (Profile("x", resource_labels=("a`b",)), "`a``b`"),
])
def test_resources_are_those_of_the_profile(profile, expression):
    """As a label expression."""
    assert resource_expression(profile) == expression


def test_a_query_for_what_the_profile_lacks_is_skipped_with_the_reason():
    """Nothing is lost: queries and skipped ones together are the set; each can be written to a file and read again."""
    whole, bare = shipped_queries(AZURE), shipped_queries(Profile("bare", resource_labels=("A",)))
    assert not whole.skipped
    assert {*bare.skipped, *(query.name for query in bare.queries)} == {query.name for query in whole.queries}
    assert bare.skipped["lookup by id"] == "the profile 'bare' names no id"
    for shipped in (whole, bare):
        assert parse_queries(queries_text(shipped.queries), "a file") == shipped.queries
    assert all(f"`{query.name}`" in DOCUMENT for query in whole.queries)


@pytest.mark.parametrize("runs", [1, 2, 20, 101])
def test_quantiles_are_interpolated_linearly(runs):
    """Definition 7 of Hyndman and Fan, worked out by hand, in milliseconds."""
    seconds = list(np.random.default_rng(runs).random(runs))
    ordered = sorted(seconds)

    def at(share):
        place = share * (runs - 1)
        low = int(place)
        return ordered[low] + (place - low) * (ordered[min(low + 1, runs - 1)] - ordered[low])

    found = times_of(seconds)
    for name, share in (("min", 0), ("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1)):
        assert getattr(found, name) == pytest.approx(1000 * at(share), abs=1e-4)


def test_a_record_comes_back_from_its_file(tmp_path):
    """By name and by path; a name that is taken, and what is no record, are refused."""
    kept = record("before", measured(), measured("gone", outcome="failed", reason="x", milliseconds=None, db_hits=None))
    path = new_record_path(tmp_path, "before")
    write_record(kept, path)
    assert find_record(tmp_path, "before") == find_record(tmp_path, str(path)) == kept
    with pytest.raises(UsageError, match="already"):
        new_record_path(tmp_path, "before")
    for name in ("../x", "", ".x", "before.json"):
        with pytest.raises(UsageError, match="cannot be called"):
            new_record_path(tmp_path, name)
    (tmp_path / "full").write_text("no folder")
    with pytest.raises(UsageError, match="cannot be written"):
        make_room(new_record_path(tmp_path / "full", "before"))
    with pytest.raises(UsageError, match="cannot be read") as caught:
        find_record(tmp_path, "after")
    assert "before" in caught.value.hint
    document = kept.as_document()
    for wrong in ("{", "[]", "{}", json.dumps({**document, "format_version": 2}),
                  json.dumps({**document, "more": 1}), json.dumps({**document, "queries": [{}]})):
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(UsageError, match="is no"):
            find_record(tmp_path, "before")


def test_a_comparison_goes_by_names_and_says_what_is_not_alike():
    """Ratios are after over before; queries of one record alone, and of other texts, have none."""
    before = record("before", measured("a", 2.0, 4.0), measured("b"), measured("c", parameters_digest="1"),
                    measured("d"), measured("none", 1.0, 0.0))
    after = record("after", measured("a", 5.0, 4.0), measured("b", cypher="RETURN 2"),
                   measured("c", 3.0, parameters_digest="2"), measured("e"), measured("none", 1.0, 5.0))
    found = {one.name: one for one in compare(before, after).queries}
    assert found["a"] == Compared("a", 2.0, 5.0, 2.5, 4.0, 4.0, 1.0, None)
    assert (found["b"].p50_ratio, found["b"].db_hits_ratio, found["b"].note) == (None, None, "the text is another one")
    assert (found["c"].p50_ratio, found["c"].note) == (3.0, "the parameters are others")
    assert (found["d"].p50_after_ms, found["e"].p50_before_ms) == (None, None)
    assert found["none"].db_hits_ratio is None
    assert list(found) == ["a", "b", "c", "e", "none", "d"]
    table = comparison_table(compare(before, after))
    assert re.search(r"^a +2\.00 +5\.00 +2\.50 +4 +4 +1\.00$", table, re.MULTILINE)


def test_the_table_tells_what_was_not_measured():
    """Numbers of what was, reasons of what was not."""
    text = record_table(record("now", measured("a", 2.0), measured("b", outcome="failed", reason="timed out after 30s",
                                                                   milliseconds=None)))
    assert re.search(r"^a +2\.00 +4\.00 +6\.00 +8\.00 +1 +3 +NodeIndexSeek$", text, re.MULTILINE)
    assert "failed    b: timed out after 30s" in text
    assert "scale-20260131T120000-0123abcd (under way)" in text


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_a_plot_shows_every_record_and_query(kind, tmp_path):
    """Also of queries that one record lacks, or with no hits at all."""
    path = tmp_path / f"plot.{kind}"
    draw_records([record("before", measured("a", 0.1, 0.0)), record("after", measured("a", 900.0), measured("$b_1$"))],
                 path)
    if kind == "svg":
        text = path.read_text(encoding="utf-8")
        assert all(word in text for word in ("before: 10 nodes", "after: 10 nodes", ">a<", "$b_1$"))
    else:
        assert imread(path).shape[1] > 1000
    draw_records([record("none", measured(milliseconds=None))], path)
    for wrong in (tmp_path / "plot.jpg", tmp_path / "none" / "plot.png"):
        with pytest.raises(UsageError):
            check_plot(wrong)


def test_the_fields_are_those_of_the_documentation():
    """Each field of a record stands in docs/query-bench.md, and its tables name no other."""
    tables = re.findall(r"^\| (`.*?) \|", DOCUMENT[DOCUMENT.index("## The record"):], re.MULTILINE)
    named = [set(re.findall(r"`(\w+)`", " ".join(rows))) for rows in (tables[:10], tables[10:])]
    assert named[0] == {field.name for field in fields(Record)}
    assert named[1] == {field.name for field in fields(QueryRecord)}
    for part in (Settings, LiveOperation, Times, Operator, Compared, Comparison):
        assert all(f"`{field.name}`" in DOCUMENT for field in fields(part)), part


@pytest.mark.parametrize(("options", "word"), [
    (["--show", "a", "--name", "b"], "do not go together"),
    (["--write-queries", "a.cypher", "--queries", "b.cypher"], "do not go together"),
    (["--write-queries", "a.cypher", "--plot", "a.svg"], "do not go together"),
    (["--queries", "a.cypher", "--profile", "azure"], "do not go together"),
    (["--repetitions", "0"], "--repetitions is 0"),
    (["--warm-up", "3 runs"], "--warm-up '3 runs' is not a time"),
    (["--timeout", "soon"], "--timeout 'soon' is not a time"),
    (["--plot", "a.jpg"], "neither in .png nor in .svg"),
    (["--compare", "none"], "cannot be read"),
    (["--name", "a/b"], "cannot be called"),
    (["--queries", "none.cypher"], "cannot be read"),
    ([], "there is no snapshot"),
])
def test_wrong_use_is_a_usage_error_before_any_database_is_asked(options, word, tmp_path):
    """Exit code 2 with a way out."""
    code, _, said = run_module("importer.cli", ["query-bench", *options], environment=os.environ, folder=tmp_path,
                               timeout_s=LONGEST_SECONDS)
    assert (code, "hint: " in said) == (2, True), said
    assert word in said
    assert not list(tmp_path.iterdir())
