"""Nothing is lost between export and import: arbitrary graphs, and each case by name, on both lines.

The tests of this file follow each other: the second one works on what the first one has restored.
"""

from __future__ import annotations

import pytest

from tests import arbitrary, torture
from tests.conftest import empty
from tests.torture import content, differing, there_and_back
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j

GRAPHS = 500
LONG = 10_000_000
"""Characters of a text that is longer than the buffer an import has when it is told nothing."""


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
    torture.thin_out(line)
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


def test_a_text_longer_than_a_read_buffer(line: Workshop) -> None:
    """In the base, in its copy, and with quotes and line ends all over it: each is what it was, to the last character.

    In a graph of its own, since all of an import has buffers that it fits into, and waits for each that is not filled.
    """
    empty(line.driver, line.address.database, rows=100)
    line.query("CREATE (n:Long {id: 'a', case: 'longer than a read buffer', value: $value, n: 1})"
               "-[:TIE {case: 'tied', value: $value}]->(:Short {id: 'b'})", value='x"\n,\'\r' * (LONG // 6))
    line.do("synthgen export --replace")
    before = content(line)
    operation = line.do("synthgen generate --strategy template --scale-factor 2 --seed 7")["operation_id"]
    line.do("importer load --mode offline", operation)
    line.do("importer validate", operation)
    copies = "MATCH (n:Long) RETURN n.value, COUNT { (n)-[:TIE {value: n.value}]->(:Short) }"
    [[value, tied], *others] = line.query(copies)
    assert (len(value), tied, others) == (LONG // 6 * 6, 1, [[value, 1]])
    line.do("importer rollback", operation)
    assert differing(before, content(line)) == []
