"""What is counted of an operation, whichever end its relationships are counted from."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from importer import census
from importer.census import take_census
from synthgen.profile import profile_from_document

pytestmark = pytest.mark.neo4j

PLANTED = """
    CREATE (b:Base)-[:OWN]->(:Base), (b)-[:IN]->(m:Mine $mine)-[:OUT]->(b), (m)-[:SELF]->(m), (m)-[:SELF]->(m),
           (o:Other $other)-[:FROM]->(m)-[:TO]->(o), (m)-[:BETWEEN]->(:Mine:Two $mine)-[:BETWEEN]->(m), (:Mine $mine)
    WITH o UNWIND range(1, $many) AS i CREATE (o)-[:OWN]->(:Other $other)
"""
EXPECTED = {
    (("Base",), "IN", ("Mine",)): 1, (("Mine",), "OUT", ("Base",)): 1, (("Mine",), "SELF", ("Mine",)): 2,
    (("Other",), "FROM", ("Mine",)): 1, (("Mine",), "TO", ("Other",)): 1,
    (("Mine",), "BETWEEN", ("Mine", "Two")): 1, (("Mine", "Two"), "BETWEEN", ("Mine",)): 1,
}


@pytest.mark.parametrize(("many", "text"), [(0, "_BESIDE"), (40, "_ENTERING")])
def test_every_relationship_is_counted_once(database, monkeypatch, many, text):
    """Inside, leaving and entering, beside few others and beside many: each pattern, and what has no relationship."""
    driver, address = database
    driver.execute_query(PLANTED.replace("$mine", "{scale_operation_id: 'mine'}").replace(
        "$other", "{scale_operation_id: 'other'}"), many=many, database_=address.database)
    texts = []
    asked = census._Counting.rows
    monkeypatch.setattr(census._Counting, "rows", lambda count, query, **parameters: (
        texts.append(query), asked(count, query, **parameters))[1])
    manifest = SimpleNamespace(operation_id="mine", strategy="random", parameters={},
                               counts=SimpleNamespace(relationships=sum(EXPECTED.values())))
    profile = profile_from_document({"resource_labels": ["Mine"], "id": "id"}, "a test")
    found = take_census(driver, address, manifest, profile)
    assert {(one.start, one.type, one.end): one.count for one in found.patterns} == EXPECTED
    assert (found.nodes, found.relationships, found.isolated) == (3, 8, 1)
    assert getattr(census, text) in texts
