"""What the check of rows promises: what this program wrote passes, and what someone spoilt is named by file and line.

All files here have the digests that the manifest says, as those of someone who makes or edits bundles have.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.bundle.check import check_rows
from synthgen.bundle.fields import _Piece
from synthgen.bundle.layout import LONG_ROW
from synthgen.bundle.read import Bundle, check_files, open_bundle
from synthgen.errors import BundleError, SnapshotError
from synthgen.files import file_digest
from synthgen.graph import END, START, Graph, NodeTable
from synthgen.snapshot.check import check_tables
from synthgen.snapshot.read import Snapshot, check_snapshot, open_snapshot
from synthgen.snapshot.write import write_snapshot
from synthgen.types import TYPES
from tests.bundles import OPERATION, OTHER_OPERATION, NodeRows, RelationshipRows, write_bundle
from tests.graphs import CREATED_AT, VALUES, any_graphs, base_graphs, frame_of, stored
from tests.property.test_bundle import frames, growth_of, odd, written
from tests.tiny import tiny_graph

NODES, MORE, TIES, TO_BASE = "nodes-000", "nodes-001", "relationships-000", "relationships-001"
FILE = f"{NODES}.part-00000.csv"
TYPED = {
    "text": "STRING", "count": "INTEGER", "share": "FLOAT", "flag": "BOOLEAN", "day": "DATE", "at": "ZONED DATETIME",
    "clock": "LOCAL TIME", "took": "DURATION", "place": "POINT", "octets": "BYTES", "days": "LIST<DATE>",
    "numbers": "LIST<INTEGER>", "texts": "LIST<STRING>",
}
ROW = ["a\nb", 7, 0.5, True, "2024-02-29", "2024-02-29T12:00:00.5+01:00[Europe/Berlin]", "12:30", "P1Y2MT-3.5S",
       "{srid:4326,x:12.5,y:55.75}", b"\x00\xff", ["2024-01-31", "-0004-02-29"], [1, -2], ["a", 'b,"c"']]


@settings(max_examples=40)
@given(frames())
def test_a_bundle_that_was_written_passes(made: tuple[dict[str, str], pl.DataFrame]) -> None:
    """Whatever values of whatever types a bundle holds, nothing in it is found to be wrong."""
    with tempfile.TemporaryDirectory() as out:
        check_rows(written(growth_of(*made), Path(out)))


def test_lines_are_counted_for_an_error_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That reads a file from its start: done for each piece of it, time would grow with the square of its size."""
    row = ["x" * (LONG_ROW // 5), *ROW[1:]]
    bundle = write_bundle(tmp_path, [NodeRows(["A"], TYPED, [row] * 20)])
    counted: list[int] = []
    monkeypatch.setattr(_Piece, "line_at", lambda _, place: counted.append(place) or 1)
    check_rows(bundle)
    assert counted == []


@settings(max_examples=25)
@given(st.one_of(base_graphs(most=4), any_graphs()))
def test_a_snapshot_that_was_written_passes(graph: Graph) -> None:
    """The same of any snapshot."""
    with stored(graph) as snapshot:
        check_tables(snapshot)


@settings(max_examples=40)
@given(st.sampled_from(sorted(VALUES)), st.data())
def test_a_snapshot_with_values_of_any_type_passes(kind: str, data: st.DataObject) -> None:
    """Values at the ends of every type are values of it."""
    rows = [{"p": value} for value in data.draw(st.lists(st.one_of(st.none(), VALUES[kind]), min_size=1, max_size=5))]
    with stored(Graph([NodeTable(("A",), {"p": kind}, frame_of(rows, {"p": kind}))], [])) as snapshot:
        check_tables(snapshot)


# ——— bundles that someone spoilt ———


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle with a row of each oddity; its texts have line ends, so that lines are not rows."""
    empty = [*ROW[:9], b"", [], None, [""]]
    bundle = write_bundle(
        tmp_path_factory.mktemp("whole"),
        [NodeRows(["A"], TYPED, [ROW, empty, ROW, [None] * len(TYPED)]), NodeRows(["B", "C"], {}, [[], [], []])],
        [RelationshipRows("IS", [(0, 1, "x"), (6, 6, 'two\n"lines"'), (2, 3, None)], {"why": "STRING"}),
         RelationshipRows("AT", [(0, 4), (5, 2)], end_space="base")],
        anchors=[2, 4], part_rows=3)
    check_rows(bundle)
    return bundle


def spoilt(whole: Bundle, folder: Path, file: str, change: Callable[[str], str]) -> Bundle:
    """Copy a bundle with one file changed, and the manifest's lengths and digests with it."""
    path = folder / OPERATION
    shutil.copytree(whole.path, path)
    raw = (path / file).read_text("utf-8", errors="surrogateescape")
    changed = change(raw)
    assert changed != raw
    (path / file).write_text(changed, "utf-8", errors="surrogateescape")
    if file != "manifest.json":
        document = json.loads((path / "manifest.json").read_text("utf-8"))
        if file in document["header_digests"]:
            document["header_digests"][file] = file_digest(path / file)
        for group in (*document["node_groups"], *document["relationship_groups"]):
            for part in group["parts"]:
                if part["file"] == file:
                    part |= {"bytes": (path / file).stat().st_size, "digest": file_digest(path / file)}
        (path / "manifest.json").write_text(json.dumps(document), "utf-8")
    bundle = open_bundle(path)
    check_files(bundle)
    return bundle


def refusal(bundle: Bundle) -> BundleError:
    with pytest.raises(BundleError) as caught:
        check_rows(bundle)
    assert caught.value.hint
    return caught.value


def swap(old: str, new: str, count: int = 1) -> Callable[[str], str]:
    """Replace the `count`th `old`, from 1; in `FILE` row n begins in line 2n - 1."""
    def change(text: str) -> str:
        pieces = text.split(old)
        assert len(pieces) > count
        return old.join(pieces[:count]) + new + old.join(pieces[count:])

    return change


def without_line(number: int) -> Callable[[str], str]:
    return lambda text: "".join(line for place, line in enumerate(text.splitlines(keepends=True), start=1)
                                if place != number)


Damage = tuple[str, Callable[[str], str], int | None, str, Any]
DAMAGES: dict[str, Damage] = {
    "duplicate id": (FILE, swap('\n2,"true"', '\n1,"true"'), 5, "the id 1 is there twice", "1"),
    "id of another group": (f"{MORE}.part-00000.csv", swap('4,"true"', '3,"true"'), 1, "the id 3 is there twice", "3"),
    "gap in ids": (FILE, swap('\n2,"true"', '\n9,"true"'), 5, "the id is '9' and not 2", "9"),
    "no id": (FILE, swap('\n2,"true"', '\n,"true"'), 5, "the id is nothing", None),
    "id of a text": (FILE, swap('\n2,"true"', '\n"x","true"'), 5, "the id is 'x'", "x"),
    "dangling start": (f"{TIES}.part-00000.csv", swap("6,6", "7,6"), 2, ":START_ID is '7', no node", "7"),
    "dangling end": (f"{TIES}.part-00000.csv", swap("2,3", "2,-1"), 4, ":END_ID is '-1', no node", "-1"),
    "no end": (f"{TIES}.part-00000.csv", swap("2,3", "2,"), 4, ":END_ID is nothing", None),
    "end outside of the base": (f"{TO_BASE}.part-00000.csv", swap("0,4", "0,5"), 1, "no node of the base", "5"),
    "end that no anchor names": (f"{TO_BASE}.part-00000.csv", swap("0,4", "0,3"), 1, "anchors.csv does not name", "3"),
    "anchor twice": ("anchors.csv", swap("\n4,", "\n2,"), 3, "there twice", 2),
    "anchor outside of the base": ("anchors.csv", swap("\n4,", "\n5,"), 3, "none of the 5", 5),
    "anchor without digest": ("anchors.csv", swap("4\n", "x\n"), 3, "no digest", 4),
    "no column for a property": (f"{NODES}.header.csv", swap("count:long,", ""), 1, "the column 'count:long'",
                                 "share:double"),
    "column of another type": (f"{NODES}.header.csv", swap("count:long", "count:int"), 1, "'count:long'", "count:int"),
    "columns in another order": (f"{NODES}.header.csv", swap("text:string,count:long", "count:long,text:string"), 1,
                                 "'text:string'", "count:long"),
    "column that the manifest does not know": (f"{MORE}.header.csv", swap("\n", ",more:long\n"), 1, "no more columns",
                                               "more:long"),
    "ids of another space": (f"{TO_BASE}.header.csv", swap("(base)", "(other)"), 1, "':END_ID(base)'",
                             ":END_ID(other)"),
    "header in the part": (f"{MORE}.part-00000.csv", lambda text: ":ID,a,b,c,d\n" + text, 1, "the id is ':ID'", ":ID"),
    "two headers": (f"{MORE}.header.csv", lambda text: text + text, 2, "it has 2 records", None),
    "no header": (f"{MORE}.header.csv", lambda _: "", None, "it has 0 records", None),
    "comma without quotes": (f"{TIES}.part-00000.csv", swap('"x"', "x,y"), 1, "the row has 4 columns", None),
    "column too few": (f"{TIES}.part-00000.csv", swap("6,6,", "6,"), 2, "the row has 2 columns", None),
    "column too many": (f"{TO_BASE}.part-00000.csv", swap("5,2", "5,2,"), 2, "the row has 3 columns", None),
    "empty line": (f"{TO_BASE}.part-00000.csv", swap("\n", "\n\n"), 2, ":START_ID is nothing", None),
    "quote in the data": (f"{TIES}.part-00000.csv", swap('""lines', '"lines'), 3, "a quote stands inside", None),
    "quote in a text without": (f"{TIES}.part-00000.csv", swap('"x"', 'x"y'), 1, "a quote stands inside", None),
    "text behind quotes": (f"{TIES}.part-00000.csv", swap('"x"', '"x" '), 1, "beside the quotes", None),
    "quote that none ends": (f"{TO_BASE}.part-00000.csv", swap("5,2", '5,"2'), 2, "none behind it", None),
    "no UTF-8": (f"{TIES}.part-00000.csv", swap("lines", "l\udcfcnes"), 3, "no UTF-8", repr(b"\xfc")),
    "row gone": (f"{TO_BASE}.part-00000.csv", without_line(2), 2, "ends after 1 rows", None),
    "row twice": (f"{TO_BASE}.part-00000.csv", lambda text: text * 2, 5, "ends after 4 rows", None),
    "nothing in it": (f"{TO_BASE}.part-00000.csv", lambda _: "", 1, "ends after 0 rows", None),
    "word for a number": (FILE, swap(",7,", ",seven,", 2), 3, "'count' is 'seven'", "seven"),
    "number of 65 bits": (FILE, swap(",7,", ",9223372036854775808,"), 1, "no INTEGER",
                          "9223372036854775808"),
    "number with a fraction": (FILE, swap(",7,", ",7.0,", 3), 5, "no INTEGER", "7.0"),
    "float too big": (FILE, swap('"0.5"', '"1e999"', 2), 3, "no FLOAT", "1e999"),
    "word for a truth": (FILE, swap('"0.5","true"', '"0.5","yes"'), 1, "no BOOLEAN", "yes"),
    "day that no calendar has": (FILE, swap('"2024-02-29"', '"2023-02-29"', 3), 5, "no DATE",
                                 "2023-02-29"),
    "date of another country": (FILE, swap('"2024-02-29"', '"29.02.2024"'), 1, "no DATE",
                                "29.02.2024"),
    "moment without zone": (FILE, swap("+01:00[Europe/Berlin]", ""), 1, "no ZONED DATETIME",
                            "2024-02-29T12:00:00.5"),
    "hour too late": (FILE, swap('"12:30"', '"24:30"'), 1, "no LOCAL TIME", "24:30"),
    "duration of nothing": (FILE, swap('"P1Y2MT-3.5S"', '"PT"'), 1, "no DURATION", "PT"),
    "point without y": (FILE, swap(",y:55.75}", "}"), 1, "no POINT", "{srid:4326,x:12.5}"),
    "octet too big": (FILE, swap("0\x1f-1", "0\x1f255"), 1, "no BYTES", "0\x1f255"),
    "delimiter in an element": (FILE, swap("2024-01-31\x1f", "2024-01\x1f-31\x1f"), 1,
                                "no LIST<DATE>", "2024-01\x1f-31\x1f-0004-02-29"),
    "no element": (FILE, swap("1\x1f-2", "1\x1f"), 1, "no LIST<INTEGER>", "1\x1f"),
    "empty list that is none": (FILE, swap('"days\x1f', '"text\x1f'), 3, "names a property that is no list",
                                "text\x1ftexts\x1ftexts"),
    "empty list with elements": (FILE, swap('c""",,', 'c""","texts",'), 1, "'texts' has elements", "texts"),
    "empty list named twice": (FILE, swap('"days\x1f', '"days\x1fdays\x1f'), 3, "'days' has elements, or is named",
                               "days\x1fdays\x1ftexts\x1ftexts"),
    "JSON that is none": (FILE, swap(',\n1,"true"', ',"{"\n1,"true"'), 1, "not what it is for", "{"),
    "JSON of another type": (FILE, swap(',\n1,"true"', ',"{""at"":[""DATE"",""2024-01-01""]}"\n1,"true"'),
                             1, "not what it is for", '{"at":["DATE","2024-01-01"]}'),
    "JSON of no value": (FILE, swap(',\n1,"true"', ',"{""at"":[""ZONED DATETIME"",""x""]}"\n1,"true"'),
                         1, "not what it is for", '{"at":["ZONED DATETIME","x"]}'),
    "mark of another operation": (f"{MORE}.part-00000.csv", swap(OPERATION, OTHER_OPERATION, 2), 2,
                                  "'scale_operation_id' is", OTHER_OPERATION),
    "not marked as synthetic": (f"{MORE}.part-00000.csv", swap('"true"', '"false"', 3), 3, "'synthetic' is 'false'",
                                "false"),
    "no strategy": (f"{MORE}.part-00000.csv", swap('"random"', ""), 1, "no 'generation_strategy'", None),
}
"""What it is, and the file, the change, the line, words of the error, its value."""


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named_by_file_and_line(whole: Bundle, tmp_path: Path, damage: str) -> None:
    """Files whose digests are right, but not what is in them: the error has file, line, value and a way out."""
    file, change, line, words, value = DAMAGES[damage]
    error = refusal(spoilt(whole, tmp_path, file, change))
    assert words in error.message
    assert error.message.startswith(f"{file}, line {line}: " if line else f"{file}: ")
    assert (error.facts["file"], error.facts.get("line"), error.facts.get("value")) == (file, line, value)


@settings(max_examples=40)
@given(st.sampled_from(sorted(set(VALUES) - {"STRING", "LIST<STRING>"})), st.data())
def test_a_wrong_value_among_right_ones_is_named(kind: str, data: st.DataObject) -> None:
    """Among rows of any values of a type, the one that is none is found, by its line."""
    # What CSV has no form for is not in these bundles.
    values = VALUES[kind].filter(lambda value: not odd("p", kind, value))
    rows: list[Any] = data.draw(st.lists(st.tuples(st.text("a\n", max_size=3), values), min_size=1, max_size=5))
    rows.insert(data.draw(st.integers(0, len(rows))), ("here\n", None))
    text = data.draw(st.sampled_from(("no", "1 ", "2024-13-01", "-", "\uff11", "\x1f", "")))
    with tempfile.TemporaryDirectory() as folder:
        bundle = write_bundle(Path(folder) / "whole", [NodeRows(["A"], {"text": "STRING", "p": kind}, rows)])
        # An absent value is nothing at all, so that this one stands in its place.
        bundle = spoilt(bundle, Path(folder), FILE, swap('"here\n",', f'"here\n","{text}"'))
        error = refusal(bundle)
        before, _ = (bundle.path / FILE).read_text("utf-8").split('"here')
        assert (error.facts["line"], error.facts["value"]) == (before.count("\n") + 1, text)
        assert kind in error.message


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "rows of a group": (lambda document: document["node_groups"][0].update(rows=5), "do not have 5 rows"),
    "first id": (lambda document: document["node_groups"][1].update(first=5), "begin at 5 and not at 4"),
    "counts": (lambda document: document["counts"].update(nodes=8), "counts say of nodes 8"),
    "counts by label": (lambda document: document["counts"]["labels"].update(A=3), "counts say of labels"),
    "counts by type": (lambda document: document["counts"]["types"].update(MORE=1), "counts say of types"),
    "no name": (lambda document: document["node_groups"][0].update(labels=[""]), "the name ''"),
    "no marks": (lambda document: document["node_groups"][1]["types"].pop("synthetic"), "not marked with synthetic"),
    "base tied to itself": (lambda document: document["relationship_groups"][1].update(start_space="base"),
                            "ties nodes of the base"),
    "no base": (lambda document: document["snapshot"].update(nodes="many"), "'many'"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_manifest_that_does_not_add_up_is_refused(whole: Bundle, tmp_path: Path, change: str) -> None:
    """Numbers that contradict each other, names that cannot be, nodes that no rollback would find."""
    edit, words = CHANGES[change]

    def edited(text: str) -> str:
        document = json.loads(text)
        edit(document)
        return json.dumps(document)

    error = refusal(spoilt(whole, tmp_path, "manifest.json", edited))
    assert error.message.startswith("manifest.json: it does not add up: ")
    assert words in error.message


def test_lines_are_right_far_into_a_file(tmp_path: Path) -> None:
    """Files are read in pieces; rows and lines count through them, also where a row is longer than a piece."""
    texts = ["x" * 100_000 + "\n", "é" * 1_500_000, 'a"\n'] * 2
    types = {"text": "STRING", "count": "INTEGER"}
    frame = frame_of([{"text": text, "count": 7} for text in texts], types)
    [*_, part] = (whole := written(growth_of(types, frame), tmp_path / "out")).manifest.parts
    check_rows(whole)
    error = refusal(spoilt(whole, tmp_path, part.file, swap(",7", ",x", 5)))
    assert (error.facts["row"], error.facts["line"], error.facts["value"]) == (5, 8, "x")


def test_a_row_longer_than_said_is_refused(tmp_path: Path) -> None:
    """An import has to be told of long rows, so the manifest has to be right about them."""
    whole = write_bundle(tmp_path / "out", [NodeRows(["A"], {"text": "STRING"}, [["a"], ["b" * LONG_ROW]])])
    error = refusal(whole)
    assert (error.facts["line"], f"{LONG_ROW:,} bytes" in error.message) == (2, True)


# ——— snapshots ———


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """A snapshot of a tiny graph."""
    return write_snapshot(tiny_graph(), tmp_path_factory.mktemp("base") / "base", created_at=CREATED_AT, source={},
                          profile="azure")


def spoilt_table(
    base: Snapshot, folder: Path, change: Callable[[dict[str, Any], pl.DataFrame], pl.DataFrame], key: str
) -> Snapshot:
    """Copy a snapshot with its last table of nodes or relationships changed, and `snapshot.json` with it."""
    path = folder / "base"
    shutil.copytree(base.path, path)
    document = json.loads((path / "snapshot.json").read_text("utf-8"))
    table = document[f"{key}_tables"][-1]
    file = path / table["file"]
    change(table, pl.read_parquet(file)).write_parquet(file)
    table |= {"bytes": file.stat().st_size, "digest": file_digest(file)}
    (path / "snapshot.json").write_text(json.dumps(document), "utf-8")
    snapshot = open_snapshot(path)
    check_snapshot(snapshot)
    return snapshot


def with_row(row: int, name: str, value: Any) -> Callable[[dict[str, Any], pl.DataFrame], pl.DataFrame]:
    def change(_: dict[str, Any], frame: pl.DataFrame) -> pl.DataFrame:
        values = frame[name].to_list()
        values[row] = value
        return frame.with_columns(pl.Series(name, values, dtype=frame.schema[name]))

    return change


def with_property(kind: str, value: Any) -> Callable[[dict[str, Any], pl.DataFrame], pl.DataFrame]:
    """Add a property whose last value is one that its type has not."""
    def change(table: dict[str, Any], frame: pl.DataFrame) -> pl.DataFrame:
        table["types"]["p"] = kind
        values = [None] * (frame.height - 1) + [value]
        return frame.with_columns(pl.Series("p", values, dtype=TYPES[kind].dtype))

    return change


TABLE_DAMAGES: dict[str, tuple[str, Callable[[dict[str, Any], pl.DataFrame], pl.DataFrame], str, Any]] = {
    "dangling end": ("relationship", with_row(0, END, 10**6), "row 1: ':end' is 1000000, none of the", 10**6),
    "no start": ("relationship", with_row(0, START, None), "row 1: ':start' is nothing", None),
    "text for a number": ("relationship", lambda _, frame: frame.with_columns(pl.col(END).cast(pl.String)),
                          "column ':end' is String", None),
    "column gone": ("node", lambda _, frame: frame.drop("type"), "column 'type' is not there", None),
    "column too many": ("node", lambda _, frame: frame.with_columns(more=1), "column 'more'", None),
    "row gone": ("node", lambda _, frame: frame[1:], "rows, and snapshot.json says", None),
    "date": ("node", with_property("DATE", "2023-02-29"), "'p' is '2023-02-29', no DATE", "2023-02-29"),
    "point": ("node", with_property("POINT", "{srid:4326,x:1}"), "no POINT", "{srid:4326,x:1}"),
    "element": ("node", with_property("LIST<LOCAL TIME>", ["12:00", "no"]), "no LIST<LOCAL TIME>", ["12:00", "no"]),
    "null in a list": ("node", with_property("LIST<STRING>", ["a", None]), "no LIST<STRING>", ["a", None]),
    "vector": ("node", with_property("VECTOR<FLOAT32>(3)", "[1.0,2.0]"), "no VECTOR<FLOAT32>(3)", "[1.0,2.0]"),
}
"""What it is, and what kind of table, the change, words of the error, its value."""


@pytest.mark.parametrize("damage", TABLE_DAMAGES)
def test_damage_of_a_snapshot_is_named_by_table_and_row(base: Snapshot, tmp_path: Path, damage: str) -> None:
    """Tables whose digests are right, but not what is in them: the error has table, row, value and a way out."""
    key, change, words, value = TABLE_DAMAGES[damage]
    snapshot = spoilt_table(base, tmp_path, change, key)
    check_tables(base)
    with pytest.raises(SnapshotError) as caught:
        check_tables(snapshot)
    table = (snapshot.node_tables if key == "node" else snapshot.relationship_tables)[-1]
    assert words in caught.value.message
    assert caught.value.message.startswith(table.file)
    assert (caught.value.facts["file"], caught.value.facts.get("value")) == (table.file, value)
    assert caught.value.hint
