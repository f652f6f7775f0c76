"""Nothing is lost between export and import: arbitrary graphs, and each case by name, on both lines.

The tests of this file follow each other: the last one works on what the one before it has restored.
"""

from __future__ import annotations

import pytest

from tests import arbitrary, torture
from tests.torture import content, differing, there_and_back
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j

GRAPHS = 500


@pytest.fixture(scope="module", params=["workshop", "newer_workshop"], ids=["5.26", "2026"])
def line(request: pytest.FixtureRequest) -> Workshop:
    """A workshop of each line, one after the other."""
    workshop: Workshop = request.getfixturevalue(request.param)
    return workshop


def test_every_graph_comes_back(line: Workshop) -> None:
    """Graphs of any names, values and shapes that hypothesis finds, and every case by its name: each is what it was."""
    drawn = arbitrary.draw(GRAPHS)
    assert len(drawn) >= GRAPHS
    arbitrary.plant(line, drawn)
    torture.plant(line)
    there_and_back(line)


def test_an_operation_on_top_leaves_all_as_it_was(line: Workshop) -> None:
    """Copies of every case are imported beside it, validated, and rolled back: all is what it was, case by case.

    Loaded online, the same copies are what they were when they were imported.
    """
    line.query("MATCH (n) WHERE n.case STARTS WITH $prefix DETACH DELETE n", prefix=arbitrary.PREFIX)
    before, digest = content(line), line.do("synthgen export --replace")["digest"]
    operation = line.do("synthgen generate --strategy template --scale-factor 2 --seed 7")["operation_id"]
    line.do("importer load --mode offline", operation)
    line.do("importer validate", operation)
    imported = content(line)
    assert line.one("MATCH (n) WHERE n.scale_operation_id = $o RETURN count(n)", o=operation) > 0
    line.do("importer rollback", operation)
    assert line.digest() == digest
    assert differing(before, content(line)) == []
    line.do("importer load --mode online", operation)
    assert differing(imported, content(line)) == []
