"""Small arbitrary base graphs for property tests, and what a test needs to know of them; knows no strategy."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import strategies as st

from synthgen.base import Base
from synthgen.graph import END, LOOKUPS, START, Graph, NodeTable, RelationshipTable, SchemaItem
from synthgen.profile import AZURE, Profile
from synthgen.snapshot.read import Snapshot
from synthgen.snapshot.write import write_snapshot
from synthgen.types import polars_schema
from tests.kinds.drawing import unique
from tests.values import VALUES, texts

CREATED_AT = "2026-01-01T00:00:00+00:00"
EARLIER = "scale-20250101T000000-0000000e"
"""The operation that synthetic nodes of a base are from."""

EXTRAS: dict[str, str] = {
    "note": "STRING", "zones": "LIST<STRING>", "size": "INTEGER", "cost": "FLOAT", "on": "BOOLEAN",
    "created": "ZONED DATETIME", "blob": "BYTES", "spans": "LIST<DURATION>", "at": "POINT", "ratios": "LIST<FLOAT>",
    'odd, "name"': "STRING", "role": "STRING", "environment": "STRING",
}
"""Properties that nodes may have besides those that a profile knows; some bear names of scenario metadata."""


def extra_properties() -> st.SearchStrategy[dict[str, Any]]:
    """Properties of `EXTRAS`; mostly few of them."""
    return st.dictionaries(st.sampled_from(sorted(EXTRAS)), st.just(None), max_size=3).flatmap(
        lambda chosen: st.fixed_dictionaries({name: VALUES[EXTRAS[name]] for name in sorted(chosen)}))


# ——— drafts ———


@dataclass
class Node:
    """A node to be; `types` are those of its properties."""

    labels: tuple[str, ...]
    properties: dict[str, Any]
    types: dict[str, str] = field(default_factory=dict)


@dataclass
class Draft:
    """A graph to be: nodes in order, and relationships as (start, type, end, properties) over their positions."""

    nodes: list[Node] = field(default_factory=list)
    relationships: list[tuple[int, str, int, dict[str, Any]]] = field(default_factory=list)
    schema: list[SchemaItem] = field(default_factory=lambda: list(LOOKUPS))

    def add(self, labels: Sequence[str], properties: Mapping[str, Any], types: Mapping[str, str] | None = None) -> int:
        """Add a node; properties that are None are absent. Gives its position."""
        present = {name: value for name, value in properties.items() if value is not None}
        kinds = {name: (types or {}).get(name) or EXTRAS.get(name, "STRING") for name in present}
        self.nodes.append(Node(tuple(sorted(labels)), present, kinds))
        return len(self.nodes) - 1

    def tie(self, start: int, type_: str, end: int, properties: Mapping[str, Any] | None = None) -> None:
        """Add a relationship."""
        self.relationships.append((start, type_, end, dict(properties or {})))

    def graph(self, *, sparse: bool = False) -> Graph:
        """Make tables: one per label set and property types, or with `sparse` as few as the types allow, with nulls."""
        tables: list[tuple[tuple[str, ...], dict[str, str], list[int]]] = []
        for position, node in enumerate(self.nodes):
            for labels, types, members in tables:
                fits = types == node.types or (sparse and all(types.get(n, k) == k for n, k in node.types.items()))
                if labels == node.labels and fits:
                    types.update(node.types)
                    members.append(position)
                    break
            else:
                tables.append((node.labels, dict(node.types), [position]))
        numbers = {position: number for number, position in
                   enumerate(position for _, _, members in tables for position in members)}
        nodes = [NodeTable(labels, dict(sorted(types.items())),
                           frame_of([self.nodes[position].properties for position in members], types))
                 for labels, types, members in tables]
        return Graph(nodes, self._relationship_tables(numbers), self.schema)

    def _relationship_tables(self, numbers: Mapping[int, int]) -> list[RelationshipTable]:
        grouped: dict[tuple[str, tuple[str, ...]], list[dict[str, Any]]] = {}
        for start, type_, end, properties in self.relationships:
            row = {START: numbers[start], END: numbers[end], **properties}
            grouped.setdefault((type_, tuple(sorted(properties))), []).append(row)
        tables = []
        for (type_, names), rows in grouped.items():
            types = {name: EXTRAS[name] for name in names}
            frame = pl.DataFrame(rows, schema={START: pl.Int64, END: pl.Int64, **polars_schema(types)}, orient="row")
            tables.append(RelationshipTable(type_, types, frame))
        return tables


def frame_of(rows: Sequence[Mapping[str, Any]], types: Mapping[str, str]) -> pl.DataFrame:
    """Make a frame of these rows with the types' dtypes, sorted by name; missing values are null."""
    if not types:
        return pl.DataFrame(height=len(rows))
    return pl.DataFrame({name: pl.Series([row.get(name) for row in rows], dtype=dtype)
                         for name, dtype in sorted(polars_schema(types).items())})


# ——— Azure-like graphs ———

RESOURCE_TYPES = ("Microsoft.Compute/virtualMachines", "Microsoft.Network/virtualNetworks", "Microsoft.Storage/disks",
                  "Odd/ty\"pe, 'x'")
SUBNET = "Microsoft.Network/virtualNetworks/subnets"
TENANT = "11111111-1111-4111-8111-111111111111"
OTHER_TENANT = "22222222-2222-4222-8222-222222222222"


@st.composite
def base_drafts(draw: st.DrawFn, *, most: int = 10) -> Draft:
    """Azure-like graphs with everything that a real one may hold; at least one real resource."""
    draft = Draft()
    tenants = [draft.add(["Tenant"], {"id": id_}) for id_ in (TENANT, OTHER_TENANT)[: draw(st.integers(1, 2))]]
    subscriptions = [draft.add(["Subscription"], {"id": f"/subscriptions/s{i}", "name": f"sub {i}"})
                     for i in range(draw(st.integers(1, 2)))]
    regions = [draft.add(["Region"], {"id": f"region/{name}", "name": name})
               for name in ("eastus", "westeurope")[: draw(st.integers(0, 2))]]
    tags = [draft.add(["Tag"], {"name": f"tag{i}", "value": draw(texts)}) for i in range(draw(st.integers(0, 2)))]
    for position, subscription in enumerate(subscriptions):
        draft.tie(tenants[position % len(tenants)], "CONTAINS", subscription)
    groups = _groups(draw, draft, subscriptions)
    resources = _resources(draw, draft, groups, most)
    for resource in resources:
        if regions and draw(st.booleans()):
            draft.tie(resource, "LOCATED_IN", draw(st.sampled_from(regions)))
        if tags and draw(st.integers(0, 3)) == 0:
            draft.tie(resource, "TAGGED_WITH", draw(st.sampled_from(tags)), draw(_relationship_properties()))
    for number in range(draw(st.integers(0, 2))):
        original = draft.add(["Original", "Resource"], {"id": f"/original/{number}", "type": RESOURCE_TYPES[0]})
        draft.tie(draw(st.sampled_from(resources)), "SCAN_SOURCE_NODE", original)
    _wild(draw, draft, resources)
    if draw(st.booleans()):
        draft.schema.append(unique("Resource", "id"))
    return draft


def _groups(draw: st.DrawFn, draft: Draft, subscriptions: Sequence[int]) -> list[int]:
    groups = []
    for number in range(draw(st.integers(0, 3))):
        owner = draw(st.integers(0, len(subscriptions) - 1))
        name = f"rg{number}"
        group = draft.add(["ResourceGroup"], {"id": f"/subscriptions/s{owner}/resourceGroups/{name}", "name": name,
                                              **(draw(extra_properties()) if number == 0 else {})})
        draft.tie(subscriptions[owner], "CONTAINS", group)
        groups.append(group)
    return groups


def _resources(  # noqa: C901  # one branch for each kind of oddity
    draw: st.DrawFn, draft: Draft, groups: Sequence[int], most: int
) -> list[int]:
    resources: list[int] = []
    networks: list[int] = []
    kinds = draw(st.lists(st.sampled_from(("plain", "plain", "network", "guid", "nested", "bare", "synthetic")),
                          min_size=1, max_size=most))
    for number, kind in enumerate(["plain", *kinds]):
        group = draw(st.sampled_from([None, *groups]))
        type_ = draw(st.sampled_from(RESOURCE_TYPES)) if kind == "plain" else RESOURCE_TYPES[1]
        name = f"r{number}" + (draw(texts) if kind == "plain" else "").replace("/", "")
        properties: dict[str, Any] = {"name": name, "type": type_, **draw(extra_properties())}
        if group is not None:
            above = draft.nodes[group].properties
            properties |= {"resource_group": draw(st.sampled_from((above["name"], above["name"].upper(), "elsewhere"))),
                           "id": f"{above['id']}/providers/{type_}/{name}"}
        else:
            properties["id"] = f"/providers/{type_}/{name}"
        if kind == "guid":
            properties["id"] = f"{number:08x}-0000-4000-8000-{draw(st.integers(0, 2**32)):012x}"
        elif kind == "bare":  # nothing of what a resource usually has
            properties = draw(st.sampled_from(({}, {"name": name}, {"type": type_}, {"note": "n"})))
        elif kind == "nested" and networks:
            parent = draw(st.sampled_from(networks))
            properties |= {"id": f"{draft.nodes[parent].properties['id']}/subnets/{name}", "type": SUBNET}
        elif kind == "synthetic":
            properties |= {"synthetic": True, "scale_operation_id": EARLIER, "generation_strategy": "template"}
        if draw(st.integers(0, 5)) == 0:
            properties["tenant_id"] = TENANT
        resource = draft.add(["Resource", *(["Extra"] if draw(st.integers(0, 5)) == 0 else [])], properties,
                             {"synthetic": "BOOLEAN"})
        if kind == "network":
            networks.append(resource)
        if kind == "nested" and networks:
            draft.tie(parent, "CONTAINS", resource)
            if group is not None and draw(st.booleans()):
                draft.tie(group, "CONTAINS", resource)
        elif group is not None:
            draft.tie(group, "CONTAINS", resource)
        resources.append(resource)
    return resources


def _relationship_properties() -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(st.just({}), st.fixed_dictionaries({"cost": VALUES["FLOAT"], "note": texts}),
                     st.fixed_dictionaries({"zones": VALUES["LIST<STRING>"]}))


def _wild(draw: st.DrawFn, draft: Draft, resources: Sequence[int]) -> None:
    """Tie resources at random, also to themselves and twice; and now and then anything to anything."""
    anything = st.integers(0, len(draft.nodes) - 1)
    for _ in range(draw(st.integers(0, 6))):
        start, end = draw(st.sampled_from(resources)), draw(st.sampled_from(resources))
        type_ = draw(st.sampled_from(("USES", "DEPENDS ON `x`")))
        properties = draw(_relationship_properties())
        for _ in range(draw(st.integers(1, 2))):
            draft.tie(start, type_, end, properties)
    for _ in range(draw(st.integers(0, 2))):
        draft.tie(draw(anything), "WILD", draw(anything))


def base_graphs(*, most: int = 10) -> st.SearchStrategy[Graph]:
    """Azure-like graphs; see `base_drafts`."""
    return st.builds(lambda draft, sparse: draft.graph(sparse=sparse), base_drafts(most=most), st.booleans())


# ——— any graphs ———


@st.composite
def any_graphs(draw: st.DrawFn) -> Graph:
    """Graphs of no known kind: label sets incl. none, ids as text or numbers or none, any relationship types."""
    draft = Draft()
    label_sets = draw(st.lists(st.sets(st.sampled_from(("Film", "Person", "Genre", "Par:t `x`")), max_size=2),
                               min_size=1, max_size=3))
    number = 0
    for labels in label_sets:
        key = draw(st.sampled_from(("id", "uuid", "code", None)))
        kind = draw(st.sampled_from(("STRING", "INTEGER")))
        for _ in range(draw(st.integers(1, 4))):
            number += 1
            properties = draw(extra_properties())
            if key is not None:
                properties[key] = number if kind == "INTEGER" else f"k/{number}" if number % 2 else f"k{number}"
            if draw(st.booleans()):
                properties["title"] = draw(texts)
            draft.add(sorted(labels), properties, {key: kind} if key else None)
    anything = st.integers(0, len(draft.nodes) - 1)
    for _ in range(draw(st.integers(0, 12))):
        draft.tie(draw(anything), draw(st.sampled_from(("ACTED_IN", "HAS", "of"))), draw(anything),
                  draw(_relationship_properties()))
    return draft.graph(sparse=draw(st.booleans()))


# ——— on disk and back ———


@contextmanager
def stored(graph: Graph, *, profile: Any = "azure") -> Iterator[Snapshot]:
    """Write a graph as a snapshot in a folder that is there for the block."""
    with tempfile.TemporaryDirectory() as folder:
        yield write_snapshot(graph, Path(folder) / "base", created_at=CREATED_AT, source={}, profile=profile)


def base_of(graph: Graph, profile: Profile = AZURE) -> Base:
    """Make a graph a base, through a snapshot that is gone afterwards; its node digests are not there any more."""
    with stored(graph) as snapshot:
        return Base(snapshot, profile)
