"""Export and restore of a small but nasty graph: every type, odd names, odd shapes, each value as it was."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import neo4j
import polars as pl
import pytest

from importer.import_files import write_base
from synthgen.errors import RefusedError
from synthgen.graph import Graph, NodeTable, RelationshipTable
from synthgen.snapshot.read import open_snapshot
from synthgen.snapshot.write import write_snapshot
from synthgen.types import TYPES
from tests.conftest import empty
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j

SCALARS = {
    "BOOLEAN": "true|false", "INTEGER": "0|-9223372036854775808|9223372036854775807",
    "FLOAT": "0.0|-0.0|1.7976931348623157E308|4.9E-324|1.0/0|-1.0/0|0.0/0|0.1",
    "STRING": "''|' a '|'true'|'12'|'q\"\\'`\\\\u0060\\n\\r\\n\\t,;é😀'|'x\\u0000y'",
    "DATE": "date('2024-02-29')|date('-0044-03-15')|date('+123456-01-01')",
    "LOCAL TIME": "localtime('12:34:56.123456789')|localtime('00:00')",
    "ZONED TIME": "time('12:34:56.123456789+02:00')|time('00:00Z')|time('23:59:59-18:00')",
    "LOCAL DATETIME": "localdatetime('2024-02-29T12:34:56.123456789')|localdatetime('-0001-01-01T00:00')",
    "ZONED DATETIME": "datetime('2024-10-27T02:30:00+01:00[Europe/Berlin]')|datetime('2024-02-29T12:34:56.5Z')"
                      "|datetime('2024-02-29T12:34:56.000000001+05:30')",
    "DURATION": "duration('P1Y2M3DT4H5M6.789S')|duration('PT0S')|duration('P-1DT-0.000000001S')|duration('P14M40D')",
    "POINT": "point({longitude: 12.5, latitude: 55.75})|point({longitude: 1, latitude: 2, height: 3.25})"
             "|point({x: 1e-300, y: -0.0})|point({x: 1, y: 2, z: 1e10})",
}
NAMES = [
    "a b", "a`b", "``", "a'b", 'a"b', '"', "имя 名前 😀", "a\\b", "\\u0060", "a;b", "a|b", "#a", "$a", "a}b",
    "a[]", "a\tb", "a.b", "a/b", "-a", "--a", "@a", "a%20b", "null", "NaN", "true",
    "ID", "LABEL", "START_ID", "a\u2028b", "a" * 300,
]
NOT_OF_PROPERTIES = ["a{b", "a{b}", "a(b)"]
UNFIT = ["a:b", "a,b", "a=b", " a", "a ", "\u00a0a", "\n", "a\nb", "a\rb", *NOT_OF_PROPERTIES]


def plant(workshop: Workshop) -> None:
    """Make the nasty graph; each node and relationship has a number `k`, but for those that have nothing."""
    number = 0
    for kind, texts in SCALARS.items():
        values = texts.split("|")
        lists = [f"[{value}, {value}]" for value in values] if kind == "POINT" else [f"[{', '.join(values)}]", "[]"]
        lists.append(f"[{values[-1]}]")
        for name, texts_of_type in ((f"{kind} one", values), (f"{kind} list", lists)):
            for value in texts_of_type:
                number += 1
                # One key of many types on one label, and a key of its own; on nodes and relationships.
                workshop.query(
                    f"CREATE (n:Typed:Thing {{k: $k, same: {value}, `{name}`: {value}}})"
                    f"-[:TYPED {{k: $k, same: {value}, `{name}`: {value}}}]->(n)", k=number)
    for value in (b"\x00\x7f\x80\xff", b"", bytes(range(256))):
        number += 1
        workshop.query("CREATE (n:Bytes {k: $k, raw: $raw})-[:RAW {k: $k, raw: $raw}]->(n)", k=number, raw=value)
    workshop.query("""
        CREATE (a:A {k: 1000}), (b:B {k: 1001}), (:A {k: 1002}), (), (), ({k: 1003}), (:Empty), (:Empty), (:A:B:C)
        CREATE (a)-[:T]->(b), (a)-[:T]->(b), (b)-[:T]->(a), (a)-[:T]->(a), (a)-[:T {k: 1}]->(a), (a)-[:`T T`]->(b)
        CREATE ()-[:T]->(), (:Empty)<-[:T {k: 2}]-(:A:B:C)
    """)


def content(workshop: Workshop) -> tuple[Counter[str], Counter[str]]:
    """Give all nodes and relationships as the driver sees them, as text that two equal ones share."""
    def labels(name: str) -> str:
        return f"COLLECT {{ UNWIND labels({name}) AS l RETURN l ORDER BY l }}"

    nodes = workshop.query(f"MATCH (n) RETURN {labels('n')}, properties(n)")
    ties = workshop.query(f"MATCH (a)-[r]->(b) RETURN {labels('a')}, properties(a), type(r), properties(r),"
                          f" {labels('b')}, properties(b)")
    return Counter(map(plain, nodes)), Counter(map(plain, ties))


def plain(value: Any) -> str:
    """Write a row so that neither the order of labels nor that of properties counts."""
    if isinstance(value, dict):
        return repr(sorted((name, plain(one)) for name, one in value.items()))
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return repr(value)
    if isinstance(value, list | bytes) and not value:
        return "[]"  # FORMAT.md: an empty array has no element type, not even bytes
    if isinstance(value, list):
        return repr([plain(one) for one in value])
    # Years that the driver cannot hold come as what was sent.
    sent = getattr(value, "raw_data", None)
    return repr(value) if sent is None else repr((sent.tag, sent.fields))


def there_and_back(workshop: Workshop) -> None:
    """Export, empty the database, restore into it: content, schema and digest must be as before."""
    before, schema, digest = content(workshop), workshop.schema(), workshop.digest()
    exported = workshop.do("synthgen export --replace")
    assert exported["digest"] == digest
    empty(workshop.driver, workshop.address.database)
    assert workshop.one("MATCH (n) RETURN count(n)") == 0
    workshop.do("importer restore", str(workshop.out / "base"))
    assert content(workshop) == before
    assert workshop.schema() == schema
    assert workshop.digest() == digest


@pytest.fixture
def graph(workshop: Workshop) -> Workshop:
    """The workshop, its database empty."""
    empty(workshop.driver, workshop.address.database)
    return workshop


def test_every_type_and_shape_comes_back(graph):
    """All types, alone and in lists, empty ones, NaN, parallel and self relationships, nodes without anything."""
    plant(graph)
    graph.query("CREATE CONSTRAINT `od``d` FOR (n:A) REQUIRE n.k IS UNIQUE")
    graph.query("CREATE INDEX FOR (n:Typed) ON (n.k, n.same)")
    graph.query("CREATE TEXT INDEX FOR (n:Typed) ON (n.`STRING one`)")
    graph.query("CREATE POINT INDEX FOR (n:Typed) ON (n.`POINT one`)")
    graph.query("CREATE FULLTEXT INDEX words FOR (n:A|B) ON EACH [n.text, n.k]")
    graph.query("CREATE INDEX FOR ()-[r:TYPED]-() ON (r.k)")
    graph.query("CREATE CONSTRAINT FOR ()-[r:RAW]-() REQUIRE r.k IS UNIQUE")
    there_and_back(graph)
    seen = {kind for table in open_snapshot(graph.out / "base").tables for kind in table.types.values()}
    assert seen == set(TYPES)


def test_odd_names_come_back(graph):
    """Whatever a name holds that import CSV can carry, it is the same name afterwards."""
    for name in (*NAMES, *NOT_OF_PROPERTIES):
        quoted = "`" + name.replace("\\", "\\u005C").replace("`", "``") + "`"
        graph.query(f"CREATE (:{quoted} {{k: 1}})-[:{quoted} {{k: 1}}]->(:{quoted}:Other)")
        graph.query(f"CREATE INDEX {quoted} FOR (n:{quoted}) ON (n.{quoted})")
        if name in NAMES:
            graph.query(f"CREATE (n:N {{{quoted}: 'x', k: 1}})-[:T {{{quoted}: [1, 2]}}]->(n)")
    there_and_back(graph)


@pytest.mark.parametrize("name", UNFIT)
def test_a_name_that_import_csv_cannot_carry_is_refused(tmp_path, name):
    """Never another name in silence: as label, relationship type or property it is refused before anything is begun."""
    node = NodeTable((name,), {}, pl.DataFrame(height=1))
    plain_node = NodeTable(("N",), {}, pl.DataFrame(height=1))
    tie = pl.DataFrame({":start": [0], ":end": [0]})
    numbered = tie.with_columns(pl.lit(1).alias(name))
    graphs = {
        "label": Graph([node], []), "type": Graph([plain_node], [RelationshipTable(name, {}, tie)]),
        "property": Graph([NodeTable(("N",), {name: "INTEGER"}, pl.DataFrame({name: [1]}))], []),
        "other": Graph([plain_node], [RelationshipTable("T", {name: "INTEGER"}, numbered)]),
    }
    for place, graph in graphs.items():
        snapshot = write_snapshot(graph, tmp_path / place, created_at="", source={}, profile="auto")
        if name in NOT_OF_PROPERTIES and place in {"label", "type"}:
            continue
        with pytest.raises(RefusedError) as refused:
            write_base(snapshot, tmp_path / f"{place}-csv")
        assert refused.value.facts["name"] == name


def test_a_refused_restore_changes_nothing(graph):
    """Such a name in a snapshot: exit code 5, and the database is empty as before."""
    graph.query("CREATE (:`a:b` {k: 1})")
    assert graph.do("synthgen export --replace")["digest"] == graph.digest()
    empty(graph.driver, graph.address.database)
    answer = graph.run("importer restore --json", str(graph.out / "base"))
    assert (answer.code, answer.error["kind"], answer.error["name"]) == (5, "RefusedError", "a:b")
    assert (graph.one("MATCH (n) RETURN count(n)"), "load.json" in str(graph.files())) == (0, False)


def test_bytes_and_lists_of_integers_under_one_name_come_back(graph):
    """Cypher cannot tell the one from the other; each comes back as what it was, in any combination."""
    either = [b"\x01\x02", [1, 2], b"", [], None]
    graph.query("UNWIND $either AS a UNWIND $either AS b UNWIND [1, 'x'] AS c CREATE (n:N {a: a, b: b, c: c})"
                "-[:T {a: a, b: b, c: c}]->(n)", either=either)
    graph.query("CREATE (:M {a: $raw}), (:O {a: [1, 2]})", raw=b"\x01\x02")
    there_and_back(graph)
    tables = open_snapshot(graph.out / "base").node_tables
    assert {(*table.labels, table.types["a"]) for table in tables if table.labels != ("N",)} == {
        ("M", "BYTES"), ("O", "LIST<INTEGER>")}
    kinds = Counter((table.types["a"], table.types["b"]) for table in tables if table.labels == ("N",))
    assert set(kinds.values()) == {2}, "one table for each type of c"


def test_a_list_of_one_empty_text(graph):
    """A list that holds one empty text and nothing else is neither an empty list nor absent."""
    graph.query("CREATE (n:N {texts: [''], none: [], other: [''], two: ['', '']})-[:R {texts: ['']}]->(n)")
    there_and_back(graph)


def test_a_list_element_that_import_csv_cannot_escape(graph):
    """U+001F inside a list: exported exactly, and a restore says which property it is."""
    graph.query("CREATE (:N {texts: ['a\\u001Fb'], text: 'a\\u001Fb'})")
    assert graph.do("synthgen export --replace")["digest"] == graph.digest()
    empty(graph.driver, graph.address.database)
    answer = graph.run("importer restore --json", str(graph.out / "base"))
    assert (answer.code, "texts" in answer.error["message"]) == (1, True)
    assert graph.one("MATCH (n) RETURN count(n)") == 0


def test_a_value_that_import_csv_cannot_carry(graph):
    """A zone offset with seconds, as before there were time zones: exported; a restore names it and undoes all."""
    graph.query("CREATE (:N {at: datetime({year: 1800, timezone: 'Europe/Berlin'})})")
    assert graph.do("synthgen export --replace")["digest"] == graph.digest()
    empty(graph.driver, graph.address.database)
    answer = graph.run("importer restore --json", str(graph.out / "base"))
    assert (answer.code, "1800-01-01T00:00:00+00:53:28" in answer.error["message"]) == (1, True)
    assert (graph.one("MATCH (n) RETURN count(n)"), "load.json" in str(graph.files())) == (0, False)


def test_an_export_while_somebody_writes(graph):
    """A snapshot is of one moment or not there at all: the export fails with 1 and leaves nothing."""
    graph.query("UNWIND range(1, 20000) AS i CREATE (:N {i: i})-[:T]->(:M)")
    done = threading.Event()

    def write() -> None:
        with neo4j.GraphDatabase.driver(graph.address.uri, auth=(graph.address.user, graph.address.password)) as driver:
            while not done.is_set():
                driver.execute_query("CREATE (:Late)")

    writer = threading.Thread(target=write)
    writer.start()
    before = graph.files()
    try:
        answer = graph.run("synthgen export --json --out", str(graph.out / "late"))
    finally:
        done.set()
        writer.join()
    assert (answer.code, answer.error["kind"]) == (1, "ChangedMeanwhileError")
    assert "was written to while it was read" in answer.stderr
    assert graph.files() == before


def test_a_snapshot_is_replaced_on_purpose_only(graph):
    """Without --replace the old one stays, with it the new one takes its place; another folder is never removed."""
    out = str(graph.out / "twice")
    graph.query("CREATE (:N)")
    first = graph.do("synthgen export --out", out)["digest"]
    graph.query("CREATE (:N)")
    refused = graph.run("synthgen export --json --out", out)
    assert (refused.code, "exists already" in refused.stderr) == (1, True)
    assert open_snapshot(graph.out / "twice").digest == first
    second = graph.do("synthgen export --replace --out", out)["digest"]
    assert open_snapshot(graph.out / "twice").digest == second != first
    mine = graph.out / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work", encoding="utf-8")
    assert graph.run("synthgen export --replace --json --out", str(mine)).code == 1
    assert (mine / "thesis.txt").read_text(encoding="utf-8") == "years of work"
    assert [path.name for path in graph.out.iterdir() if path.name.startswith(".")] == []


def test_a_load_under_way_is_not_exported(graph):
    """While there is a ledger the database is neither the one nor the other: exit code 5, and nothing is written."""
    graph.query("CREATE (:N), (:__SynthgenBatch {operation_id: 'x'})")
    answer = graph.run("synthgen export --json --out", str(graph.out / "half"))
    assert (answer.code, answer.error["kind"]) == (5, "RefusedError")
    assert not (graph.out / "half").exists()


def test_an_empty_database_is_a_base_too(graph):
    """Nothing but a schema: exported, restored, the schema is there."""
    graph.query("CREATE CONSTRAINT FOR (n:A) REQUIRE n.id IS UNIQUE")
    there_and_back(graph)
    assert len(graph.schema()) == 2
