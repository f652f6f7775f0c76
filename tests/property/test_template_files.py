"""What a template file promises on any base: exact counts, values as written, unique ids, right ties, same bytes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from synthgen.base import Base
from synthgen.generate import grow
from synthgen.graph import Graph
from synthgen.inference import infer_profile
from synthgen.parameters import TemplateParameters
from synthgen.sources import parse_source
from synthgen.templates.counting import Shuffle
from synthgen.templates.file import parse_template
from synthgen.templates.template import Template
from tests.graphs import any_graphs, base_drafts, base_graphs, stored
from tests.growths import (
    OPERATION,
    OTHER_OPERATION,
    Made,
    MadeNode,
    View,
    files_of,
    grown_base,
    largest_remainder,
    made_by,
    make_bundle,
)
from tests.property.test_strategies import check_counts, check_ends

LOCATIONS = ("eastus", "westeurope", "West Europe", "mars")
PATTERNS = ("vm-{index}", "vm-1{index}", "{{ index + 1 }}", "n{index:03d}x", "all alike", "{{ index // 2 }}",
            "vm-{index}b")
"""Some give one name twice, alone or together."""


def by_hand(pattern: str, index: int) -> str:
    """Render a pattern the plain way."""
    known = {"{index}": str(index), "{index:03d}": f"{index:03}", "{{ index + 1 }}": str(index + 1),
             "{{ index // 2 }}": str(index // 2)}
    for written, text in known.items():
        pattern = pattern.replace(written, text)
    return pattern


@st.composite
def entries(draw: st.DrawFn, type_: str) -> dict[str, Any]:
    """An entry with any of what an entry may have."""
    entry: dict[str, Any] = {"type": type_, "count": draw(st.integers(0, 9))}
    template: dict[str, Any] = {}
    if draw(st.booleans()):
        template["name_pattern"] = draw(st.sampled_from(PATTERNS))
    if draw(st.booleans()):
        template["location"] = draw(st.sampled_from((*LOCATIONS, "{{ random_location }}", "zone-{{ index % 2 }}")))
    if draw(st.booleans()):
        template["tags"] = {"row": "{{ index }}", "who": "{{ name }} in {{ resource_group }}"}
    if draw(st.booleans()):
        template["properties"] = {"n": "{{ index * 2 + 1 }}", "at": ["{{ location }}", None, {"x": 1.5}],
                                  "ü": '"{{ type }}"'}
    if draw(st.booleans()):
        entry["properties"] = {"note": "row {{ index }}", "size": "{{ index }}", "zones": ["z{{ index }}", "1"],
                               "on": draw(st.sampled_from((True, None))), "cost": draw(st.sampled_from((1, 0.5)))}
    return {**entry, **({"template": template} if template else {})}


NEW_TYPES = ("Microsoft.New/things", "Brand:New")


@st.composite
def rules(draw: st.DrawFn, types: Sequence[str]) -> dict[str, Any]:
    """A relationship rule between types of the file."""
    start, end = draw(st.sampled_from(types)), draw(st.sampled_from(types))
    how = draw(st.sampled_from(("chain", "ring", "many-to-many") if start == end else ("one-to-one", "many-to-one")))
    return {"from": start, "type": "RULED", "to": end, "how": how, "share": draw(st.sampled_from((1, 0.5, 0)))}


@st.composite
def documents(draw: st.DrawFn, view: View) -> dict[str, Any]:
    """A template file for a base; a type may have several entries."""
    types = draw(st.lists(st.sampled_from((*view.types(), *NEW_TYPES)), min_size=1, max_size=4))
    document: dict[str, Any] = {"metadata": {"name": "any"}, "resources": [draw(entries(type_)) for type_ in types]}
    config = {"random_locations": draw(st.lists(st.sampled_from(LOCATIONS), min_size=1, max_size=3))}
    if draw(st.booleans()):
        config["resource_group_pattern"] = draw(st.sampled_from(("rg-{index}", "one group")))
    assume(sum(entry["count"] for entry in document["resources"]))
    document["relationships"] = draw(st.lists(rules(types), max_size=2))
    told = [type_ for type_ in types if all("type" in node.properties for node in view.nodes if node.type == type_)]
    labelled = draw(st.sampled_from((None, *told)))
    for entry in document["resources"]:
        if entry["type"] == labelled:
            entry["labels"] = ["Special"]
    return {**document, "config": config}


@st.composite
def located_graphs(draw: st.DrawFn) -> Graph:
    """Azure-like graphs whose resources say where they are, as their ties to regions do."""
    draft = draw(base_drafts())
    for start, type_, end, _ in draft.relationships:
        if type_ == "LOCATED_IN":
            draft.nodes[start].properties["location"] = draft.nodes[end].properties["name"]
            draft.nodes[start].types["location"] = "STRING"
    return draft.graph(sparse=draw(st.booleans()))


def template_of(document: Mapping[str, Any]) -> Template:
    return parse_template(parse_source(json.dumps(document), said="t.json", suffix=".json"))


@settings(max_examples=30)
@given(located_graphs(), st.data(), st.sampled_from((None, 2.0, 0.5, 1.75)))
def test_what_is_made_is_what_the_file_says(graph: Graph, data: st.DataObject, factor: float | None) -> None:
    """Counts per type are exact, ids unique, names, locations and properties those that anyone computes by hand."""
    with grown_base(graph) as (base, view, out):
        document = data.draw(documents(view))
        due = counts_due(document, factor)
        assume(sum(due.values()))
        parameters = TemplateParameters(template=template_of(document), scale_factor=factor)
        bundle = make_bundle(base, parameters, out)
        made = made_by(bundle)
    assert Counter(node.type for node in made.resources) == {type_: count for type_, count in due.items() if count}
    ids = [node.properties["id"] for node in made.nodes if "id" in node.properties]
    assert len(set(ids)) == len(ids)
    assert not set(ids) & view.ids
    for type_ in due:
        check_type(document, type_, due[type_], [node for node in made.resources if node.type == type_], view)
    check_rules(document, due, made)
    check_labels(document, made, view)
    check_children(made)
    check_places(made, view, bundle.manifest.left_out)
    check_names_in_ids(made, view)
    check_ends(made, view)
    check_counts(made, view, bundle.manifest)


def counts_due(document: Mapping[str, Any], factor: float | None) -> dict[str, int]:
    """How many of each type: the sum of its entries, times the factor, halves up."""
    counts: Counter[str] = Counter()
    for entry in document["resources"]:
        counts[entry["type"]] += entry["count"]
    return {type_: int(Fraction(str(factor or 1)) * count + Fraction(1, 2)) for type_, count in counts.items()}


def check_type(document: Mapping[str, Any], type_: str, due: int, nodes: list[MadeNode], view: View) -> None:
    """Compare the resources of a type with what its entries say, as a collection: which is which is not promised."""
    told = [entry for entry in document["resources"] if entry["type"] == type_]
    shares = largest_remainder(due, [entry["count"] for entry in told]) if due else [0] * len(told)
    rows = [(entry, index) for entry, share in zip(told, shares, strict=True) for index in range(share)]
    if all("name" in node.properties for node in view.nodes if node.type == type_):
        named = [node.properties["name"] for node in nodes if "name" in node.properties]
        patterns = [(entry["template"]["name_pattern"], index) for entry, index in rows
                    if "name_pattern" in entry.get("template", {})]
        for name, count in Counter(by_hand(*pattern) for pattern in patterns).items():
            marked = re.compile(re.escape(name) + r"(-[0-9a-z]{8}(-\d+)?)?")
            assert sum(bool(marked.fullmatch(found)) for found in named) >= count
    given = [({**entry.get("template", {}), "own": entry.get("properties")}, index) for entry, index in rows]
    assert Counter(nested_of(node, type_) for node in nodes if "properties" in node.properties) == Counter(
        index * 2 + 1 for values, index in given if "properties" in values)
    assert Counter(tagged_row(node) for node in nodes if "tags" in node.properties) == Counter(
        str(index) for values, index in given if "tags" in values)
    assert Counter((node.properties["note"], node.properties["size"], node.properties["zones"][0]) for node in nodes
                   if str(node.properties.get("note", "")).startswith("row ")) == Counter(
        (f"row {index}", index, f"z{index}") for values, index in given if values["own"])


def nested_of(node: MadeNode, type_: str) -> int:
    """Check the nested properties of a node, and give their number."""
    text, where = node.properties["properties"], node.properties.get("location", "")
    nested = json.loads(text)
    assert text == json.dumps(nested, ensure_ascii=False, separators=(",", ":"))
    assert nested == {"n": nested["n"], "at": [where, None, {"x": 1.5}], "ü": f'"{type_}"'}
    return nested["n"]


def tagged_row(node: MadeNode) -> str:
    """Check the tags of a node, and give the one with its row."""
    tags = json.loads(node.properties["tags"])
    assert tags["who"] == f"{node.properties.get('name', '')} in {group_of(node.properties)}"
    return tags["row"]


def check_rules(document: Mapping[str, Any], due: Mapping[str, int], made: Made) -> None:
    """Each rule makes as many as its arithmetic says, between resources of its types, none twice."""
    for rule in document["relationships"]:
        n, m = due[rule["from"]], due[rule["to"]]
        full = {"chain": max(0, n - 1), "ring": n if n > 1 else 0, "one-to-one": min(n, m),
                "many-to-one": n if m else 0, "many-to-many": n * max(0, min(2, n - 1))}[rule["how"]]
        rule["due"] = int(Fraction(str(rule["share"])) * full + Fraction(1, 2))
    ties = [(made.nodes[start[1]].type, made.nodes[end[1]].type) for start, type_, end, _ in made.relationships
            if type_ == "RULED"]
    wanted = Counter[tuple[str, str]]()
    for rule in document["relationships"]:
        wanted[rule["from"], rule["to"]] += rule["due"]
    assert Counter(ties) == +wanted


def check_labels(document: Mapping[str, Any], made: Made, view: View) -> None:
    """Labels that the file gives are added, on all resources of the type and on no others."""
    labelled = {entry["type"] for entry in document["resources"] if "labels" in entry}
    for node in made.resources:
        assert ("Special" in node.labels) == (node.type in labelled)
        others = set(node.labels) - {"Special"}
        assert others in [set(one.labels) for one in view.nodes if one.resource]


def group_of(values: Mapping[str, Any]) -> str:
    """Name the group that a resource is in, by its id or what it says."""
    in_id = re.search(r"/resourceGroups/([^/]+)", values.get("id", ""))
    return in_id[1] if in_id else values.get("resource_group", "")


def check_children(made: Made) -> None:
    """A child's id begins with its parent's where it did in the base, under whatever names."""
    for start, type_, end, _ in made.relationships:
        if type_ == "CONTAINS" and start[0] == end[0] == "operation":
            above, below = (made.nodes[number].properties for _, number in (start, end))
            source_above, source_below = (values.get("template_source_id", "") for values in (above, below))
            if below.get("type") in NEW_TYPES and "/" in above.get("id", ""):
                assert below["id"].startswith(f"{above['id']}/")
            if "id" in above and "id" in below and source_below.startswith(f"{source_above}/"):
                assert below["id"].startswith(f"{above['id']}/")


def check_places(made: Made, view: View, left_out: Mapping[str, int]) -> None:
    """A resource that is tied to a region is tied to the one that its own location names; the others are counted."""
    tied = [(made.nodes[start[1]].properties["location"], view.nodes[end[1]].properties["name"])
            for start, type_, end, _ in made.relationships if type_ == "LOCATED_IN"]
    assert all(where.lower().replace(" ", "") == name for where, name in tied)
    assert all(count > 0 for count in left_out.values())


def check_names_in_ids(made: Made, view: View) -> None:
    """An id ends with the name where that of the original does, whatever the name has become."""
    for node in made.nodes:
        original = view.nodes[view.source_ids[node.properties["template_source_id"]]].properties \
            if "template_source_id" in node.properties else {"id": "/x", "name": "x"}
        if "name" in original and original.get("id", "").endswith(f"/{original['name']}") and original["name"]:
            assert node.properties["id"].endswith(f"/{node.properties['name']}")


@settings(max_examples=15)
@given(base_graphs(), st.data())
def test_rows_are_the_same_however_they_are_cut(graph: Graph, data: st.DataObject) -> None:
    """Any range of rows can be made alone, and a second run writes the same bytes."""
    with grown_base(graph) as (base, view, out):
        document = data.draw(documents(view))
        parameters = TemplateParameters(template=template_of(document))
        growth = grow(base, parameters, operation_id=OPERATION, seed=3)
        for block in (*growth.nodes, *growth.relationships):
            cuts = sorted(data.draw(st.lists(st.integers(0, block.rows), max_size=3)))
            pieces = [block.make(low, high) for low, high in zip([0, *cuts], [*cuts, block.rows], strict=True)
                      if low < high]
            assert_frame_equal(pl.concat(pieces), block.make(0, block.rows))
        first = make_bundle(base, parameters, out / "1")
        assert files_of(first.path) == files_of(make_bundle(base, parameters, out / "2").path)
        other = made_by(make_bundle(base, parameters, out / "3", operation_id=OTHER_OPERATION))
        ids = {node.properties.get("id") for node in made_by(first).nodes} - {None}
        assert not ids & {node.properties.get("id") for node in other.nodes}, "two operations never share an id"


@given(st.integers(1, 5000), st.integers(0, 2**64))
def test_a_shuffle_is_a_bijection_with_a_way_back(size: int, seed: int) -> None:
    """Every place is taken once, and the way back leads to where it came from."""
    shuffle, numbers = Shuffle(size, seed), np.arange(size)
    assert np.array_equal(np.sort(shuffle.to(numbers)), numbers)
    assert np.array_equal(shuffle.back(shuffle.to(numbers)), numbers)


@settings(max_examples=20)
@given(any_graphs(), st.data())
def test_any_graph_gets_what_it_has_and_what_it_has_not(graph: Graph, data: st.DataObject) -> None:
    """Where labels are the types, a new type is a new label set; counts are exact and keys unique all the same."""
    with stored(graph, profile="auto") as snapshot:
        profile = infer_profile(snapshot)
        base = Base(snapshot, profile)
        known = sorted(set(base.resource_types.filter(pl.Series(base.resources))))
        entry = st.fixed_dictionaries({"count": st.integers(0, 5), "properties": st.just({"fresh": "x{{ index }}"})})
        entries = data.draw(st.dictionaries(st.sampled_from([*known, "Brand:New", "Odd"]), entry, min_size=1))
        assume(any(entry["count"] for entry in entries.values()))
        document = {"resources": [{"type": type_, "new": type_ not in known, **entry}
                                  for type_, entry in entries.items()]}
        assume(all(":" not in type_ or type_ == "Brand:New" or base.resources.any() for type_ in entries))
        parameters = TemplateParameters(template=template_of(document))
        growth = grow(base, parameters, operation_id=OPERATION, seed=1)
    made = Counter[str]()
    fresh, keys = Counter[str](), list[Any]()
    for block in growth.nodes:
        frame = block.make(0, block.rows)
        made.update(block.resource_types)
        fresh.update(frame["fresh"].drop_nulls() if "fresh" in frame.columns else [])
        keys.extend(frame[profile.id].drop_nulls() if profile.id in frame.columns else ())
        if "Brand:New" in block.resource_types:
            assert block.labels == ("Brand", "New")
    counts = {type_: entry["count"] for type_, entry in entries.items()}
    assert made == {type_: count for type_, count in counts.items() if count}
    assert fresh == sum((Counter(f"x{index}" for index in range(count)) for count in counts.values()), Counter())
    assert len(set(keys)) == len(keys)
