"""One suite over every loader: whichever way a bundle is loaded, the database then holds base + bundle, and no more."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from synthgen.bundle.read import Bundle, find_bundle, read_nodes, read_relationships
from synthgen.snapshot.read import Snapshot, open_snapshot
from tests.planting import plant_sample
from tests.workshop import Workshop

pytestmark = [pytest.mark.neo4j, pytest.mark.parametrize("mode", ["offline", "online"])]

NASTY = """
    MATCH (g:ResourceGroup) WITH g ORDER BY g.id LIMIT 1 UNWIND range(0, 39) AS i
    CREATE (g)-[:CONTAINS {since: date('2020-01-01')}]->(r:Resource:`Odd label` {
      id: '/odd/' + i, name: 'n "' + i + '",\\n\\t;é😀', type: 'odd/kind', at: date('2024-02-29'), far: -1.0/0,
      zoned: datetime('2024-02-29T12:00:00.000000001+01:00[Europe/Berlin]'), point: point({x: i, y: -0.0}), empty: [],
      texts: ['', 'a,b', ' '], `odd name`: duration('P1M2DT3.4S'), mixed: CASE i % 2 WHEN 0 THEN i ELSE 'i' END})
    CREATE (r)-[:`ODD TYPE` {w: i / 7.0, none: []}]->(r)
"""
OPERATIONS = {
    "template": ("--strategy", "template", "--scale-factor", "2.5"),
    "random": ("--strategy", "random", "--count", "700"),
    "scenario": ("--strategy", "scenario", "--scenario", "hub-spoke"),
}


@pytest.fixture(scope="module")
def base(workshop: Workshop) -> Snapshot:
    """A small tenant with some nodes of all that is odd; with one bundle of each strategy."""
    plant_sample(workshop)
    workshop.query(NASTY)
    workshop.do("synthgen export --profile azure --replace")
    for number, (strategy, options) in enumerate(OPERATIONS.items()):
        workshop.do("synthgen generate", *options, "--operation-id", operation(strategy), "--seed", str(number))
    return open_snapshot(workshop.out / "base")


def operation(strategy: str) -> str:
    """Give the operation id of a strategy's bundle."""
    return f"scale-20260131T120000-{list(OPERATIONS).index(strategy):08x}"


@pytest.fixture
def loaded(workshop: Workshop, base: Snapshot, mode: str, strategy: str) -> Bundle:
    """The strategy's bundle, loaded in the one way or the other; rolled back afterwards."""
    workshop.do(f"importer load {operation(strategy)} --mode {mode}")
    yield find_bundle(workshop.out, operation(strategy))
    workshop.do(f"importer rollback {operation(strategy)}")


@pytest.mark.parametrize("strategy", OPERATIONS)
def test_the_database_is_base_and_bundle_and_after_rollback_the_base(workshop, base, mode, strategy):
    """What an export then holds is every row of the base and every row of the bundle, once, tied as it says."""
    workshop.do(f"importer load {operation(strategy)} --mode {mode}")
    again = workshop.out / "again"
    workshop.do("synthgen export --replace", "--out", str(again))
    bundle = find_bundle(workshop.out, operation(strategy))
    expected_nodes, expected_ties = rows_of_base(base)
    added_nodes, added_ties = rows_of_bundle(bundle, base)
    found_nodes, found_ties = rows_of_base(open_snapshot(again))
    assert found_nodes == expected_nodes + added_nodes
    assert found_ties == expected_ties + added_ties
    assert Counter((item.type, item.properties) for item in open_snapshot(again).schema) == Counter(
        (item.type, item.properties) for item in base.schema)
    assert workshop.do(f"importer validate {operation(strategy)}")["passed"]

    workshop.do(f"importer rollback {operation(strategy)}")
    assert (workshop.digest(), workshop.traces()) == (base.digest, 0)
    whole[strategy, mode] = open_snapshot(again).digest
    assert len({digest for (one, _), digest in whole.items() if one == strategy}) == 1


whole: dict[tuple[str, str], str] = {}
"""Digests of base + bundle: both loaders' must be the same, whichever ran first."""


def row(labels: tuple[str, ...] | str, types: dict[str, str], values: dict[str, Any]) -> str:
    """Give an entity as text that two equal ones share; an empty list has no element type."""
    present = sorted((name, "empty" if isinstance(value, list | bytes) and not value else types[name], repr(value))
                     for name, value in values.items() if value is not None)
    return repr((labels, present))


def rows_of_base(snapshot: Snapshot) -> tuple[Counter[str], Counter[tuple[str, str, str]]]:
    """Count the nodes of a snapshot, and its relationships with their ends, as text."""
    nodes = base_nodes(snapshot)
    ties: Counter[tuple[str, str, str]] = Counter()
    for table in snapshot.relationship_tables:
        frame = snapshot.read(table)
        count_ties(ties, table.type, table.types, frame, nodes, nodes)
    return Counter(nodes), ties


def base_nodes(snapshot: Snapshot) -> list[str]:
    """Give every node of a snapshot as text, in order of node numbers."""
    return [row(table.labels, table.types, values) for table in snapshot.node_tables
            for values in snapshot.read(table).to_dicts() or [{}] * table.rows]


def rows_of_bundle(bundle: Bundle, base: Snapshot) -> tuple[Counter[str], Counter[tuple[str, str, str]]]:
    """Count what a bundle adds, likewise."""
    nodes: list[str] = []
    for group in bundle.manifest.node_groups:
        for part in group.parts:
            frame = read_nodes(bundle, group, part)
            assert frame[":id"].to_list() == list(range(len(nodes), len(nodes) + part.rows))
            nodes += [row(group.labels, group.types, values) for values in frame.drop(":id").to_dicts()]
    ends = {"base": base_nodes(base), "operation": nodes}
    ties: Counter[tuple[str, str, str]] = Counter()
    for tied in bundle.manifest.relationship_groups:
        for part in tied.parts:
            frame = read_relationships(bundle, tied, part)
            count_ties(ties, tied.type, tied.types, frame, ends[tied.start_space], ends[tied.end_space])
    return Counter(nodes), ties


def count_ties(ties: Counter[tuple[str, str, str]], type_: str, types: dict[str, str], frame: pl.DataFrame,
               starts: list[str], ends: list[str]) -> None:
    """Add relationships to a count of them as text."""
    for values in frame.to_dicts():
        start, end = starts[values.pop(":start")], ends[values.pop(":end")]
        ties[start, row(type_, types, values), end] += 1


@pytest.mark.parametrize("strategy", ["template"])
def test_files_are_not_touched_but_for_the_history(workshop, base, mode, loaded):
    """Whoever keeps a bundle can load it again: part files, headers and parameters stay as they were."""
    before = {path.name: path.read_bytes() for path in sorted(loaded.path.iterdir()) if path.name != "manifest.json"}
    workshop.do(f"importer validate {loaded.manifest.operation_id}")
    again = find_bundle(workshop.out, loaded.manifest.operation_id)
    assert {path.name: path.read_bytes() for path in sorted(Path(again.path).iterdir())
            if path.name != "manifest.json"} == before
    assert again.manifest.counts == loaded.manifest.counts
    assert again.manifest.state == "loaded"
    assert workshop.environment["SYNTHGEN_OUT"]
    assert workshop.address.password not in (loaded.path / "manifest.json").read_text(encoding="utf-8")
