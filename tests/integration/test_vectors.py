"""Vectors as values, which no store of Community holds: refused on both lines before anything is touched."""

from __future__ import annotations

import pytest

from synthgen.snapshot.write import write_snapshot
from tests.graphs import CREATED_AT, Draft
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j


@pytest.mark.parametrize("line", ["workshop", "newer_workshop"])
def test_vectors_are_refused_with_a_way_out(line: str, request: pytest.FixtureRequest) -> None:
    """A snapshot with vectors and an operation made of it are read, but neither restored nor loaded in either mode."""
    shop: Workshop = request.getfixturevalue(line)
    draft = Draft()
    draft.add(["Text"], {"id": "a", "meaning": "[1.5,-2.0,0.0]"}, {"meaning": "VECTOR<FLOAT32>(3)"})
    write_snapshot(draft.graph(), shop.out / "base", created_at=CREATED_AT, source={}, profile="auto")
    shop.do("synthgen generate --strategy template --scale-factor 3 --seed 7")
    before = shop.files()
    for command in (["importer restore", str(shop.out / "base")], ["importer load", "--mode", "offline"],
                    ["importer load", "--mode", "online"]):
        answer = shop.run(*command, "--json")
        assert (answer.code, answer.error["kind"]) == (5, "RefusedError"), command
        assert "properties of type VECTOR<FLOAT32>(3)" in answer.error["message"]
        assert "make them lists before the export" in answer.error["hint"]
        assert shop.files() == before
        assert shop.one("MATCH (n) RETURN count(n)") == 0
