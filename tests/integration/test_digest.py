"""The digest of a database, on both lines: one bit of one property counts in it, and so does every name and tie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from synthgen.snapshot import survey
from synthgen.snapshot.export import digest_database
from synthgen.snapshot.state import DatabaseState
from tests.conftest import empty
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j

GRAPH = """
    CREATE (a:A:`B c` {i: 9223372036854775807, f: 1.0, zero: 0.0, s: 'b', bytes: $bytes, none: $none,
                       texts: ['a', 'b'], moment: datetime('2026-01-31T12:00:00.000000001+01:00[Europe/Berlin]'),
                       hour: time('12:00+01:00'), at: point({x: 1.0, y: 2.0}), on: true})
    CREATE (a)-[:T {w: 0.1}]->(b:D), (a)-[:T {w: 0.1}]->(b), (a)-[:U]->(b), (:E)-[:U]->(:E)
"""
CHANGES = {
    "one bit of an integer": "MATCH (n:A) SET n.i = 9223372036854775806",
    "one bit of a float": "MATCH (n:A) SET n.f = 1.0000000000000002",
    # Set at once to what Cypher finds equal, a value stays what it was.
    "the sign of zero": "MATCH (n:A) REMOVE n.zero WITH n SET n.zero = -0.0",
    "one bit of a text": "MATCH (n:A) SET n.s = 'c'",
    "one bit of bytes": "MATCH (n:A) SET n.bytes = $other",
    "no bytes that are an empty list": "MATCH (n:A) SET n.none = []",
    "the order of a list": "MATCH (n:A) SET n.texts = ['b', 'a']",
    "a nanosecond": "MATCH (n:A) SET n.moment = datetime('2026-01-31T12:00:00.000000002+01:00[Europe/Berlin]')",
    "a zone of the same offset": "MATCH (n:A) SET n.moment = datetime('2026-01-31T12:00:00.000000002[Europe/Vienna]')",
    "a second of an offset": "MATCH (n:A) SET n.hour = time({hour: 12, timezone: '+01:00:01'})",
    "one bit of a place": "MATCH (n:A) SET n.at = point({x: 1.0000000000000002, y: 2.0})",
    "the name of a property": "MATCH (n:A) SET n.On = n.on REMOVE n.on",
    "the name of a label": "MATCH (n:A) SET n:`B  c` REMOVE n:`B c`",
    "a parallel relationship": "MATCH ()-[r:T]->() WITH r LIMIT 1 DELETE r",
    "a type": "MATCH (a)-[r:T]->(b) CREATE (a)-[:t {w: r.w}]->(b) DELETE r",
    "a direction": "MATCH (a:A)-[r:U]->(b) CREATE (b)-[:U]->(a) DELETE r",
}


@pytest.mark.parametrize("line", ["workshop", "newer_workshop"])
def test_two_graphs_that_differ_in_one_thing_differ_in_digest(line: str, request: pytest.FixtureRequest) -> None:
    """Change after change, each of one bit, name or tie: each graph has a digest of its own, also when made again."""
    shop: Workshop = request.getfixturevalue(line)
    values: dict[str, Any] = {"bytes": b"\x00\x80", "other": b"\x00\x81", "none": b""}
    shop.query(GRAPH, **values)
    digests = {"as it was": shop.digest()}
    for change, text in CHANGES.items():
        shop.query(text, **values)
        digests[change] = shop.digest()
    assert len(set(digests.values())) == len(CHANGES) + 1, {
        change for change, digest in digests.items() if list(digests.values()).count(digest) > 1}
    empty(shop.driver, shop.address.database)
    shop.query("CREATE (:Gone)")
    shop.query(GRAPH, **values)
    shop.query("MATCH (n:Gone) DELETE n")
    assert shop.digest() == digests["as it was"]


def test_a_graph_of_many_tables_needs_no_further_queries(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server plans each text anew, which takes longer than reading: names of tables and properties are in none."""
    texts: list[set[str]] = []
    asked = DatabaseState.rows

    def recorded(state: DatabaseState, query: str, **parameters: Any) -> Iterator[list[Any]]:
        texts[-1].add(query)
        return asked(state, query, **parameters)

    monkeypatch.setattr(DatabaseState, "rows", recorded)
    for tables in (2, 40):
        empty(workshop.driver, workshop.address.database)
        workshop.query(
            "UNWIND range(1, $tables) AS i CREATE (a:$('L' + i))-[e:$('T' + i)]->(b:$('L' + i))"
            " SET a['p' + i] = i, b['p' + i] = 'text', a['q' + i] = [i], e['r' + i] = date('2026-01-31'),"
            " e['s' + i] = [time('12:00Z')]", tables=tables)
        texts.append(set())
        found = digest_database(workshop.driver, workshop.address)
        assert (found.nodes, found.relationships) == (2 * tables, tables)
    assert texts[0] == texts[1] != set()


@pytest.mark.parametrize("hub", [0, 40])
def test_a_small_part_is_found_from_its_own_nodes(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, hub: int
) -> None:
    """Beside an operation with many more relationships the rest has the digest that it has alone; few are looked at.

    Where one of its nodes has more relationships than a window holds, all are looked at, and the digest is the same.
    """
    empty(workshop.driver, workshop.address.database)
    for name, value in (("IDS_AT_ONCE", 3), ("IDS_OF_A_SCAN", 20)):
        monkeypatch.setattr(survey, name, value)
    workshop.query("UNWIND range(1, 9) AS i CREATE (:A {i: i})-[:T {i: i}]->(:B {i: i})")
    workshop.query("MATCH (a:A), (b:B) WHERE b.i = a.i + 1 CREATE (b)-[:U]->(a), (a)-[:U]->(a)")
    alone = workshop.digest()
    workshop.query("UNWIND range(1, 99) AS i CREATE (n:A {i: i, scale_operation_id: 'mine'})-[:T]->(n) WITH n, i"
                   " MATCH (a:A {i: i}) WHERE a <> n CREATE (a)-[:T]->(n)-[:U]->(a)")
    workshop.query("MATCH (a:A {i: 5}) WHERE a.scale_operation_id IS NULL UNWIND range(1, $hub) AS i"
                   " CREATE (a)-[:T]->(:A {scale_operation_id: 'mine'})", hub=hub)
    texts: list[str] = []
    asked = DatabaseState.rows

    def recorded(state: DatabaseState, query: str, **parameters: Any) -> Iterator[list[Any]]:
        texts.append(query)
        return asked(state, query, **parameters)

    monkeypatch.setattr(DatabaseState, "rows", recorded)
    found = digest_database(workshop.driver, workshop.address, without=["mine"])
    assert (found.digest, found.nodes, found.relationships) == (alone, 18, 25)
    assert any("UNWIND $given.starts" in text for text in texts) is (hub == 0)
