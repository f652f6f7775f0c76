"""Graphs that are no Azure tenant: with an inferred profile, or one of their own, they grow just as exactly."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from synthgen.bundle.read import Bundle
from synthgen.errors import UsageError
from synthgen.generate import find_profile, generate
from synthgen.graph import Graph
from synthgen.inference import infer_profile
from synthgen.parameters import Parameters, RandomParameters, TemplateParameters
from synthgen.profile import Profile, profile_from_document
from synthgen.snapshot.write import write_snapshot
from tests.graphs import CREATED_AT, Draft, any_graphs, stored
from tests.growths import Made, View, grown_base, largest_remainder, made_by, make_bundle
from tests.kinds.drawing import unique


def films() -> Graph:
    """Forty films with directors and actors, two genres that all of them share; ids are numbers, roles on ties."""
    draft = Draft()
    genres = [draft.add(["Genre"], {"name": name}) for name in ("drama", "comedy")]
    people = [draft.add(["Person"], {"personId": 1000 + i, "name": f"person {i % 7}", "role": "actor"},
                        {"personId": "INTEGER"}) for i in range(30)]
    for number in range(40):
        film = draft.add(["Film", "Work"] if number % 10 == 0 else ["Film"],
                         {"filmId": number, "title": f"Film {number}", "region": "Wien"}, {"filmId": "INTEGER"})
        draft.tie(film, "IN_GENRE", genres[number % 2])
        draft.tie(people[number % 30], "DIRECTED", film)
        for step in range(3):
            draft.tie(people[(7 * number + step) % 30], "ACTED_IN", film, {"note": f"role {step}"})
    draft.schema.append(unique("Person", "personId"))
    draft.schema.append(unique("Film", "filmId"))
    return draft.graph()


def parts() -> Graph:
    """A bill of materials: products of assemblies of parts, several levels deep, parts used in many places."""
    draft = Draft()
    items = [draft.add(["Part"], {"code": f"P-{i:03}", "size": i, "cost": i / 4}) for i in range(20)]
    above = [draft.add(["Assembly"], {"code": f"A-{i:03}", "zones": []}) for i in range(9)]
    products = [draft.add(["Product"], {"code": f"X/{i}", "name": f"Product {i}"}) for i in range(3)]
    for number, assembly in enumerate(above):
        for step in range(4):
            draft.tie(assembly, "HAS_PART", items[(3 * number + step) % 20], {"cost": 2.0, "note": "pcs"})
        if number >= 3:
            draft.tie(above[number - 3], "HAS_PART", assembly, {"cost": 1.0, "note": "pcs"})
    for number, product in enumerate(products):
        draft.tie(product, "HAS_PART", above[number])
    return draft.graph()


REQUESTS: list[Parameters] = [
    TemplateParameters(scale_factor=10.0), TemplateParameters(scale_factor=2.5), TemplateParameters(target_count=7),
    RandomParameters(count=500), RandomParameters(count=33, density=0.5),
]


@pytest.mark.parametrize("parameters", REQUESTS, ids=repr)
@pytest.mark.parametrize("graph", [films, parts])
def test_a_graph_of_another_kind_grows(graph: type, parameters: Parameters, tmp_path: Path) -> None:
    """Films and parts grow with nothing configured: exact counts, unique keys, whole ties, shared nodes kept."""
    base = graph()
    bundle = generated(base, parameters, tmp_path)
    made = made_by(bundle)
    check_counts(base, bundle, made, parameters)
    for key in ("personId", "filmId", "code"):
        values = [node.properties[key] for node in made.nodes if key in node.properties]
        assert len(set(values)) == len(values)
        assert not set(values) & {node.properties.get(key) for node in View.of(base).nodes}
    patterns = {(p.start, p.type, p.end) for p in bundle.manifest.counts.patterns}
    nodes = View.of(base).nodes
    assert patterns <= {(nodes[start].labels, type_, nodes[end].labels)
                        for start, type_, end in View.of(base).relationships}
    if parameters == REQUESTS[0]:
        ties = Counter(type_ for _, type_, _ in View.of(base).relationships)
        assert bundle.manifest.counts.types == {type_: 9 * count for type_, count in ties.items()}
        assert bundle.manifest.counts.isolated == 9 * sum(
            number not in {end for tie in View.of(base).relationships for end in (tie[0], tie[2])}
            for number in range(len(nodes)) if "Genre" not in nodes[number].labels)
        for node in made.nodes:
            assert ("region" in node.properties) == ("Film" in node.labels)
            assert ("role" in node.properties) == ("Person" in node.labels)


def generated(graph: Graph, parameters: Parameters, folder: Path) -> Bundle:
    path = write_snapshot(graph, folder / "base", created_at=CREATED_AT, source={}, profile="auto").path
    return generate(parameters, base=path, out=folder / "out", seed=3, unique=5,
                    now=datetime(2026, 1, 31, 12, tzinfo=UTC))


def check_counts(graph: Graph, bundle: Bundle, made: Made, parameters: Parameters) -> None:
    """Counts per label set are exact, by largest remainder."""
    resources = {tuple(labels) for labels in bundle.manifest.profile["resource_label_sets"]}
    counts = Counter(":".join(table.labels) for table in graph.nodes if table.labels in resources
                     for _ in range(table.frame.height))
    if isinstance(parameters, RandomParameters):
        total = parameters.count
    elif parameters.target_count:
        total = parameters.target_count
    else:
        total = int((parameters.scale_factor - 1) * sum(counts.values()) + 0.5)
    due = dict(zip(sorted(counts), largest_remainder(total, [counts[name] for name in sorted(counts)]), strict=True))
    assert Counter(":".join(node.labels) for node in made.nodes) == {name: n for name, n in due.items() if n}
    assert bundle.manifest.counts.resources == total


@settings(max_examples=50)
@given(any_graphs(), st.integers(1, 30), st.sampled_from((None, 0.5)), st.booleans())
def test_any_graph_grows_by_an_inferred_profile(
    graph: Graph, count: int, density: float | None, template: bool
) -> None:
    """Whatever the labels, ids and ties: exact counts, unique ids where there is an id, no dangling end, all marked."""
    with stored(graph) as snapshot:
        profile = infer_profile(snapshot)
    with grown_base(graph, profile) as (base, view, out):
        parameters = TemplateParameters(target_count=count) if template else RandomParameters(count=count,
                                                                                             density=density)
        bundle = make_bundle(base, parameters, out)
        made = made_by(bundle)
        assert len(made.nodes) == bundle.manifest.counts.resources == count
        resources = base.resources
        for start, _, end, _ in made.relationships:
            for space, number in (start, end):
                assert space == "operation" or not resources[number]
                assert number < len(made.nodes if space == "operation" else view.nodes)
        if profile.id is not None:
            ids = [node.properties[profile.id] for node in made.nodes if profile.id in node.properties]
            assert len(set(ids)) == len(ids)
            assert not set(ids) & {node.properties.get(profile.id) for node in view.nodes}
        for node in made.nodes:
            assert node.properties["synthetic"] is True
            assert ("template_source_id" in node.properties) == template


def test_ids_that_repeat_in_the_base_do_not_repeat_in_what_is_made() -> None:
    """Films and people that count from 1 alike, or a base with an id twice, still give ids that are unique."""
    draft = Draft()
    for label in ("A", "B"):
        for number in range(3):
            draft.add([label], {"id": str(number)})
    draft.add(["A"], {"id": "0", "note": "again"})
    graph = draft.graph()
    with grown_base(graph, Profile("p", resource_label_sets=(("A",), ("B",)), id="id")) as (base, _, out):
        made = made_by(make_bundle(base, TemplateParameters(scale_factor=4.0), out))
    ids = [node.properties["id"] for node in made.nodes]
    assert len(set(ids)) == len(ids) == 21


def test_a_key_that_cannot_be_made_unique_is_refused() -> None:
    """A uniqueness constraint on a date is an error that says so, not a load that fails later."""
    draft = Draft()
    draft.add(["Day"], {"created": "2026-01-31T12:00Z"})
    draft.schema.append(unique("Day", "created"))
    with grown_base(draft.graph(), Profile("p", resource_labels=("Day",))) as (base, _, out), \
            pytest.raises(UsageError, match="'created' is unique and a ZONED DATETIME"):
        make_bundle(base, TemplateParameters(scale_factor=2.0), out)


def test_what_is_a_list_somewhere_is_no_id() -> None:
    """A graph in which some node has a list under the name of an id grows all the same, without one."""
    draft = Draft()
    draft.add(["A"], {"id": "a"})
    draft.add(["A"], {"id": ["b"]}, {"id": "LIST<STRING>"})
    with stored(draft.graph()) as snapshot:
        profile = infer_profile(snapshot)
    with grown_base(draft.graph(), profile) as (base, _, out):
        made = made_by(make_bundle(base, TemplateParameters(scale_factor=3.0), out))
    assert (profile.id, len(made.nodes)) == (None, 4)


def test_items_of_a_list_stay_what_they_are() -> None:
    """A list that speaks of a node and holds a control character has as many items in copies as in the base."""
    draft = Draft()
    lists = [["node-of-a", "b"], ["node-of-a\x1fb", "c"], ["\x1f"], []]
    for number, items in enumerate(lists):
        draft.add(["A"], {"id": f"node-of-{'abcd'[number]}", "zones": items})
    with grown_base(draft.graph(), Profile("p", resource_labels=("A",), id="id")) as (base, _, out):
        made = made_by(make_bundle(base, TemplateParameters(scale_factor=2.0), out))
    of_base = {node.properties["template_source_id"]: list(node.properties["zones"]) for node in made.nodes}
    copied = of_base.pop("node-of-a")
    assert (len(copied), copied[0] != "node-of-a", copied[1]) == (2, True, "b")
    assert list(of_base.values()) == lists[1:]


def test_an_empty_graph_is_a_usage_error() -> None:
    """There is nothing to multiply in a graph without nodes, and the error says so under any profile."""
    with stored(Graph([], []), profile="auto") as snapshot, pytest.raises(UsageError, match="no nodes"):
        find_profile(snapshot, None)
    with grown_base(Graph([], [])) as (base, _, out), pytest.raises(UsageError, match="no resources"):
        make_bundle(base, RandomParameters(count=1), out)


@settings(max_examples=15)
@given(any_graphs())
def test_an_inferred_profile_is_one_that_can_be_written_down(graph: Graph) -> None:
    """What is inferred is recorded in the manifest as a table that gives the same profile again."""
    with stored(graph) as snapshot:
        profile = infer_profile(snapshot)
        assume(profile.resource_label_sets)
        assert profile_from_document(profile.as_document(), "x") == profile
        resources = sum(table.rows for table in snapshot.node_tables if profile.role(table.labels).value == "resource")
        assert resources > 0
        if profile.id is not None:
            values = pl.concat([snapshot.read(table)[profile.id].cast(pl.String) for table in snapshot.node_tables
                                if profile.id in table.types], how="vertical")
            assert len(values) > 0
