"""Records that are put together from pieces have the bytes of rows that are made and written one by one."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.base import Base
from synthgen.bundle import outline as outlining
from synthgen.bundle.outline import NodesOutline, outline_of
from synthgen.errors import UsageError
from synthgen.generate import grow, strategy_of
from synthgen.graph import Graph
from synthgen.inference import infer_profile
from synthgen.metadata import Stamp
from synthgen.parameters import Parameters, RandomParameters, TemplateParameters
from synthgen.profile import AZURE, Profile
from synthgen.sample import sample_tenant
from synthgen.types import ARRAY_DELIMITER
from tests.graphs import Draft, any_graphs, stored
from tests.growths import NOW, OPERATION

ASKED: list[Parameters] = [
    TemplateParameters(scale_factor=3.5), RandomParameters(count=37), TemplateParameters(target_count=3),
    TemplateParameters(scale_factor=2.0, into_tenant="new"),
]


def groups_of(graph: Graph, asked: Parameters, profile: Profile | None) -> tuple[NodesOutline, ...]:
    with stored(graph) as snapshot:
        base = Base(snapshot, profile or infer_profile(snapshot))
    growth = grow(base, asked, operation_id=OPERATION, seed=9)
    return outline_of(growth, Stamp(OPERATION, strategy_of(asked), NOW)).nodes


def by_records(group: NodesOutline, start: int, stop: int) -> tuple[bytes, int]:
    assert group.records is not None
    written = [(bytes(stretch.octets), stretch.longest) for stretch in group.written(start, stop)]
    return b"".join(octets for octets, _ in written), max((longest for _, longest in written), default=0)


def by_rows(group: NodesOutline, start: int, stop: int) -> tuple[bytes, int]:
    written = io.BytesIO()
    longest = group.layout.write(written, *group.make(start, stop))
    return written.getvalue(), longest


@settings(max_examples=60)
@given(any_graphs(), st.sampled_from(ASKED[:3]), st.data())
def test_any_graph(graph: Graph, asked: Parameters, data: st.DataObject) -> None:
    """Any values of any types, any range of rows."""
    try:
        groups = groups_of(graph, asked, None)
    except UsageError:
        return
    for group in groups:
        if group.records is not None:
            start = data.draw(st.integers(0, group.rows - 1))
            stop = data.draw(st.integers(start + 1, group.rows))
            assert by_records(group, start, stop) == by_rows(group, start, stop)


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_a_tenant(asked: Parameters, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of a tenant's nodes are written like this, in any stretches."""
    whole = [by_rows(group, 0, group.rows) for group in groups_of(sample_tenant(resources=300, seed=2), asked, AZURE)]
    for at_once in (1, 7, 100_000):
        monkeypatch.setattr(outlining, "_RECORDS_AT_ONCE", at_once)
        groups = groups_of(sample_tenant(resources=300, seed=2), asked, AZURE)
        assert [by_records(group, 0, group.rows) for group in groups] == whole


def quoting(value: object, kind: str) -> Graph:
    """Three resources that speak of each other in a property, next to ones that do not."""
    draft = Draft()
    for number in range(3):
        draft.add(["Resource"], {
            "id": f'/a/"b",\n{number}', "name": f"{number}", "type": "T", "speaks": value if number == 1 else None,
            "before": 'a "quoted", text', "size": number, "after": [] if number else ["x", ""],
        }, {"speaks": kind, "size": "INTEGER", "after": "LIST<STRING>"})
    return draft.graph()


@pytest.mark.parametrize(("value", "kind"), [
    ('see /a/"b",\n2 and /a/"b",\n0', "STRING"), (['/a/"b",\n2', "x", ""], "LIST<STRING>"), (["x"], "LIST<STRING>"),
    ([""], "LIST<STRING>"), (['/a/"b",\n2', f"x{ARRAY_DELIMITER}y"], "LIST<STRING>"),
], ids=str)
def test_what_is_quoted(value: object, kind: str) -> None:
    """Quotes, commas and line ends in ids, lists that hold ids, and lists with an element that CSV has no form for."""
    groups = groups_of(quoting(value, kind), TemplateParameters(scale_factor=4.0), AZURE)
    assert any("speaks" in group.layout.types for group in groups)
    for group in groups:
        assert by_records(group, 1, group.rows) == by_rows(group, 1, group.rows)


def test_a_property_without_a_column() -> None:
    """Its name has no form in a header: ids in it are written anew row by row."""
    draft = Draft()
    for number in range(2):
        draft.add(["Resource"], {"id": f"/a/{number}", "type": "T", "name": f"{number}", "a(b": f"/a/{1 - number}"})
    groups = groups_of(draft.graph(), TemplateParameters(scale_factor=2.0), AZURE)
    assert all(group.records is None for group in groups)


def test_a_long_record_is_told() -> None:
    """An import has to be told how long its longest row is."""
    draft = Draft()
    for number in range(2):
        draft.add(["Resource"], {"id": f"/a/{number}", "type": "T", "name": "x" * 3_000_000 * number})
    groups = groups_of(draft.graph(), TemplateParameters(scale_factor=2.0), AZURE)
    written = [by_records(group, 0, group.rows) for group in groups]
    assert written == [by_rows(group, 0, group.rows) for group in groups]
    assert max(longest for _, longest in written) > 3_000_000


def test_what_varies_is_made_row_by_row() -> None:
    """A copy that takes a property over from another node is no copy of one row."""
    asked = TemplateParameters(scale_factor=3.0, variation=1.0)
    groups = groups_of(sample_tenant(resources=300, seed=2), asked, AZURE)
    assert any(group.records is None for group in groups)
