"""Many small graphs of arbitrary names, values and shapes for one database; knows Cypher alone.

Nodes and relationships that have any property bear the number of their graph in `case`, so that what differs
afterwards can be told by graph.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from synthgen.types import TYPES
from tests.torture import NAMES
from tests.values import VALUES
from tests.workshop import Workshop

PREFIX = "graph "
"""What the cases of all these graphs begin with."""

NODES = "MATCH (e) WHERE id(e) = row[0]"
RELATIONSHIPS = "MATCH ()-[e]->() WHERE id(e) = row[0]"

KINDS = sorted(VALUES)

Properties = dict[str, tuple[str, Any]]
"""Name → (type, value as frames hold it)."""


@dataclass(frozen=True)
class Arbitrary:
    """A graph; ties are (start, type, end, properties) over the positions of nodes."""

    nodes: list[tuple[list[str], Properties]]
    ties: list[tuple[int, str, int, Properties]]


# Neo4j has no names with U+0000 in them.
names = st.one_of(st.sampled_from(NAMES), st.sampled_from("ABk"), st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=3))
# An import waits for each group of files, which is one for each label set and type: few of them are odd.
labels = st.integers(0, 9).flatmap(lambda one: st.sampled_from("ABk") if one else names)


def _properties() -> st.SearchStrategy[Properties]:
    return st.lists(names.filter(lambda name: name != "case").flatmap(_property), max_size=4).map(dict)


def _property(name: str) -> st.SearchStrategy[tuple[str, tuple[str, Any]]]:
    # Each mix of types under the same names is a group of its own, too: mostly a name has one type.
    usual = KINDS[crc32(name.encode()) % len(KINDS)]
    return st.integers(0, 31).flatmap(lambda odd: st.just(usual) if odd else st.sampled_from(KINDS)).flatmap(
        lambda kind: st.tuples(st.just(name), st.tuples(st.just(kind), _values(kind))))


def _values(kind: str) -> st.SearchStrategy[Any]:
    return VALUES[kind].map(_of_one_system) if kind == "LIST<POINT>" else VALUES[kind]


def _of_one_system(points: list[str]) -> list[str]:
    """Leave out what Neo4j has no list of: points of another system than the first one's."""
    return [point for point in points if point.split(",")[0] == points[0].split(",")[0]]


def graphs() -> st.SearchStrategy[Arbitrary]:
    """Graphs of up to four nodes and six relationships, self and parallel ones among them, some twice the same."""
    def tied(nodes: list[tuple[list[str], Properties]]) -> st.SearchStrategy[Arbitrary]:
        place = st.integers(0, len(nodes) - 1)
        tie = st.tuples(place, labels, place, _properties())
        return st.lists(tie, max_size=3).flatmap(lambda ties: st.lists(
            st.sampled_from(ties), max_size=3).map(lambda again: Arbitrary(nodes, ties + again)) if ties else st.just(
            Arbitrary(nodes, [])))

    return st.lists(st.tuples(st.lists(labels, max_size=3, unique=True), _properties()), min_size=1,
                    max_size=4).flatmap(tied)


def draw(count: int) -> list[Arbitrary]:
    """Let hypothesis make so many graphs."""
    found: list[Arbitrary] = []

    @settings(max_examples=count, phases=[Phase.generate], database=None, derandomize=True,
              suppress_health_check=list(HealthCheck))
    @given(graphs())
    def collect(graph: Arbitrary) -> None:
        found.append(graph)

    collect()
    return found


def plant(workshop: Workshop, drawn: Sequence[Arbitrary]) -> None:
    """Make the graphs, each with its number."""
    nodes = [(number, *node) for number, graph in enumerate(drawn) for node in graph.nodes]
    ids = _make(workshop, "CREATE (e:$(row[0]))", [[labels] for _, labels, _ in nodes])
    _fill(workshop, NODES, [(id_, number, properties) for id_, (number, _, properties) in zip(ids, nodes, strict=True)])
    first, ties = 0, []
    for number, graph in enumerate(drawn):
        ties += [(number, [ids[first + start], ids[first + end], kind], properties)
                 for start, kind, end, properties in graph.ties]
        first += len(graph.nodes)
    tied = _make(workshop, "MATCH (a) WHERE id(a) = row[0] MATCH (b) WHERE id(b) = row[1]"
                 " CREATE (a)-[e:$(row[2])]->(b)", [row for _, row, _ in ties])
    _fill(workshop, RELATIONSHIPS,
          [(id_, number, properties) for id_, (number, _, properties) in zip(tied, ties, strict=True)])


def _make(workshop: Workshop, text: str, rows: list[list[Any]]) -> list[int]:
    found = workshop.query(f"CYPHER 5 UNWIND range(0, size($rows) - 1) AS at WITH at, $rows[at] AS row {text}"
                           " RETURN at, id(e) ORDER BY at", rows=rows)
    return [id_ for _, id_ in found]


def _fill(workshop: Workshop, match: str, filled: Sequence[tuple[int, int, Properties]]) -> None:
    of_kind: dict[str, list[list[Any]]] = defaultdict(list)
    for id_, number, properties in filled:
        for name, (kind, value) in properties.items():
            of_kind[kind].append([id_, name, value])
        if properties:
            of_kind["STRING"].append([id_, "case", f"{PREFIX}{number}"])
    for kind, rows in of_kind.items():
        value = TYPES[kind].write.replace("{v}", "row[2]")
        workshop.query(f"CYPHER 5 UNWIND $rows AS row {match} SET e[row[1]] = {value}", rows=rows)
