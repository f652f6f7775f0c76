"""What bundles promise: what is written is read back, the CSV is what FORMAT.md says, damage is found and named."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from synthgen.bundle.manifest import Manifest, read_manifest, write_manifest
from synthgen.bundle.read import Bundle, check_files, open_bundle, read_anchors, read_nodes, read_relationships
from synthgen.bundle.write import Origin, write_bundle
from synthgen.errors import BundleError, SynthError
from synthgen.graph import END, START, column
from synthgen.growth import Growth, NodeBlock, RelationshipBlock
from synthgen.metadata import Stamp
from synthgen.parameters import RandomParameters
from synthgen.types import TYPES, polars_schema
from tests.graphs import frame_of
from tests.growths import NOW, OPERATION, grown_base, make_bundle
from tests.tiny import tiny_graph
from tests.values import VALUES

LABELS = ("A", "b:c")
STAMP = Stamp(OPERATION, "random", NOW)
NAMES = {kind: f"p{number}(x" if number % 5 == 1 else f'p:{number}, "{kind}"' if number % 3 == 0 else f"p{number}"
         for number, kind in enumerate(VALUES)}
HEADERS = {
    "BOOLEAN": "boolean", "INTEGER": "long", "FLOAT": "double", "STRING": "string", "DATE": "date",
    "LOCAL TIME": "localtime", "ZONED TIME": "time", "LOCAL DATETIME": "localdatetime", "ZONED DATETIME": "datetime",
    "DURATION": "duration", "POINT": "point", "BYTES": "byte[]",
}
"""FORMAT.md's table, by hand."""


def frames() -> st.SearchStrategy[tuple[dict[str, str], pl.DataFrame]]:
    """Property types and rows of them, any value possibly absent."""
    def rows(kinds: list[str]) -> st.SearchStrategy[tuple[dict[str, str], pl.DataFrame]]:
        types = {NAMES[kind]: kind for kind in kinds}
        row = st.fixed_dictionaries({name: st.one_of(st.none(), VALUES[kind]) for name, kind in types.items()})
        return st.lists(row, min_size=1, max_size=4).map(lambda made: (types, frame_of(made, types)))

    return st.lists(st.sampled_from(sorted(VALUES)), unique=True, max_size=6).flatmap(rows)


def growth_of(types: dict[str, str], frame: pl.DataFrame) -> Growth:
    """A growth whose nodes and relationships have these properties; every node is tied to itself and to base node 0."""
    rows = frame.height
    numbers = np.arange(rows)

    def made_nodes(start: int, stop: int) -> pl.DataFrame:
        return frame[start:stop] if types else pl.DataFrame(height=stop - start)

    def made_ties(base: bool) -> Callable[[int, int], pl.DataFrame]:
        ends = pl.DataFrame({START: numbers, END: numbers * (not base)}, schema={START: pl.Int64, END: pl.Int64})
        whole = pl.concat([ends, frame], how="horizontal") if types else ends
        return lambda start, stop: whole[start:stop]

    return Growth(
        nodes=[NodeBlock(LABELS, types, rows, {"T": rows}, made_nodes)],
        relationships=[
            RelationshipBlock("IS", LABELS, LABELS, "operation", "operation", types, rows, made_ties(False)),
            RelationshipBlock("AT", LABELS, ("X",), "operation", "base", types, rows, made_ties(True)),
        ],
        parameters={"count": rows, "more": [1.5, None, "ü"]},
    )


def written(growth: Growth, out: Path) -> Bundle:
    origin = Origin(stamp=STAMP, seed=2**70, snapshot={"digest": "d", "operations": ["x"], "nodes": 1},
                    profile={"name": "p"}, anchor_digests=np.array([[1, 2]], np.uint64))
    return write_bundle(growth, origin, out)


@settings(max_examples=80)
@given(frames())
def test_what_is_written_is_read_back(made: tuple[dict[str, str], pl.DataFrame]) -> None:
    """Nodes and relationships with properties of any type come back from their files, value for value."""
    types, frame = made
    with tempfile.TemporaryDirectory() as out:
        bundle = written(growth_of(types, frame), Path(out))
        check_files(bundle)
        [group] = bundle.manifest.node_groups
        [part] = group.parts
        nodes = read_nodes(bundle, group, part)
        assert nodes.schema == {":id": pl.Int64(), **polars_schema(group.types)}
        assert list(group.types) == sorted(group.types)
        assert_frame_equal(nodes.select(frame.columns), frame if types else nodes.select([]), check_exact=True)
        for group in bundle.manifest.relationship_groups:
            [part] = group.parts
            ties = read_relationships(bundle, group, part)
            assert ties.schema == {START: pl.Int64(), END: pl.Int64(), **polars_schema(types)}
            assert_frame_equal(ties.select(frame.columns), frame if types else ties.select([]), check_exact=True)
        assert read_anchors(bundle).rows() == [(0, "01000000000000000200000000000000")]


@settings(max_examples=80)
@given(frames())
def test_files_are_what_the_format_says(made: tuple[dict[str, str], pl.DataFrame]) -> None:
    """Another reader of CSV, with FORMAT.md in hand, finds the same values in the files."""
    types, frame = made
    with tempfile.TemporaryDirectory() as out:
        bundle = written(growth_of(types, frame), Path(out))
        for group in bundle.manifest.groups:
            marks = {"synthetic": "BOOLEAN", "scale_operation_id": "STRING", "generation_strategy": "STRING",
                     "generation_timestamp": "STRING"} if hasattr(group, "labels") else {}
            columns = dict(sorted({**types, **marks}.items())) if marks else types
            arrays = [name for name, kind in columns.items() if "(" not in name and "LIST" in kind]
            rest = any("(" in name or "ZONED" in kind or kind in {"BYTES", "LIST<STRING>"}
                       for name, kind in columns.items())
            spaces = {"operation": OPERATION, "base": "base"}
            structural = [f":ID({OPERATION})"] if marks else [f":START_ID({spaces[group.start_space]})",
                                                              f":END_ID({spaces[group.end_space]})"]
            if marks:
                structural.append(":LABEL")
            header = [*structural, *(f"{name}:{header_of(kind)}" for name, kind in columns.items() if "(" not in name),
                      *(["__synthgen_empty:string[]"] if arrays else []),
                      *(["__synthgen_rest:string"] if rest else [])]
            assert list(csv.reader(io.StringIO((bundle.path / group.header).read_text("utf-8"), newline=""))) == [
                header]
            values = {"synthetic": True, "scale_operation_id": OPERATION, "generation_strategy": "random",
                      "generation_timestamp": NOW}
            due = b"".join(
                b",".join(field(value, kind) for value, kind in [
                    *((number, "INTEGER") for number in ends_of(group, position)),
                    *([("b:c", "STRING")] if marks else []),
                    *((None if odd(name, kind, {**row, **values}[name]) else {**row, **values}[name], kind)
                      for name, kind in columns.items() if "(" not in name),
                    *([([name for name in arrays for _ in range(named(row[name]))] or None, "LIST<STRING>")]
                      if arrays else []),
                    *([(rest_of(row, columns), "STRING")] if rest else [])]) + b"\n"
                for position, row in enumerate(frame.iter_rows(named=True) if types else [{}] * frame.height))
            assert same_records((bundle.path / group.parts[0].file).read_bytes(), due)


def odd(name: str, kind: str, value: Any) -> bool:
    """Whether import CSV has no form for a value."""
    if value is None or "(" in name:
        return value is not None
    if kind.startswith("LIST<"):
        return "\x1f" in "".join(map(str, value)) or any(odd(name, kind[5:-1], one) for one in value)
    if kind == "BYTES":
        return value == b""
    return "ZONED" in kind and re.search(r"[+-]\d\d:\d\d:\d\d(\[|$)", value) is not None


def rest_of(row: dict[str, Any], types: dict[str, str]) -> str | None:
    """The JSON of what import CSV has no form for."""
    def spelled(value: Any, kind: str) -> Any:
        if kind.startswith("LIST<"):
            return [spelled(one, kind[5:-1]) for one in value]
        return value.hex() if kind == "BYTES" else text(value, kind)

    found = {name: [kind, spelled(row[name], kind)] for name, kind in types.items() if odd(name, kind, row.get(name))}
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")) if found else None


def named(value: Any) -> int:
    """How often a property is named in the last column: once for an empty array, twice for one empty text."""
    if value is None:
        return 0
    return 1 if not len(value) else 2 * (list(value) == [""])


def ends_of(group: Any, position: int) -> list[int]:
    if hasattr(group, "labels"):
        return [position]
    return [position, position if group.end_space == "operation" else 0]


def header_of(kind: str) -> str:
    return HEADERS[kind[5:-1]] + "[]" if kind.startswith("LIST<") else HEADERS[kind]


def text(value: Any, kind: str) -> str:
    if kind == "BOOLEAN":
        return "true" if value else "false"
    if kind == "FLOAT":
        return "NaN" if math.isnan(value) else str(value).replace("inf", "Infinity")
    return str(value)


def field(value: Any, kind: str) -> bytes:
    """Write one field as FORMAT.md says."""
    if value is None or (kind == "BYTES" and not value) or (kind.startswith("LIST") and named(value)):
        return b""
    if kind == "INTEGER":
        return str(value).encode()
    if kind == "BYTES":
        written = "\x1f".join(str(octet if octet < 128 else octet - 256) for octet in value)
    elif kind.startswith("LIST<"):
        written = "\x1f".join(text(element, kind[5:-1]) for element in value)
    else:
        written = text(value, kind)
    return b'"' + written.replace('"', '""').encode() + b'"'


def same_records(found: bytes, due: bytes) -> bool:
    """Compare byte for byte, quotes included, but floats by value: there is more than one shortest spelling."""
    if found == due:
        return True
    one, other = (RAW_FIELD.findall(raw.decode()) for raw in (found, due))
    assert "".join(field + end for field, end in one) == found.decode()
    return len(one) == len(other) and all(
        a[1] == b[1] and (a[0] == b[0] or (a[0][:1] == '"' == b[0][:1] and same_floats(a[0][1:-1], b[0][1:-1])))
        for a, b in zip(one, other, strict=True))


RAW_FIELD = re.compile(r'("(?:[^"]|"")*"|[^,\n]*)(,|\n)')


def same_floats(one: str, other: str) -> bool:
    try:
        pairs = list(zip(one.split("\x1f"), other.split("\x1f"), strict=True))
        return all(float(a).hex() == float(b).hex() and not {a, b} & {"inf", "-inf", "nan"} for a, b in pairs)
    except ValueError:
        return False


def test_all_types_are_in_the_tests() -> None:
    """A property type that is added is written and read in these tests, too."""
    assert set(VALUES) == set(TYPES)


HOSTILE = ["a{b", "a(b", "(", "a\nb", "a\rb", "a\x1fb", "__synthgen_empty", "__synthgen_rest", "a:b", ":a", "a,b", '"',
           "*", "^.*$", " a", "0"]


def test_any_name_of_a_property_is_read_back(tmp_path: Path) -> None:
    """Names that no header can hold, that are this format's own, or that look like patterns: all come back."""
    types = dict(zip(HOSTILE, VALUES, strict=False))
    types |= {f"{name}{name}": "LIST<STRING>" for name in HOSTILE}
    rows = [dict.fromkeys(types, None), {f"{name}{name}": [""] for name in HOSTILE},
            {f"{name}{name}": ["\x1f", ""] for name in HOSTILE}, {f"{name}{name}": [] for name in HOSTILE}]
    frame = frame_of(rows, types)
    bundle = written(growth_of(types, frame), tmp_path)
    [group] = bundle.manifest.node_groups
    assert_frame_equal(read_nodes(bundle, group, group.parts[0]).select(map(column, frame.columns)), frame)
    assert_frame_equal(read_nodes(bundle, group, group.parts[0], ["(("])["(("].to_frame(), frame["(("].to_frame())


def test_rows_that_an_import_has_to_be_told_of_are_told_of(tmp_path: Path) -> None:
    """The longest row of a part stands in the manifest when it is longer than 2 MiB, to the byte as it is written."""
    for size, quotes in ((2**20, 0), (2**21, 0), (2**20, 2**20)):
        types = {"text": "STRING", "size": "INTEGER"}
        frame = frame_of([{"text": "a", "size": 1}, {"text": "é" * (size // 2) + '"' * quotes, "size": -5}], types)
        bundle = written(growth_of(types, frame), tmp_path / f"{size}-{quotes}")
        [part] = bundle.manifest.node_groups[0].parts
        longest = max(map(len, (bundle.path / part.file).read_bytes().splitlines(keepends=True)))
        assert part.longest_row == (longest if longest > 2**21 else 0)
        assert (longest > 2**21) == (size + quotes >= 2**21)


# ——— manifest ———


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    with grown_base(tiny_graph()) as (base, _, _):
        return make_bundle(base, RandomParameters(count=9), tmp_path / "out")


def test_a_manifest_comes_back(bundle: Bundle, tmp_path: Path) -> None:
    """A manifest that is written is read back equal; so is one with more history."""
    assert read_manifest(bundle.path) == bundle.manifest
    bundle.record("loaded", NOW, mode="online", server={"uri": "bolt://x"})
    entry = {"event": "loaded", "at": NOW, "mode": "online", "server": {"uri": "bolt://x"}}
    again = read_manifest(bundle.path)
    assert again.history == (*bundle.manifest.history, entry)
    (tmp_path / "copy").mkdir()
    write_manifest(tmp_path / "copy", again)
    assert read_manifest(tmp_path / "copy") == again
    assert again.state == "loaded"
    assert open_bundle(bundle.path).manifest == again


def files_to_damage(manifest: Manifest) -> list[str]:
    return ["anchors.csv", manifest.node_groups[0].header, manifest.node_groups[0].parts[0].file,
            manifest.relationship_groups[-1].header, manifest.relationship_groups[-1].parts[-1].file]


@pytest.mark.parametrize("which", range(5))
@pytest.mark.parametrize("how", ["missing", "truncated", "longer", "changed", "a folder"])
def test_damage_is_found_and_named(bundle: Bundle, which: int, how: str) -> None:
    """A file that is missing, cut, longer or changed by one bit fails the check, and the error names it."""
    check_files(bundle)
    name = files_to_damage(bundle.manifest)[which]
    path = bundle.path / name
    raw = path.read_bytes()
    path.unlink()
    match how:
        case "truncated":
            path.write_bytes(raw[:-1])
        case "longer":
            path.write_bytes(raw + b"\n")
        case "changed":
            path.write_bytes(bytes([raw[0] ^ 1]) + raw[1:])
        case "a folder":
            path.mkdir()
    with pytest.raises(BundleError) as caught:
        check_files(bundle)
    assert name in caught.value.message
    assert caught.value.facts["file"] == name
    assert caught.value.hint


def rewrite(bundle: Bundle, change: Callable[[Any], Any]) -> None:
    path = bundle.path / "manifest.json"
    document = json.loads(path.read_text("utf-8"))
    change(document)
    path.write_text(json.dumps(document), "utf-8")


NAMES_OUTSIDE = ["../secret.csv", "/etc/hostname", "a/../../secret.csv", "..", ".", "", "a//b", "a\\b", "C:x", "~/x",
                 "x\n", ".hidden", "$(id)", "a\x00b", "*.csv", 7, None, ["x"]]


@pytest.mark.parametrize("name", NAMES_OUTSIDE, ids=repr)
@pytest.mark.parametrize("place", ["part", "header"])
def test_a_manifest_cannot_name_files_outside(bundle: Bundle, name: Any, place: str) -> None:
    """A manifest from elsewhere whose files lead out of its folder is refused when it is opened."""
    (bundle.path.parent / "secret.csv").write_text("secret", "utf-8")

    def change(document: Any) -> None:
        group = document["node_groups"][0]
        if place == "header":
            group["header"] = name
        else:
            group["parts"][0]["file"] = name

    rewrite(bundle, change)
    with pytest.raises(SynthError) as caught:
        open_bundle(bundle.path)
    assert "secret" not in caught.value.message.replace("secret.csv", "")


@pytest.mark.parametrize("which", range(6))
def test_links_that_lead_out_are_not_followed(bundle: Bundle, which: int, tmp_path: Path) -> None:
    """A file of a bundle that is a link to a file elsewhere is refused, even when its content is right."""
    name = ["manifest.json", *files_to_damage(bundle.manifest)][which]
    outside = tmp_path / "outside"
    shutil.move(bundle.path / name, outside)
    (bundle.path / name).symlink_to(outside)
    with pytest.raises(SynthError, match="leads out of its folder"):
        check_files(open_bundle(bundle.path))


def test_a_link_within_the_folder_is_fine(bundle: Bundle) -> None:
    """A link that stays in the bundle's folder is read; so is a bundle whose folder is itself reached by a link."""
    part = bundle.manifest.parts[0].file
    shutil.move(bundle.path / part, bundle.path / "elsewhere.csv")
    (bundle.path / part).symlink_to("elsewhere.csv")
    (bundle.path.parent / "linked").mkdir()
    linked = bundle.path.parent / "linked" / bundle.path.name
    linked.symlink_to(bundle.path, target_is_directory=True)
    for path in (bundle.path, linked):
        opened = open_bundle(path)
        check_files(opened)
        group = opened.manifest.node_groups[0]
        assert read_nodes(opened, group, group.parts[0]).height == group.parts[0].rows


@pytest.mark.parametrize(("content", "said"), [
    (b"", "cannot be read"), (b"{", "cannot be read"), (b"\xff", "cannot be read"), (b"[]", "not the manifest"),
    (b"{}", "not the manifest"), (b'{"format": "synthgen-bundle"}', "format version None"),
    (b'{"format": "synthgen-bundle", "format_version": 1}', "format version 1; this program reads 4"),
    (b'{"format": "synthgen-bundle", "format_version": 4}', "incomplete"),
])
def test_a_manifest_that_is_none_is_said_to_be_so(bundle: Bundle, content: bytes, said: str) -> None:
    """A manifest that is empty, cut, of another program or version is answered with what is wrong and a way out."""
    (bundle.path / "manifest.json").write_bytes(content)
    with pytest.raises(BundleError, match=said) as caught:
        open_bundle(bundle.path)
    assert caught.value.hint


def test_a_folder_with_another_operations_name_is_refused(bundle: Bundle) -> None:
    """A bundle that was renamed is not taken for another operation."""
    bundle.path.rename(bundle.path.with_name("scale-20260131T120000-ffffffff"))
    with pytest.raises(BundleError, match="holds the operation"):
        open_bundle(bundle.path.with_name("scale-20260131T120000-ffffffff"))


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the paths of everything in a JSON document."""
    found = [path] if path else []
    listed = document if isinstance(document, list) else ()
    inner = document.items() if isinstance(document, dict) else enumerate(listed)
    for key, value in inner:
        found += places(value, (*path, key))
    return found


def set_at(document: Any, path: tuple[Any, ...], value: Any) -> None:
    for key in path[:-1]:
        document = document[key]
    if value is ...:
        del document[path[-1]]
    else:
        document[path[-1]] = value


@contextmanager
def something_wrong_in(path: Path, data: st.DataObject) -> Iterator[None]:
    """Put something strange anywhere in a document for the block; an error there must say what and the way out."""
    sound = path.read_text("utf-8")
    document = json.loads(sound)
    set_at(document, data.draw(st.sampled_from(places(document))), data.draw(st.sampled_from(STRANGE)))
    path.write_text(json.dumps(document), "utf-8")
    refusal = None
    try:
        yield
    except SynthError as error:
        refusal = error
    finally:
        path.write_text(sound, "utf-8")
    assert refusal is None or (refusal.message and refusal.hint)


STRANGE = [..., None, True, -1, 2**70, 1.5, "", "../x", "STRING", [], {}, [None], {"a": 1}, [[]]]


@settings(max_examples=150)
@given(st.data())
def test_a_manifest_of_any_shape_is_read_or_refused(strange_bundle: Bundle, data: st.DataObject) -> None:
    """A manifest with anything in the wrong place is read or answered with an error, never with a traceback."""
    with something_wrong_in(strange_bundle.path / "manifest.json", data):
        opened = open_bundle(strange_bundle.path)
        check_files(opened)
        assert opened.manifest.state == "generated"
        for group in opened.manifest.node_groups:
            for part in group.parts:
                read_nodes(opened, group, part)
        for group in opened.manifest.relationship_groups:
            for part in group.parts:
                read_relationships(opened, group, part)
        read_anchors(opened)


@pytest.fixture(scope="module")
def strange_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    with grown_base(tiny_graph()) as (base, _, _):
        return make_bundle(base, RandomParameters(count=3), tmp_path_factory.mktemp("strange"))
