"""Quoted names on the real server: whatever a name holds, it is a name and nothing else."""

from __future__ import annotations

import pytest

from synthgen.database import quote

pytestmark = pytest.mark.neo4j

NAMES = [
    "a`b", "`", "``", "a b", " ", "a'b", 'a"b', "имя 名前 😀", "é", "a\nb", "\t", "\u2028", "\x01", "\x7f",
    "\\", "a\\b", "a\\\\", "\\n", "\\u0060", "\\\\u0060", "\\u005C\\u0060", "\\uD83D\\uDE00", "\\u", "\\uZZZZ",
    "$p", "{}", "//", "/*", "%", "x`) DETACH DELETE n //", "\\u0060) DETACH DELETE n //",
]


@pytest.mark.parametrize("name", NAMES, ids=[f"{number:02d}" for number in range(len(NAMES))])
def test_a_name_arrives_as_it_is(database, name):
    """Labels, relationship types and property names come back as they were given."""
    driver, address = database
    quoted = quote(name)
    text = (f"CREATE (n:{quoted} {{{quoted}: 1}})-[r:{quoted} {{{quoted}: 2}}]->(n)"
            " RETURN labels(n) AS labels, keys(n) AS keys, type(r) AS type, keys(r) AS relationship_keys")
    with driver.session(database=address.database) as session:
        found = session.run(text).single(strict=True).data()
    assert found == {"labels": [name], "keys": [name], "type": name, "relationship_keys": [name]}
