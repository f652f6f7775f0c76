"""What template and random promise of any base graph: exact counts, whole ties, unique ids, bytes that repeat."""

from __future__ import annotations

import re
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from synthgen.bundle.manifest import Manifest
from synthgen.errors import UsageError
from synthgen.generate import grow
from synthgen.graph import Graph
from synthgen.parameters import Parameters, RandomParameters, TemplateParameters
from tests.graphs import Draft, base_graphs
from tests.growths import (
    MARKS,
    NOW,
    OPERATION,
    OTHER_OPERATION,
    Made,
    View,
    copy_number,
    files_of,
    grown_base,
    identities,
    largest_remainder,
    made_by,
    make_bundle,
)
from tests.tiny import NETWORK, SUBNET, VM, tiny_graph

FACTORS = st.one_of(st.sampled_from((1.5, 2.0, 3.0, 10.0, 1.1, 2.5)),
                    st.integers(101, 600).map(lambda hundredths: hundredths / 100))


def scaled(factor: float, count: int) -> int:
    """How many are made of `count` so that afterwards there are `factor` times as many; halves go up."""
    return int(((Decimal(str(factor)) - 1) * count).quantize(Decimal(1), ROUND_HALF_UP))


@st.composite
def template_cases(draw: st.DrawFn, view: View) -> tuple[TemplateParameters, dict[str, int]]:
    """A template request that fits a base, and the counts per type that it must give."""
    synthetic = draw(st.booleans())
    types = tuple(draw(st.lists(st.sampled_from(view.types(synthetic=synthetic)), unique=True, max_size=2)))
    counts = view.counts(view.chosen(types=types, synthetic=synthetic))
    match draw(st.sampled_from(("factor", "target", "template"))):
        case "factor":
            factor = draw(FACTORS)
            total = scaled(factor, sum(counts.values()))
            assume(total)
            parameters = TemplateParameters(scale_factor=factor, resource_types=types, include_synthetic=synthetic)
        case "target":
            total = draw(st.integers(1, 40))
            parameters = TemplateParameters(target_count=total, resource_types=types, include_synthetic=synthetic)
        case _:
            template = draw(st.dictionaries(st.sampled_from(sorted(counts)), st.integers(0, 9), min_size=1))
            assume(sum(template.values()))
            return (TemplateParameters(template=template, include_synthetic=synthetic),
                    {type_: count for type_, count in template.items() if count})
    shares = largest_remainder(total, list(counts.values()))
    return parameters, {type_: share for type_, share in zip(counts, shares, strict=True) if share}


@st.composite
def random_cases(draw: st.DrawFn, view: View) -> tuple[RandomParameters, dict[str, int]]:
    """A request for the random strategy that fits a base, and the counts per type that it must give."""
    synthetic = draw(st.booleans())
    count = draw(st.integers(1, 40))
    density = draw(st.one_of(st.none(), st.sampled_from((0.0, 0.5, 1.0)), st.floats(0, 1)))
    if draw(st.booleans()):
        weight = st.one_of(st.integers(0, 5), st.floats(0, 1e6))
        weights = draw(st.dictionaries(st.sampled_from(view.types(synthetic=synthetic)), weight, min_size=1))
        assume(any(weights.values()))
        some = {type_: weight for type_, weight in weights.items() if weight}
        parameters = RandomParameters(count=count, distribution=weights, density=density, include_synthetic=synthetic)
    else:
        types = tuple(draw(st.lists(st.sampled_from(view.types(synthetic=synthetic)), unique=True, max_size=2)))
        some = view.counts(view.chosen(types=types, synthetic=synthetic))
        parameters = RandomParameters(count=count, density=density, resource_types=types, include_synthetic=synthetic)
    shares = largest_remainder(count, list(some.values()))
    return parameters, {type_: share for type_, share in zip(some, shares, strict=True) if share}


def any_cases(view: View) -> st.SearchStrategy[tuple[Parameters, dict[str, int]]]:
    """A request for either strategy."""
    return st.one_of(template_cases(view), random_cases(view))


# ——— what holds for every request ———


@settings(max_examples=70)
@given(base_graphs(), st.data())
def test_everything_that_is_made_is_exact_marked_and_whole(graph: Graph, data: st.DataObject) -> None:
    """Whatever the base and the request: counts are exact in all and per type, and what is made is fit to be loaded."""
    with grown_base(graph) as (base, view, out):
        parameters, quotas = data.draw(any_cases(view))
        bundle = make_bundle(base, parameters, out)
        made = made_by(bundle)
        assert Counter(node.type for node in made.resources) == quotas
        check_marks(made, parameters)
        check_ends(made, view)
        check_ids(made, view)
        check_counts(made, view, bundle.manifest)
        check_sources(made, view, parameters)
        check_containers(made)
        growth = grow(base, parameters, operation_id=OPERATION, seed=7)
        nodes, ties = identities(growth)
        assert len(nodes) == len(made.nodes)
        assert ties == Counter(repr((type_, *(without_marks(made, end) for end in (start, stop))))
                               for start, type_, stop, _ in made.relationships), "written ends are those made"


def without_marks(made: Made, end: tuple[str, int]) -> object:
    """Give an end as `identities` writes it."""
    if end[0] == "base":
        return end[1]
    node = made.nodes[end[1]]
    return repr((node.labels, node.properties)) if not node.properties.keys() & set(MARKS) else repr(
        (node.labels, {name: value for name, value in node.properties.items() if name not in MARKS}))


def check_marks(made: Made, parameters: Parameters) -> None:
    """Every node carries all of the metadata; only template names a source, and always."""
    strategy = "template" if isinstance(parameters, TemplateParameters) else "random"
    for node in made.nodes:
        assert [node.properties.get(name) for name in MARKS] == [True, OPERATION, strategy, NOW]
        assert ("template_source_id" in node.properties) == (strategy == "template")


def check_ends(made: Made, view: View) -> None:
    """No end dangles, base nodes are tied to made ones only, and nothing protected is made or tied."""
    for node in made.nodes:
        assert "Original" not in node.labels
    for start, type_, end, _ in made.relationships:
        assert "operation" in {start[0], end[0]}
        assert type_ != "SCAN_SOURCE_NODE"
        for space, number in (start, end):
            assert 0 <= number < len(made.nodes if space == "operation" else view.nodes)
            assert space == "operation" or view.nodes[number].shared


def check_ids(made: Made, view: View) -> None:
    """No two made nodes share an id, and none has one of the base; an id is there where the original has one."""
    ids = [node.properties["id"] for node in made.nodes if "id" in node.properties]
    assert len(set(ids)) == len(ids)
    assert not set(ids) & view.ids


def check_counts(made: Made, view: View, manifest: Manifest) -> None:
    """The manifest's counts are those of the files."""
    counts = manifest.counts
    touched = {end for tie in made.relationships for end in (tie[0], tie[2])}
    assert counts.resources == len(made.resources)
    assert counts.resource_types == Counter(node.type for node in made.resources)
    assert counts.nodes == len(made.nodes)
    assert counts.relationships == len(made.relationships)
    assert counts.isolated == sum(("operation", number) not in touched for number in range(len(made.nodes)))
    assert counts.labels == Counter(label for node in made.nodes for label in node.labels)
    assert counts.types == Counter(type_ for _, type_, _, _ in made.relationships)
    patterns = Counter((made.labels_at(start, view), type_, made.labels_at(end, view))
                       for start, type_, end, _ in made.relationships)
    assert {(p.start, p.type, p.end): p.count for p in counts.patterns} == patterns


def check_containers(made: Made) -> None:
    """What contains a node is what its id and its group's name say, whichever copy of it that is."""
    for start, type_, end, _ in made.relationships:
        if type_ != "CONTAINS" or start[0] != "operation":
            continue
        above, below = made.nodes[start[1]].properties, made.nodes[end[1]].properties
        if untokened(below.get("id", "")).startswith(untokened(above.get("id", "?")) + "/"):
            assert below["id"].startswith(above["id"] + "/")
            if "Resource" not in made.nodes[start[1]].labels and \
                    untokened(below.get("resource_group", "")).lower() == untokened(above["name"]).lower():
                assert below["resource_group"].lower() == above["name"].lower()


def untokened(text: str) -> str:
    """Take what an operation adds out of an id or name."""
    return re.sub(r"-[0-9a-z]{8}-\d+(?=/|$)", "", text)


def check_sources(made: Made, view: View, parameters: Parameters) -> None:
    """Copies are of resources that were asked for and of their containers, and keep all properties but names."""
    if not isinstance(parameters, TemplateParameters):
        return
    types = parameters.resource_types or tuple(parameters.template or ())
    chosen = view.chosen(types=types, synthetic=parameters.include_synthetic)
    allowed = chosen | view.containers_of(chosen)
    for node in made.nodes:
        number = view.source_ids[node.properties["template_source_id"]]
        assert number in allowed
        original = view.nodes[number]
        assert node.labels == original.labels
        assert properties_kept(node.properties) == properties_kept(original.properties)


def properties_kept(properties: dict[str, object]) -> str:
    """Write the properties that a copy has in common with its original, NaN and all."""
    renamed = {"id", "name", "resource_group", "template_source_id", *MARKS}
    kept = {name: value for name, value in sorted(properties.items()) if name not in renamed}
    return repr((kept, sorted(name for name in properties if name in {"id", "name", "resource_group"})))


@settings(max_examples=25)
@given(base_graphs(), st.data())
def test_same_seed_same_bytes(graph: Graph, data: st.DataObject) -> None:
    """Two runs of one request write the same bytes; another seed or operation id writes others and shares no id."""
    with grown_base(graph) as (base, view, out):
        parameters, _ = data.draw(any_cases(view))
        first = make_bundle(base, parameters, out / "1")
        again = make_bundle(base, parameters, out / "2")
        assert files_of(first.path) == files_of(again.path)
        other = made_by(make_bundle(base, parameters, out / "3", operation_id=OTHER_OPERATION))
        reseeded = made_by(make_bundle(base, parameters, out / "4", seed=8))
        ids = {node.properties.get("id") for node in made_by(first).nodes} - {None}
        for second in (other, reseeded):
            assert not ids & {node.properties.get("id") for node in second.nodes}


@settings(max_examples=40)
@given(base_graphs(), st.data())
def test_rows_are_the_same_however_they_are_cut(graph: Graph, data: st.DataObject) -> None:
    """Any range of rows can be made alone: pieces put together equal the whole, in values and in types."""
    with grown_base(graph) as (base, view, _):
        parameters, _ = data.draw(any_cases(view))
        growth = grow(base, parameters, operation_id=OPERATION, seed=data.draw(st.integers(0, 2**64)))
        for block in (*growth.nodes, *growth.relationships):
            cuts = sorted(data.draw(st.lists(st.integers(0, block.rows), max_size=3)))
            ranges = list(zip([0, *cuts], [*cuts, block.rows], strict=True))
            pieces = {(low, high): block.make(low, high) for low, high in reversed(ranges)}
            whole = block.make(0, block.rows)
            assert whole.height == block.rows
            assert_frame_equal(pl.concat([pieces[range_] for range_ in ranges if range_[0] < range_[1]]), whole)


# ——— template ———


@settings(max_examples=60)
@given(base_graphs(), st.integers(2, 4), st.booleans())
def test_a_whole_factor_copies_the_graph_of_resources_that_often(graph: Graph, factor: int, synthetic: bool) -> None:
    """Each copy of a resource has the relationships of its original: to the same copy, or to the same shared node."""
    with grown_base(graph) as (base, view, out):
        bundle = make_bundle(base, TemplateParameters(scale_factor=float(factor), include_synthetic=synthetic), out)
        made = made_by(bundle)
    chosen = view.chosen(synthetic=synthetic)
    cloned = chosen | view.containers_of(chosen)
    sources = [view.source_ids[node.properties["template_source_id"]] for node in made.nodes]
    assert Counter(sources) == dict.fromkeys(cloned, factor - 1)

    def source(end: tuple[str, int]) -> int:
        return sources[end[1]] if end[0] == "operation" else end[1]

    due = Counter({tie: (factor - 1) * count for tie, count in Counter(view.relationships).items()
                   if may_be_copied(tie, view, cloned)})
    assert Counter((source(start), type_, source(end)) for start, type_, end, _ in made.relationships) == due
    for start, _, end, _ in made.relationships:
        copies = {copy_number(made.nodes[number]) for space, number in (start, end) if space == "operation"} - {None}
        assert len(copies) <= 1, "a relationship leads from one copy to another"
    # Each copy has its share: as often at this end of a kind of tie as its original is.
    for side in (0, 2):
        per_copy = Counter((tie[side], tie[1], source(tie[2 - side])) for tie in made.relationships
                           if tie[side][0] == "operation")
        for (end, type_, other), count in per_copy.items():
            tie = (source(end), type_, other) if side == 0 else (other, type_, source(end))
            assert count == Counter(view.relationships)[tie]
    lost = sum(touches and not may_be_copied(tie, view, cloned) and tie[1] != "SCAN_SOURCE_NODE"
               for tie in view.relationships for touches in [bool({tie[0], tie[2]} & cloned)])
    assert sum(bundle.manifest.left_out.values()) == lost
    check_nested_ids(made, sources, view)


def may_be_copied(tie: tuple[int, str, int], view: View, cloned: set[int]) -> bool:
    """Say whether a base relationship has counterparts among copies."""
    start, type_, end = tie
    if type_ == "SCAN_SOURCE_NODE" or not {start, end} & cloned:
        return False
    return all(number in cloned or view.nodes[number].shared for number in (start, end))


def check_nested_ids(made: Made, sources: list[int], view: View) -> None:
    """A copied child's id begins with its copied parent's id, of the same copy."""
    ids = {(source, copy_number(node)): node.properties["id"] for source, node in zip(sources, made.nodes, strict=True)
           if "id" in node.properties and copy_number(node) is not None}
    for (child, copy), made_id in ids.items():
        for parent, above in ids:
            if above == copy and view.nodes[child].properties["id"].startswith(
                    view.nodes[parent].properties["id"] + "/"):
                assert made_id.startswith(ids[parent, copy] + "/")


@pytest.mark.parametrize("parameters", [
    TemplateParameters(template={NETWORK: 5, SUBNET: 13, VM: 3}),
    RandomParameters(count=21, distribution={NETWORK: 5, SUBNET: 13, VM: 3}),
], ids=["template", "random"])
def test_nested_copies_agree_where_types_have_different_numbers(parameters: Parameters) -> None:
    """A subnet's id names the copied network that contains it, and that network's own group, though counts differ."""
    with grown_base(tiny_graph()) as (base, _, out):
        made = made_by(make_bundle(base, parameters, out))
    assert Counter(node.type for node in made.resources) == {NETWORK: 5, SUBNET: 13, VM: 3}
    check_containers(made)
    ids = {node.properties["id"] for node in made.nodes}
    for node in made.nodes:
        if node.type == SUBNET:
            network, _, _ = node.properties["id"].partition("/subnets/")
            group, _, _ = network.partition("/providers/")
            assert {network, group} <= ids
            assert group.endswith("/" + node.properties["resource_group"])
    groups = Counter(number for (_, number), type_, end, _ in made.relationships
                     if type_ == "CONTAINS" and made.labels_at(end, View([], [])) == ("Resource",))
    assert len(groups) > 5


def test_a_part_copy_is_exact_for_every_size() -> None:
    """However few of a nested base are asked for, each type gets its share, and parents come before their children."""
    draft = Draft()
    for number in range(3):
        network = draft.add(["Resource"], {"id": f"/n{number}", "type": NETWORK})
        for child in range(number + 2):
            subnet = draft.add(["Resource"], {"id": f"/n{number}/subnets/{child}", "type": SUBNET})
            draft.tie(network, "CONTAINS", subnet)
    with grown_base(draft.graph()) as (base, view, _):
        counts = view.counts(view.chosen())
        for total in range(1, 2 * len(view.nodes) + 2):
            due = dict(zip(counts, largest_remainder(total, list(counts.values())), strict=True))
            growth = grow(base, TemplateParameters(target_count=total), operation_id=OPERATION, seed=total)
            made = Counter(type_ for block in growth.nodes for type_ in block.make(0, block.rows)["type"])
            assert made == {type_: count for type_, count in due.items() if count}
            ties = sum(block.rows for block in growth.relationships)
            assert ties >= min(due.get(NETWORK, 0), due.get(SUBNET, 0))


# ——— random ———


@settings(max_examples=50)
@given(base_graphs(), st.integers(1, 40), st.floats(0, 1), st.integers(0, 2**64), st.data())
def test_random_ties_only_what_the_base_ties(
    graph: Graph, count: int, density: float, seed: int, data: st.DataObject
) -> None:
    """Every pattern of types that is made exists in the base, and density and --relationships are exact."""
    with grown_base(graph) as (base, view, out):
        full = made_by(make_bundle(base, RandomParameters(count=count), out / "full", seed=seed))
        sparse = made_by(make_bundle(base, RandomParameters(count=count, density=density), out / "sparse", seed=seed))
        number = data.draw(st.integers(0, len(full.relationships)))
        exact = made_by(make_bundle(base, RandomParameters(count=count, relationships=number), out / "exact",
                                    seed=seed))
        with pytest.raises(UsageError, match="more than"):
            grow(base, RandomParameters(count=count, relationships=len(full.relationships) + 1),
                 operation_id=OPERATION, seed=seed)
    patterns = {(view.nodes[start].type, type_, view.nodes[end].type) for start, type_, end in view.relationships}
    for made in (full, sparse, exact):
        assert {(made.type_at(start, view), type_, made.type_at(end, view))
                for start, type_, end, _ in made.relationships} <= patterns
    assert len(sparse.relationships) == round(density * len(full.relationships))
    assert len(exact.relationships) == number
    for made in (sparse, exact):
        assert not ties(made) - ties(full), "a sparser graph is a part of the full one, without repetition"


def ties(made: Made) -> Counter[tuple[object, ...]]:
    """Count relationships by their ends."""
    return Counter((start, type_, end) for start, type_, end, _ in made.relationships)
