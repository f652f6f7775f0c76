"""`--variation` and `--rewire`: what may differ from the base, and what stays as it is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.base import Base
from synthgen.errors import UsageError
from synthgen.generate import grow
from synthgen.graph import END, START, Graph
from synthgen.growth import Growth
from synthgen.parameters import RandomParameters, TemplateParameters
from synthgen.profile import Profile
from tests.graphs import Draft, base_graphs
from tests.growths import OPERATION, grown_base, identities, rows_of
from tests.kinds.parts import bill_of_materials
from tests.property.test_kinds import based

shares = st.sampled_from((0.0, 0.01, 0.5, 1.0))
OWN = {"id", "name", "location", "resource_group", "type", "tenant_id", "template_source_id"}


def made(growth: Growth) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    return [(block.labels, {name: value for name, value in row.items() if value is not None})
            for block in growth.nodes for row in rows_of(block.make(0, block.rows))]


@settings(max_examples=60)
@given(graph=base_graphs(), share=shares, data=st.data())
def test_every_varied_value_is_one_that_the_base_shows(graph: Graph, share: float, data: st.DataObject) -> None:
    """With the same labels and the same type; what names a node or says where it is stays its own."""
    parameters = data.draw(st.sampled_from((TemplateParameters(scale_factor=3), RandomParameters(count=9))))
    with grown_base(graph) as (base, view, _):
        plain = made(grow(base, parameters, operation_id=OPERATION, seed=3))
        varied = made(grow(base, replace(parameters, variation=share), operation_id=OPERATION, seed=3))
        again = grow(base, replace(parameters, variation=share), operation_id=OPERATION, seed=3)
    assert repr(made(again)) == repr(varied)  # as text, for NaN is not equal to itself
    shown = {(node.labels, node.type, name, repr(value)) for node in view.nodes
             for name, value in node.properties.items()}
    assert len(varied) == len(plain)
    for (labels, before), (same, after) in zip(plain, varied, strict=True):
        assert labels == same
        for name in before.keys() | after.keys():
            if name in OWN or repr(before.get(name)) == repr(after.get(name)):
                assert repr(before.get(name)) == repr(after.get(name))
            elif name in after:
                type_ = after.get("type", ":".join(labels))
                assert share > 0
                assert (labels, type_, name, repr(after[name])) in shown


def test_how_much_varies_is_what_was_asked_for() -> None:
    """About that share comes from another node; frequencies stay, and what depends on each other goes together."""
    draft = Draft()
    for number in range(600):
        colour = ("red", "green", "blue")[number * number % 3]
        draft.add(["Thing"], {"id": f"T-{number:04}", "colour": colour, "paint": f"{colour}-{number % 2}",
                              "serial": f"s{number}"})
    profile = Profile(name="things", resource_labels=("Thing",), id="id")
    base_rows = {node.properties["serial"]: node.properties for node in draft.nodes}
    with grown_base(draft.graph(), profile) as (base, _, _):
        rows = [row for _, row in made(grow(base, TemplateParameters(scale_factor=11, variation=0.5),
                                            operation_id=OPERATION, seed=1))]
    assert all(row["paint"].startswith(row["colour"]) for row in rows)
    moved = sum(base_rows[row["serial"]]["paint"] != row["paint"] for row in rows) / len(rows)
    assert 0.25 < moved < 0.6
    of_base = Counter(row["paint"] for row in base_rows.values())
    for paint, count in Counter(row["paint"] for row in rows).items():
        assert count / len(rows) == pytest.approx(of_base[paint] / 600, abs=0.03)


def degrees(growth: Growth, side: str) -> Counter[tuple[str, tuple[str, ...], str, int]]:
    """Count relationships by type, labels of both ends and the node at one end."""
    found: Counter[Any] = Counter()
    for block in growth.relationships:
        for number in block.make(0, block.rows)[side]:
            found[block.type, block.start_labels, block.end_labels, number] += 1
    return found


@settings(max_examples=60)
@given(graph=base_graphs(), share=shares, factor=st.sampled_from((2, 4)))
def test_rewiring_keeps_every_degree(graph: Graph, share: float, factor: int) -> None:
    """Of every node, per pattern and direction; nodes and their properties are those without it."""
    with grown_base(graph) as (base, view, _):
        plain = grow(base, TemplateParameters(scale_factor=factor), operation_id=OPERATION, seed=3)
        rewired = grow(base, TemplateParameters(scale_factor=factor, rewire=share), operation_id=OPERATION, seed=3)
        assert repr(made(rewired)) == repr(made(plain))
        assert degrees(rewired, START) == degrees(plain, START)
        assert degrees(rewired, END) == degrees(plain, END)
        assert _of_type(identities(rewired)[1], "CONTAINS") == _of_type(identities(plain)[1], "CONTAINS")
        known = {(view.nodes[start].type, name, view.nodes[end].type) for start, name, end in view.relationships}
        assert patterns(base, rewired) <= known


@settings(max_examples=30)
@given(said=st.lists(st.booleans(), min_size=2, max_size=20))
def test_rewiring_leaves_what_properties_say(said: list[bool]) -> None:
    """Machines that name their region in a property stay there; the others may move."""
    draft = Draft()
    regions = [draft.add(["Region"], {"id": f"region/{name}", "name": name}) for name in ("eastus", "westeurope")]
    for number, says in enumerate(said):
        machine = draft.add(["Resource"], {"id": f"/machines/{number}", "type": "machine", "name": f"m{number}",
                                           "location": ("eastus", "westeurope")[number % 2] if says else None})
        draft.tie(machine, "LOCATED_IN", regions[number % 2])
    with grown_base(draft.graph(sparse=True)) as (base, _, _):
        plain, rewired = (identities(grow(base, TemplateParameters(scale_factor=2, rewire=share),
                                          operation_id=OPERATION, seed=3))[1] for share in (0.0, 1.0))
    assert not [text for text in plain - rewired if "'location'" in text]


def _of_type(ties: Counter[str], type_: str) -> dict[str, int]:
    return {text: count for text, count in ties.items() if text.startswith(f"('{type_}'")}


def patterns(base: Base, growth: Growth) -> set[tuple[str, str, str]]:
    """Give (type of the start, relationship type, type of the end) of everything that was made."""
    types = [row.get("type", ":".join(labels)) for labels, row in made(growth)]
    of_base = base.resource_types.to_list()
    return {((types if block.start_space == "operation" else of_base)[row[START]], block.type,
             (types if block.end_space == "operation" else of_base)[row[END]])
            for block in growth.relationships for row in rows_of(block.make(0, block.rows))}


def test_rewiring_swaps_the_share_asked_for() -> None:
    """On a bill of materials: about half the relationships, without loops and without twins that the base has not."""
    base = based(bill_of_materials)
    plain, rewired = (grow(base, TemplateParameters(scale_factor=3, rewire=share), operation_id=OPERATION, seed=3)
                      for share in (0.0, 0.5))
    before, after = (_pairs(growth, "SUPPLIED_BY") for growth in (plain, rewired))
    assert len(before) == len(after)
    assert 0.4 < len(after - before) / len(after) < 0.6
    parts_before, parts_after = (_pairs(growth, "CONTAINS_PART") for growth in (plain, rewired))
    assert 0.4 < len(parts_after - parts_before) / len(parts_after) < 0.6
    assert all(start != end for start, end in parts_after)


def _pairs(growth: Growth, type_: str) -> set[tuple[int, int]]:
    frames = [block.make(0, block.rows).select(START, END) for block in growth.relationships if block.type == type_]
    rows = pl.concat(frames).rows()
    assert len(set(rows)) == len(rows)
    return set(rows)


@pytest.mark.parametrize("wrong", [{"variation": -0.1}, {"variation": 1.5}, {"rewire": 2.0}, {"rewire": float("nan")}])
def test_shares_outside_0_to_1_are_refused(wrong: dict[str, float]) -> None:
    """By name."""
    with pytest.raises(UsageError, match=f"--{next(iter(wrong))}"):
        grow(based(bill_of_materials), TemplateParameters(scale_factor=3, **wrong), operation_id=OPERATION, seed=3)
