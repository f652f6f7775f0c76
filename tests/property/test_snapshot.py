"""What snapshots promise: read back equal, a digest of content alone, damage found, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import math
import random
import struct
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from synthgen.base import Base
from synthgen.errors import SnapshotError, SynthError
from synthgen.generate import find_profile
from synthgen.graph import END, START, Graph, NodeTable, RelationshipTable, SchemaItem
from synthgen.snapshot.digest import ContentDigest
from synthgen.snapshot.read import Snapshot, check_snapshot, digest_of, open_snapshot
from synthgen.snapshot.write import new_snapshot, write_snapshot
from tests.graphs import CREATED_AT, VALUES, any_graphs, base_graphs, frame_of, stored
from tests.growths import rows_of
from tests.property.test_bundle import something_wrong_in
from tests.tiny import tiny_graph

graphs = st.one_of(base_graphs(most=4), any_graphs())


# ——— FORMAT.md's digest, written anew ———


def naive_digest(graph: Graph) -> str:
    """Compute "Content digest" of FORMAT.md step by step, one node and one relationship at a time."""
    nodes = [(table.labels, row, table.types) for table in graph.nodes for row in rows_of(table.frame)]
    n0 = [naive_hash("N" + "".join(sized(label) for label in sorted(labels)) + "|" + property_texts(row, types))
          for labels, row, types in nodes]
    n1 = [list(lanes) for lanes in n0]
    for table in graph.relationships:
        for row in table.frame.iter_rows(named=True):
            start, end = row[START], row[END]
            own = naive_hash(f"R{sized(table.type)}|" + property_texts(row, table.types))
            for lane in range(2):
                out = naive_mix(own[lane] + naive_mix(n0[end][lane], "end"), "out")
                into = naive_mix(own[lane] + naive_mix(n0[start][lane], "start"), "in")
                n1[start][lane] += out
                n1[end][lane] += into
    total = [sum(naive_mix(lanes[lane], "node") for lanes in n1) % 2**64 for lane in range(2)]
    return struct.pack("<QQ", *total).hex()


def naive_hash(text: str) -> tuple[int, int]:
    return struct.unpack("<QQ", hashlib.blake2b(text.encode(), digest_size=16).digest())


def naive_mix(value: int, name: str) -> int:
    salt = struct.unpack("<Q", hashlib.blake2b(name.encode(), digest_size=8).digest())[0]
    value = ((value % 2**64) * 0x9E3779B97F4A7C15 + salt) % 2**64
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    value = (value ^ value >> 27) * 0x94D049BB133111EB % 2**64
    return value ^ value >> 31


def sized(text: str) -> str:
    return f"{len(text.encode())}:{text}"


def property_texts(row: Mapping[str, Any], types: Mapping[str, str]) -> str:
    texts = []
    for name in sorted(types):
        if row[name] is None:
            continue
        kind, value = types[name], row[name]
        if kind.startswith("LIST") and len(value) == 0:
            kind, text = "LIST<NOTHING>", "0["
        elif kind.startswith("LIST"):
            text = f"{len(value)}[" + "".join(sized(scalar_text(element, kind[5:-1])) for element in value)
        else:
            text = scalar_text(value, kind)
        texts.append(f"{sized(name)}{kind}={sized(text)};")
    return "".join(texts)


def scalar_text(value: Any, kind: str) -> str:
    match kind:
        case "BOOLEAN":
            return str(value).lower()
        case "FLOAT":
            return str(0x7FF8000000000000 if math.isnan(value) else struct.unpack("<Q", struct.pack("<d", value))[0])
        case "BYTES":
            return value.hex()
        case _:
            return str(value)


def digest(graph: Graph) -> str:
    """Compute the digest as the product does."""
    whole = ContentDigest()
    for table in graph.nodes:
        whole.add_nodes(table.labels, table.types, table.frame)
    for table in graph.relationships:
        whole.add_relationships(table.type, table.types, table.frame)
    return whole.hexdigest()


@settings(max_examples=60)
@given(graphs)
def test_the_digest_is_the_formats(graph: Graph) -> None:
    """The digest is what FORMAT.md says, by an implementation that shares nothing with the product's."""
    assert digest(graph) == naive_digest(graph)


@settings(max_examples=60)
@given(st.sampled_from(sorted(VALUES)), st.data())
def test_the_digest_of_every_type_is_the_formats(kind: str, data: st.DataObject) -> None:
    """Values of every property type count in the digest as FORMAT.md says, absent ones and empty lists included."""
    values = data.draw(st.lists(st.one_of(st.none(), VALUES[kind]), min_size=1, max_size=5))
    graph = Graph([NodeTable(("A",), {"p": kind}, frame_of([{"p": value} for value in values], {"p": kind}))], [])
    assert digest(graph) == naive_digest(graph)


# ——— what the digest does not see, and what it does ———


def shuffled(graph: Graph, seed: int) -> Graph:
    """The same graph with rows, tables and node numbers in another order, and some tables cut in two."""
    order = random.Random(seed)  # noqa: S311  # a shuffle that repeats, no secret
    pieces: list[tuple[NodeTable, list[int]]] = []
    first = 0
    for table in graph.nodes:
        rows = list(range(first, first + table.frame.height))
        first += len(rows)
        order.shuffle(rows)
        cut = order.randint(0, len(rows))
        pieces += [(table, piece) for piece in (rows[:cut], rows[cut:]) if piece]
    order.shuffle(pieces)
    numbers = {old: new for new, old in enumerate(old for _, piece in pieces for old in piece)}
    starts = dict(zip(map(id, graph.nodes), first_numbers(graph), strict=True))
    nodes = [NodeTable(tuple(order.sample(table.labels, len(table.labels))), table.types,
                       table.frame[[old - starts[id(table)] for old in piece]] if table.types
                       else pl.DataFrame(height=len(piece))) for table, piece in pieces]
    relationships = []
    for table in order.sample(list(graph.relationships), len(graph.relationships)):
        rows = order.sample(range(table.frame.height), table.frame.height)
        frame = table.frame[rows].with_columns(
            pl.col(START).replace_strict(numbers, return_dtype=pl.Int64),
            pl.col(END).replace_strict(numbers, return_dtype=pl.Int64))
        relationships.append(RelationshipTable(table.type, table.types, frame))
    return Graph(nodes, relationships)


def first_numbers(graph: Graph) -> list[int]:
    first, numbers = 0, []
    for table in graph.nodes:
        numbers.append(first)
        first += table.frame.height
    return numbers


@settings(max_examples=60)
@given(graphs, st.integers(0, 2**32))
def test_the_digest_is_free_of_order(graph: Graph, seed: int) -> None:
    """The same content in another order of rows, tables, labels and node numbers has the same digest."""
    assert digest(shuffled(graph, seed)) == digest(graph)


@settings(max_examples=120)
@given(graphs, st.data())
def test_the_digest_sees_every_change(graph: Graph, data: st.DataObject) -> None:
    """One value, type, label, relationship type, direction or end that changes, appears or goes changes the digest."""
    assert digest(changed(graph, data)) != digest(graph)


def changed(graph: Graph, data: st.DataObject) -> Graph:  # noqa: C901  # one branch for each kind of change
    """Change exactly one thing."""
    nodes, relationships = list(graph.nodes), list(graph.relationships)
    kinds = ["node added", "label added", "value added"] + ["value"] * any(t.types for t in (*nodes, *relationships))
    kinds += ["turned", "end", "retyped", "tie removed", "tie doubled"] * bool(relationships)
    kind = data.draw(st.sampled_from(kinds))
    if kind in {"node added", "label added", "value added"}:
        position = data.draw(st.integers(0, len(nodes) - 1))
        table = nodes[position]
        if kind == "node added":
            return Graph([*nodes, NodeTable(table.labels, {}, pl.DataFrame(height=1))], relationships)
        if kind == "label added":
            nodes[position] = NodeTable((*table.labels, "New"), table.types, table.frame)
        else:
            extra = pl.Series("new", [""] * table.frame.height)
            nodes[position] = NodeTable(table.labels, {**table.types, "new": "STRING"}, table.frame.with_columns(extra))
        return Graph(nodes, relationships)
    if kind == "value":
        tables = [(list_, i) for list_ in (nodes, relationships) for i, table in enumerate(list_) if table.types]
        list_, position = data.draw(st.sampled_from(tables))
        list_[position] = with_another_value(list_[position], data)
        return Graph(nodes, relationships)
    position = data.draw(st.integers(0, len(relationships) - 1))
    table = relationships[position]
    row = data.draw(st.integers(0, table.frame.height - 1))
    start, end = table.frame[START].to_list(), table.frame[END].to_list()
    frame = table.frame
    match kind:
        case "retyped":
            relationships[position] = RelationshipTable(table.type + "x", table.types, frame)
            return Graph(nodes, relationships)
        case "tie removed":
            frame = pl.concat([frame[:row], frame[row + 1:]])
        case "tie doubled":
            frame = pl.concat([frame, frame[row: row + 1]])
        case "turned":
            assume(not alike(graph, start[row], end[row]))
            start[row], end[row] = end[row], start[row]
        case "end":
            other = data.draw(st.integers(0, sum(t.frame.height for t in nodes) - 1))
            assume(not alike(graph, other, end[row]))
            end[row] = other
    if kind in {"turned", "end"}:
        frame = frame.with_columns(pl.Series(START, start, pl.Int64), pl.Series(END, end, pl.Int64))
        # Where equal nodes change places the content is the same: not a change.
        assume(content(Graph(nodes, [*relationships[:position], RelationshipTable(table.type, table.types, frame),
                                     *relationships[position + 1:]])) != content(graph))
    relationships[position] = RelationshipTable(table.type, table.types, frame)
    return Graph(nodes, relationships)


def described(graph: Graph) -> list[str]:
    return ["N" + repr(sorted(table.labels)) + property_texts(row, table.types)
            for table in graph.nodes for row in rows_of(table.frame)]


def alike(graph: Graph, one: int, other: int) -> bool:
    """Say whether two nodes cannot be told apart by what they are."""
    nodes = described(graph)
    return nodes[one] == nodes[other]


def content(graph: Graph) -> list[list[str]]:
    """Describe each node with its relationships, in no order: what the digest can tell apart by its own words."""
    nodes = described(graph)
    around: list[list[str]] = [[text] for text in nodes]
    for table in graph.relationships:
        for row in table.frame.iter_rows(named=True):
            text = table.type + property_texts(row, table.types)
            around[row[START]].append(f"out {text} {nodes[row[END]]}")
            around[row[END]].append(f"in {text} {nodes[row[START]]}")
    return sorted(sorted(one) for one in around)


def with_another_value(table: Any, data: st.DataObject) -> Any:
    name = data.draw(st.sampled_from(sorted(table.types)))
    row = data.draw(st.integers(0, table.frame.height - 1))
    kind = table.types[name]
    values = table.frame[name].to_list()
    before = property_texts({name: values[row]}, {name: kind})
    values[row] = data.draw(st.one_of(st.none(), VALUES[kind]))
    assume(property_texts({name: values[row]}, {name: kind}) != before)
    frame = table.frame.with_columns(pl.Series(name, values, table.frame.schema[name]))
    return type(table)(**{field: getattr(table, field) for field in table.__slots__} | {"frame": frame})


@pytest.mark.parametrize(("kind", "one", "other"), [
    ("FLOAT", 0.0, -0.0), ("FLOAT", 1.0, math.nextafter(1.0, 2)), ("FLOAT", math.inf, math.nan),
    ("INTEGER", 2**63 - 1, 2**63 - 2), ("STRING", "", " "), ("STRING", "", None), ("STRING", "\u00e9", "e\u0301"),
    ("STRING", "a\r\n", "a\n"), ("LIST<STRING>", ["a,b"], ["a", "b"]), ("LIST<STRING>", [], [""]),
    ("LIST<STRING>", ["1:a"], ["1", "a"]), ("LIST<STRING>", [], None), ("BYTES", b"\x00", b""),
    ("LIST<INTEGER>", [1, 2], [2, 1]), ("BOOLEAN", False, None),
])
def test_values_that_are_nearly_equal_are_not(kind: str, one: Any, other: Any) -> None:
    """Zeros of both signs, one bit, absent and empty, composed and not: all differ."""
    assert len({digest(single(kind, value)) for value in (one, other)}) == 2


def single(kind: str, value: Any) -> Graph:
    return Graph([NodeTable(("A",), {"p": kind}, frame_of([{"p": value}], {"p": kind}))], [])


def test_names_that_look_like_patterns_are_names() -> None:
    """`*` and `^.*$` are properties like others: neither stands for all columns."""
    frame = pl.DataFrame({"*": [1], "^.*$": [2], "b": [3]})
    graph = Graph([NodeTable(("A",), dict.fromkeys(frame.columns, "INTEGER"), frame)], [])
    assert digest(graph) == naive_digest(graph)
    with stored(graph) as snapshot:
        assert_frame_equal(snapshot.read(snapshot.node_tables[0]), frame)


def test_type_and_text_both_count() -> None:
    """1 as a number, as a text and as a date-like text are three things; every NaN and every empty list is one."""
    same_text = [single("INTEGER", 1), single("STRING", "1"), single("LIST<INTEGER>", [1]), single("DATE", "1")]
    assert len({digest(graph) for graph in same_text}) == 4
    empty = [single("LIST<INTEGER>", []), single("LIST<STRING>", [])]
    assert len({digest(graph) for graph in empty}) == 1
    assert digest(single("BYTES", b"")) != digest(empty[0])
    other_nan = struct.unpack("<d", struct.pack("<Q", 0xFFF8000000000123))[0]
    assert digest(single("FLOAT", math.nan)) == digest(single("FLOAT", other_nan))


# ——— files ———


@settings(max_examples=50)
@given(graphs)
def test_what_is_written_is_read_back(graph: Graph) -> None:
    """Every table comes back with its labels, types, values and order, whole and in pieces; counts and digest too."""
    with stored(graph) as snapshot:
        check_snapshot(snapshot)
        assert [(t.labels, t.types) for t in snapshot.node_tables] == [(t.labels, t.types) for t in graph.nodes]
        assert [(t.type, t.types) for t in snapshot.relationship_tables] == [
            (t.type, t.types) for t in graph.relationships]
        assert [table.first for table in snapshot.node_tables] == first_numbers(graph)
        for written, table in zip(snapshot.tables, [*graph.nodes, *graph.relationships], strict=True):
            whole, pieces = snapshot.read(written), list(snapshot.batches(written, rows=2))
            assert whole.height == sum(piece.height for piece in pieces) == table.frame.height == written.rows
            assert_frame_equal(whole, table.frame, check_exact=True)
            assert_frame_equal(pl.concat(pieces), table.frame, check_exact=True)
        assert snapshot.digest == naive_digest(graph) == digest_of(snapshot).hexdigest()
        assert snapshot.counts["nodes"] == sum(table.frame.height for table in graph.nodes)
        assert snapshot.counts["relationships"] == sum(table.frame.height for table in graph.relationships)
        assert snapshot.schema == tuple(graph.schema)
        assert snapshot == open_snapshot(snapshot.path)
        synthetic = [row["scale_operation_id"] for t in graph.nodes for row in rows_of(t.frame)
                     if row.get("scale_operation_id") is not None]
        assert snapshot.operations == {id_: synthetic.count(id_) for id_ in synthetic}


def test_the_same_graph_makes_the_same_files(tmp_path: Path) -> None:
    """Two snapshots of one graph are equal byte for byte, and so have one fingerprint."""
    one, other = (written(tmp_path / name) for name in ("one", "other"))
    assert one.fingerprint == other.fingerprint
    for table in one.tables:
        assert (one.path / table.file).read_bytes() == (other.path / table.file).read_bytes()


def written(path: Path, graph: Graph | None = None) -> Snapshot:
    return write_snapshot(graph or tiny_graph(), path, created_at=CREATED_AT, source={"sample": {}}, profile="azure")


def test_schema_and_source_come_back(tmp_path: Path) -> None:
    """Statements of constraints and where the graph came from are kept as they are."""
    item = SchemaItem("index", "FULLTEXT", "i`x", "CREATE FULLTEXT INDEX …", "RELATIONSHIP", ("A", "b c"), ("a b",),
                      {"fulltext.analyzer": "english", "spatial.cartesian.min": [-1.5, 2.0]}, "", "too big")
    graph = tiny_graph()
    snapshot = written(tmp_path / "base", Graph(graph.nodes, graph.relationships, [item]))
    assert (snapshot.schema, snapshot.source, snapshot.created_at) == ((item,), {"sample": {}}, CREATED_AT)


@pytest.mark.parametrize("how", ["missing", "truncated", "longer", "changed", "a folder"])
@pytest.mark.parametrize("which", [0, -1])
def test_damage_is_found_and_named(tmp_path: Path, which: int, how: str) -> None:
    """A table that is missing, cut, longer or changed by one bit fails the check, and the error names its file."""
    snapshot = written(tmp_path / "base")
    name = snapshot.tables[which].file
    path = snapshot.path / name
    raw = path.read_bytes()
    path.unlink()
    match how:
        case "truncated":
            path.write_bytes(raw[:-1])
        case "longer":
            path.write_bytes(raw + b"\n")
        case "changed":
            middle = len(raw) // 2
            path.write_bytes(raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1:])
        case "a folder":
            path.mkdir()
    with pytest.raises(SnapshotError) as caught:
        check_snapshot(open_snapshot(snapshot.path))
    assert name in caught.value.message
    assert caught.value.facts["file"] == name


@pytest.mark.parametrize(("content", "said"), [
    (None, "there is no snapshot"), (b"", "cannot be read"), (b"{", "cannot be read"), (b"\xff\xfe", "cannot be read"),
    (b"[]", "is not a snapshot"), (b"{}", "is not a snapshot"),
    (b'{"format": "synthgen-snapshot", "format_version": 1}', "format version 1; this program reads 3"),
    (b'{"format": "synthgen-snapshot", "format_version": 3}', "incomplete"),
])
def test_a_snapshot_that_is_none_is_said_to_be_so(tmp_path: Path, content: bytes | None, said: str) -> None:
    """A `snapshot.json` that is missing, empty, cut, of another program or version is answered with a way out."""
    if content is not None:
        (tmp_path / "snapshot.json").write_bytes(content)
    with pytest.raises(SnapshotError, match=said) as caught:
        open_snapshot(tmp_path)
    assert caught.value.hint


def test_files_outside_are_not_read(tmp_path: Path) -> None:
    """A snapshot from elsewhere cannot name a file, a link or a profile outside its folder."""
    snapshot = written(tmp_path / "base")
    file = snapshot.path / "snapshot.json"
    sound = file.read_text("utf-8")
    for name in ("../x.parquet", "/etc/passwd", "a/../../x", ".x"):
        document = json.loads(sound)
        document["node_tables"][0]["file"] = name
        file.write_text(json.dumps(document), "utf-8")
        with pytest.raises(SynthError, match="not a plain relative path"):
            open_snapshot(snapshot.path)
    file.write_text(json.dumps({**json.loads(sound), "profile": str(tmp_path / "p.toml")}), "utf-8")
    (tmp_path / "p.toml").write_text('resource_labels = ["X"]', "utf-8")
    with pytest.raises(SnapshotError, match="records the profile"):
        find_profile(open_snapshot(snapshot.path), None)
    file.rename(tmp_path / "elsewhere.json")
    file.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(SynthError, match="leads out"):
        open_snapshot(snapshot.path)
    file.unlink()
    file.write_text(sound, "utf-8")
    table = snapshot.path / snapshot.node_tables[0].file
    table.rename(tmp_path / "elsewhere.parquet")
    table.symlink_to(tmp_path / "elsewhere.parquet")
    with pytest.raises(SynthError, match="leads out"):
        open_snapshot(snapshot.path)


@pytest.fixture(scope="module")
def strange_snapshot() -> Iterator[Snapshot]:
    with tempfile.TemporaryDirectory() as folder:
        yield written(Path(folder) / "base")


@settings(max_examples=150)
@given(st.data())
def test_a_document_of_any_shape_is_read_or_refused(strange_snapshot: Snapshot, data: st.DataObject) -> None:
    """A `snapshot.json` with anything in the wrong place is read or answered with an error, never with a traceback."""
    with something_wrong_in(strange_snapshot.path / "snapshot.json", data):
        opened = open_snapshot(strange_snapshot.path)
        check_snapshot(opened)
        Base(opened, find_profile(opened, None))


@pytest.mark.parametrize("at", ["before the first row", "between rows", "before the end", "interrupted"])
def test_a_snapshot_appears_whole_or_not_at_all(tmp_path: Path, at: str) -> None:
    """When writing fails anywhere, or is interrupted, there is no folder and nothing else left."""
    error: type[BaseException] = KeyboardInterrupt if at == "interrupted" else ZeroDivisionError
    out = tmp_path / "out"

    def rows() -> Iterator[pl.DataFrame]:
        if at == "before the first row":
            raise error
        yield pl.DataFrame({"p": ["x"]})
        if at != "before the end":
            raise error

    with pytest.raises(error), new_snapshot(out / "base") as writer:  # noqa: PT012  # it may fail at either line
        writer.add_nodes(("A",), {"p": "STRING"}, rows())
        raise error
    assert not list(out.iterdir())


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    """A folder that exists is left alone, unless it is a snapshot to be replaced; when that fails the old one stays."""
    snapshot = written(tmp_path / "base")
    with pytest.raises(SynthError, match="exists already"):
        written(tmp_path / "base")
    with pytest.raises(ZeroDivisionError), new_snapshot(snapshot.path, replace=True):
        raise ZeroDivisionError
    assert open_snapshot(snapshot.path) == snapshot
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x", "utf-8")
    with pytest.raises(SnapshotError, match="no snapshot"), new_snapshot(tmp_path / "mine", replace=True):
        pass
    assert (tmp_path / "mine" / "thesis.txt").exists()
    with new_snapshot(snapshot.path, replace=True) as writer:
        writer.finish(created_at=CREATED_AT, source={}, schema=[], profile="auto")
    assert open_snapshot(snapshot.path).counts["nodes"] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "mine"]


def test_two_that_write_the_same_folder_do_not_replace_each_other(tmp_path: Path) -> None:
    """Of two snapshots written to one folder at the same time the first one stays and the second one is refused."""
    second = new_snapshot(tmp_path / "base")
    writer = second.__enter__()
    first = written(tmp_path / "base")
    writer.finish(created_at=CREATED_AT, source={}, schema=[], profile="auto")
    with pytest.raises(SynthError, match="cannot be written"):
        second.__exit__(None, None, None)
    assert open_snapshot(tmp_path / "base") == first
    assert [path.name for path in tmp_path.iterdir()] == ["base"]
