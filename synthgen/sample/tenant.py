"""Puts a made-up Azure tenant together: node tables, relationships, schema; pure, knows no files and no clock."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from synthgen.errors import UsageError
from synthgen.graph import END, LOOKUPS, START, Graph, NodeTable, RelationshipTable, SchemaItem
from synthgen.sample.catalogue import counts_by_type, directory, scaled
from synthgen.sample.columns import chosen, kept, some
from synthgen.sample.resources import NONE, Places, describe_resources, place_resources
from synthgen.sample.surroundings import Surroundings, make_surroundings
from synthgen.seeding import I64, derive_seed, permute, pick, token
from synthgen.types import TYPES

ABSTRACTED = ("Resource",)
ORIGINAL = ("Original", "Resource")

# What a scan writes of a resource before anything is made of it.
_SCANNED = ["id", "name", "type", "location", "resource_group", "subscription_id", "properties", "tags"]
_SCANS = 5
_TAGGED_PERCENT = 35
_TYPE_OF_DTYPE = {TYPES[name].dtype: name for name in ("BOOLEAN", "INTEGER", "FLOAT", "STRING", "LIST<STRING>")}
_ZONED = "created_at"
_UNIQUE = {"Tenant": "id", "Subscription": "id", "ResourceGroup": "id", "Region": "name", "Tag": "id"}
_INDEXED = (("Resource", "type"), ("Resource", "id"))


def _schema() -> tuple[SchemaItem, ...]:
    unique = (
        SchemaItem(
            "constraint", "NODE_PROPERTY_UNIQUENESS", name := f"{label.lower()}_{key}",
            f"CREATE CONSTRAINT {name} IF NOT EXISTS FOR (n:{label}) REQUIRE n.{key} IS UNIQUE",
            labels=(label,), properties=(key,),
        )
        for label, key in _UNIQUE.items()
    )
    # Not unique: an original has the id of its resource, and both are `:Resource`.
    indexed = (
        SchemaItem(
            "index", "RANGE", name := f"{label.lower()}_{key}",
            f"CREATE INDEX {name} IF NOT EXISTS FOR (n:{label}) ON (n.{key})",
            labels=(label,), properties=(key,),
        )
        for label, key in _INDEXED
    )
    return (*unique, *indexed, *LOOKUPS)


def _node_table(labels: tuple[str, ...], frame: pl.DataFrame) -> NodeTable:
    names = sorted(frame.columns)
    types = {name: "ZONED DATETIME" if name == _ZONED else _TYPE_OF_DTYPE[frame.schema[name]] for name in names}
    return NodeTable(labels, types, frame.select(names))


def _relationships(type_: str, start: I64, end: I64) -> RelationshipTable:
    return RelationshipTable(type_, {}, pl.DataFrame({START: start, END: end}))


def _sample_rows(size: int, count: int, seed: int) -> I64:
    """Choose `count` of `size` rows, in order."""
    return np.sort(permute(np.arange(count, dtype=np.int64), seed, size))


def _tags_of(frame: pl.DataFrame, tag_nodes: pl.DataFrame, tagged: I64, seed: int) -> tuple[pl.Series, I64]:
    """Give the resources' `tags` and the tag node that each `tagged` row is tied to; the two agree."""
    rows = np.arange(len(frame), dtype=np.int64)
    tag = pick(rows, derive_seed(seed, "tag"), len(tag_nodes))
    written = tag_nodes.select('{"' + pl.col("key") + '":"' + pl.col("value") + '"').to_series().gather(tag)
    managed = chosen(rows, derive_seed(seed, "managed"), directory()["tags"]["managed_by"])
    more = kept(',"managed-by":"' + managed + '"}', some(rows, derive_seed(seed, "more"), 50)).fill_null("}")
    is_tagged = some(rows, derive_seed(seed, "tagged"), _TAGGED_PERCENT)
    is_tagged[tagged] = True
    return kept(written + more, is_tagged).alias("tags"), tag[tagged]


def _contains(first: Mapping[str, int], places: Places, around: Surroundings) -> RelationshipTable:
    resources = np.arange(len(places.group), dtype=np.int64) + first["Resource"]
    groups = np.arange(len(around.subscription_of_group), dtype=np.int64) + first["ResourceGroup"]
    subscriptions = np.arange(len(around.frames["Subscription"]), dtype=np.int64) + first["Subscription"]
    groups_of_resources = places.group + first["ResourceGroup"]
    container = np.where(places.parent == NONE, groups_of_resources, places.parent + first["Resource"])
    return _relationships(
        "CONTAINS",
        np.concatenate(
            [
                np.full(len(subscriptions), first["Tenant"], np.int64),
                around.subscription_of_group + first["Subscription"],
                container,
            ]
        ),
        np.concatenate([subscriptions, groups, resources]),
    )


def sample_tenant(*, resources: int = 4092, seed: int = 1) -> Graph:
    """Make up an Azure tenant in the shape of a reported one.

    With the defaults its counts are exactly the report's: 7,341 nodes, of which 4,092 `:Resource` without `:Original`,
    2,216 `:Original:Resource` and 1,033 others, and 6,825 relationships. Other sizes keep the proportions.

    Args:
        resources: Nodes `:Resource` without `:Original`, exactly; at least 1.
        seed: The same arguments give the same tenant, another seed gives another one of the same counts.

    Returns:
        One node table per label set, one relationship table per type, empty ones left out. Resources stand type by
        type. An `:Original:Resource` has the id of a resource; ids of resources without `:Original` are unique.

    Raises:
        UsageError: `resources` is below 1.
    """
    if resources < 1:
        raise UsageError(
            f"a tenant of {resources} resources cannot be made", hint="ask for at least 1", resources=resources
        )
    layers = {name: scaled(count, resources) for name, count in directory()["layers"].items()}
    around = make_surroundings(resources, seed)
    places = place_resources(counts_by_type(resources), around, seed)
    frame = describe_resources(places, around, seed)

    tagged = _sample_rows(resources, layers["tagged_with"], derive_seed(seed, "TAGGED_WITH"))
    tags, tag_of_tagged = _tags_of(frame, around.frames["Tag"], tagged, seed)
    frame = frame.with_columns(tags)

    scanned = _sample_rows(resources, layers["original"], derive_seed(seed, "original"))
    scans = [f"scan-{token(seed, 'scan', number, length=12)}" for number in range(_SCANS)]
    originals = frame.select(_SCANNED)[scanned].with_columns(
        chosen(scanned, derive_seed(seed, "scan"), scans).alias("scan_id")
    )
    tied = _sample_rows(len(scanned), layers["scan_source_node"], derive_seed(seed, "SCAN_SOURCE_NODE"))
    in_region = np.flatnonzero(places.region != NONE)
    located = in_region[_sample_rows(len(in_region), layers["located_in"], derive_seed(seed, "LOCATED_IN"))]

    nodes = [_node_table((label,), found) for label, found in around.frames.items()]
    nodes += [_node_table(ABSTRACTED, frame), _node_table(ORIGINAL, originals)]
    starts = np.cumsum([0, *(table.frame.height for table in nodes)]).tolist()
    first = {":".join(table.labels): start for table, start in zip(nodes, starts, strict=False)}
    resource, original = first["Resource"], first["Original:Resource"]
    relationships = (
        _contains(first, places, around),
        _relationships("LOCATED_IN", resource + located, first["Region"] + places.region[located]),
        _relationships("SCAN_SOURCE_NODE", resource + scanned[tied], original + tied),
        _relationships("TAGGED_WITH", resource + tagged, first["Tag"] + tag_of_tagged),
    )
    return Graph(
        tuple(table for table in nodes if table.frame.height),
        tuple(table for table in relationships if table.frame.height),
        _schema(),
    )
