"""Nothing is lost between export and restore: arbitrary graphs, and each case by name, on both lines.

The tests of this file follow each other: the last one works on what the one before it has restored.
"""

from __future__ import annotations

import pytest

from tests import arbitrary, torture
from tests.conftest import empty
from tests.torture import content, differing, there_and_back
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j


GRAPHS = 500


@pytest.fixture(scope="module", params=["workshop", "newer_workshop"], ids=["5.26", "2026"])
def line(request: pytest.FixtureRequest) -> Workshop:
    """A workshop of each line, one after the other."""
    workshop: Workshop = request.getfixturevalue(request.param)
    return workshop


def test_hundreds_of_arbitrary_graphs_come_back(line: Workshop) -> None:
    """Graphs of any names, values and shapes that hypothesis finds, all in one database: each is what it was."""
    drawn = arbitrary.draw(GRAPHS)
    assert len(drawn) >= GRAPHS
    empty(line.driver, line.address.database, rows=100)
    arbitrary.plant(line, drawn)
    there_and_back(line, "graph")


def test_the_torture_graph_comes_back(line: Workshop) -> None:
    """Every value, name and shape is after export and restore what it was before, each case by its name."""
    empty(line.driver, line.address.database, rows=100)
    torture.plant(line)
    there_and_back(line, "case")


def test_an_offline_load_on_top_of_it_can_be_rolled_back(line: Workshop) -> None:
    """Copies of it all are imported beside it and validated; after the rollback it is what it was, case by case."""
    before, digest = content(line), line.digest()
    operation = line.do("synthgen generate --strategy template --scale-factor 2 --seed 7")["operation_id"]
    line.do("importer load --mode offline")
    line.do("importer validate", operation)
    assert line.one("MATCH (n) WHERE n.scale_operation_id = $o RETURN count(n)", o=operation) > 0
    line.do("importer rollback", operation)
    assert line.digest() == digest
    assert differing(before, content(line)) == []
