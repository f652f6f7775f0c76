"""The sample tenant: counts as reported, everything in it fits together, and it repeats."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from synthgen.errors import UsageError
from synthgen.graph import END, LOOKUPS, START, Graph
from synthgen.sample import sample_tenant
from synthgen.sample.catalogue import BASE_RESOURCES, catalogue, counts_by_type, scaled
from synthgen.types import polars_schema

ABSTRACTED = ("Resource",)
ORIGINAL = ("Original", "Resource")

# The report's "Before" table; then After less Growth of its "Top 30".
REPORTED_TYPES = {
    "Microsoft.Network/virtualNetworks": 616,
    "Microsoft.Network/networkInterfaces": 342,
    "Microsoft.ManagedIdentity/userAssignedIdentities": 226,
    "Microsoft.Network/networkSecurityGroups": 224,
    "Microsoft.Network/subnets": 212,
    "Microsoft.Compute/disks": 204,
    "Microsoft.Storage/storageAccounts": 182,
    "Microsoft.Network/publicIPAddresses": 162,
    "Microsoft.KeyVault/vaults": 156,
    "Microsoft.Compute/virtualMachines": 154,
    "Microsoft.Network/privateEndpoints": 781 - 639,
    "Microsoft.Insights/dataCollectionRules": 517 - 423,
    "Microsoft.App/containerApps": 407 - 333,
    "Microsoft.OperationalInsights/workspaces": 374 - 306,
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": 319 - 261,
    "Microsoft.Network/bastionHosts": 308 - 252,
    "microsoft.alertsmanagement/smartDetectorAlertRules": 308 - 252,
    "Microsoft.Compute/virtualMachineScaleSets": 286 - 234,
    "Microsoft.ContainerService/managedClusters": 286 - 234,
    "Microsoft.CognitiveServices/accounts": 275 - 225,
    "Microsoft.ContainerRegistry/registries": 264 - 216,
    "Microsoft.Compute/virtualMachines/extensions": 253 - 207,
    "Microsoft.Insights/components": 231 - 189,
    "Microsoft.Compute/virtualMachines/runCommands": 231 - 189,
    "Microsoft.EventHub/namespaces": 231 - 189,
    "Microsoft.Compute/snapshots": 187 - 153,
    "Microsoft.Network/privateDnsZones": 176 - 144,
    "Microsoft.Insights/metricalerts": 154 - 126,
    "Microsoft.Insights/actiongroups": 143 - 117,
    "Microsoft.Automation/automationAccounts/runbooks": 143 - 117,
}
SIZES = (1, 10, 50, 107, 1000, BASE_RESOURCES)


@cache
def tenant(resources: int = BASE_RESOURCES, seed: int = 1) -> Graph:
    return sample_tenant(resources=resources, seed=seed)


def nodes(graph: Graph, *labels: str) -> pl.DataFrame:
    return next((table.frame for table in graph.nodes if table.labels == labels), pl.DataFrame())


def numbered(graph: Graph, *labels: str) -> pl.DataFrame:
    """A label set's nodes with their numbers as `number`."""
    first = 0
    for table in graph.nodes:
        if table.labels == labels:
            return table.frame.with_row_index("number", offset=first).with_columns(pl.col("number").cast(pl.Int64))
        first += table.frame.height
    raise KeyError(labels)


def relationships(graph: Graph, type_: str) -> pl.DataFrame:
    empty = pl.DataFrame(schema={START: pl.Int64, END: pl.Int64})
    return next((table.frame for table in graph.relationships if table.type == type_), empty)


def label_of_numbers(graph: Graph) -> np.ndarray:
    return np.concatenate([np.full(table.frame.height, ":".join(table.labels)) for table in graph.nodes])


def label_pairs(graph: Graph, type_: str) -> set[tuple[str, str]]:
    label, ends = label_of_numbers(graph), relationships(graph, type_)
    return set(zip(label[ends[START].to_numpy()].tolist(), label[ends[END].to_numpy()].tolist(), strict=True))


def containers(graph: Graph) -> pl.DataFrame:
    """Each contained resource as `id`, `type`, `resource_group`, with its container's `container_id` and `is_child`."""
    groups = numbered(graph, "ResourceGroup").select("number", container_id="id", is_child=pl.lit(value=False))
    resources = numbered(graph, *ABSTRACTED)
    parents = resources.select("number", container_id="id", is_child=pl.lit(value=True))
    return (
        relationships(graph, "CONTAINS")
        .join(resources, left_on=END, right_on="number")
        .join(pl.concat([groups, parents]), left_on=START, right_on="number")
    )


def quoted_ids(frame: pl.DataFrame) -> set[str]:
    quoted = frame["properties"].str.extract_all(r'"/subscriptions/[^"]*"').explode(keep_nulls=False)
    return set(quoted.drop_nulls().str.strip_chars('"').to_list())


def equal(left: Graph, right: Graph) -> bool:
    return (
        left.schema == right.schema
        and [(t.labels, t.types) for t in left.nodes] == [(t.labels, t.types) for t in right.nodes]
        and [(t.type, t.types) for t in left.relationships] == [(t.type, t.types) for t in right.relationships]
        and all(a.frame.equals(b.frame) for a, b in zip(left.nodes, right.nodes, strict=True))
        and all(a.frame.equals(b.frame) for a, b in zip(left.relationships, right.relationships, strict=True))
    )


def test_node_counts_are_the_reports() -> None:
    """By default there are 7,341 nodes: 4,092 resources, 2,216 originals and 1,033 others."""
    counts = {":".join(table.labels): table.frame.height for table in tenant().nodes}
    resources, originals = counts.pop("Resource"), counts.pop("Original:Resource")
    assert (resources, originals, sum(counts.values())) == (4092, 2216, 1033)
    assert set(counts) == {
        "Tenant",
        "Subscription",
        "ResourceGroup",
        "Region",
        "Tag",
        "User",
        "ServicePrincipal",
        "Group",
        "RoleDefinition",
    }


def test_relationship_counts_are_the_reports() -> None:
    """By default there are 6,825 relationships of exactly four types, none with properties."""
    counts = {table.type: table.frame.height for table in tenant().relationships}
    assert counts == {"CONTAINS": 4431, "LOCATED_IN": 2144, "SCAN_SOURCE_NODE": 202, "TAGGED_WITH": 48}
    assert all(table.frame.columns == [START, END] and not table.types for table in tenant().relationships)


def test_type_counts_are_the_reports() -> None:
    """Every type that the report lists has its count from before; no other reaches the report's last."""
    counts = dict(nodes(tenant(), *ABSTRACTED).group_by("type").len().iter_rows())
    assert {type_: counts.pop(type_) for type_ in REPORTED_TYPES} == REPORTED_TYPES
    assert max(counts.values()) < min(REPORTED_TYPES.values())
    assert len(counts) + len(REPORTED_TYPES) >= 90


@pytest.mark.parametrize("resources", SIZES)
def test_frames_hold_what_their_types_say(resources: int) -> None:
    """Labels are sorted, types are sorted by name, and each column has the dtype of its type and a value."""
    for table in tenant(resources).nodes:
        assert list(table.labels) == sorted(table.labels)
        assert list(table.types) == sorted(table.types)
        assert dict(table.frame.schema) == polars_schema(dict(table.types))
        assert table.frame.height


def test_traits_are_there_and_not_everywhere() -> None:
    """Optional properties are on some resources, and zones, sizes and costs only where they make sense."""
    frame = nodes(tenant(), *ABSTRACTED)
    for name in ("sku", "size", "cost", "zones", "tags", "created_at"):
        assert 0 < frame[name].null_count() < frame.height, name
    assert set(frame.filter(pl.col("zones").is_not_null())["type"]) <= {
        "Microsoft.Compute/virtualMachines",
        "Microsoft.Compute/virtualMachineScaleSets",
        "Microsoft.Compute/disks",
        "Microsoft.Network/publicIPAddresses",
    }
    disks = frame.filter(pl.col("size").is_not_null())
    assert disks["properties"].str.json_path_match("$.diskSizeGB").to_list() == disks["size"].cast(pl.String).to_list()
    assert "tenant_id" not in frame.columns


@pytest.mark.parametrize("resources", SIZES)
def test_every_end_is_a_node_of_the_right_label(resources: int) -> None:
    """Relationships end on nodes that exist, and each type joins only the labels that it is for."""
    graph = tenant(resources)
    total = sum(table.frame.height for table in graph.nodes)
    for table in graph.relationships:
        assert table.frame.select(pl.all_horizontal(pl.col(START, END).is_between(0, total - 1)).all()).item()
        assert table.frame.is_duplicated().sum() == 0
    expected = {("Tenant", "Subscription"), ("Subscription", "ResourceGroup"), ("ResourceGroup", "Resource")}
    assert label_pairs(graph, "CONTAINS") - {("Resource", "Resource")} == expected
    assert label_pairs(graph, "LOCATED_IN") <= {("Resource", "Region")}
    assert label_pairs(graph, "SCAN_SOURCE_NODE") <= {("Resource", "Original:Resource")}
    assert label_pairs(graph, "TAGGED_WITH") <= {("Resource", "Tag")}


@pytest.mark.parametrize("resources", SIZES)
def test_everything_contained_is_contained_once(resources: int) -> None:
    """Each resource, resource group and subscription is contained exactly once, and nothing else is."""
    graph = tenant(resources)
    label = label_of_numbers(graph)
    contained = np.flatnonzero(np.isin(label, ["Subscription", "ResourceGroup", "Resource"]))
    assert sorted(relationships(graph, "CONTAINS")[END].to_list()) == contained.tolist()


@pytest.mark.parametrize("resources", SIZES)
def test_an_id_begins_with_its_containers_id(resources: int) -> None:
    """An id goes on from the parent's, the resource group's or the subscription's, with the type and the name."""
    graph = tenant(resources)
    found = containers(graph)
    segment = pl.col("type").str.split("/").list.last()
    path = pl.when("is_child").then("/" + segment).otherwise("/providers/" + pl.col("type"))
    assert_frame_equal(
        found.select("id"),
        found.select(id=pl.col("container_id") + path + "/" + pl.col("name")),
    )
    assert set(found.filter("is_child")["type"]) <= {kind.type for kind in catalogue().kinds.values() if kind.parent}
    groups = nodes(graph, "ResourceGroup")
    expected = "/subscriptions/" + groups["subscription_id"] + "/resourceGroups/" + groups["name"]
    assert groups["id"].to_list() == expected.to_list()


@pytest.mark.parametrize("resources", SIZES)
def test_a_resource_says_its_group_and_subscription(resources: int) -> None:
    """`resource_group` and `subscription_id` are those of the id, and these exist."""
    graph = tenant(resources)
    frame = nodes(graph, *ABSTRACTED)
    prefix = "/subscriptions/" + pl.col("subscription_id") + "/resourceGroups/" + pl.col("resource_group")
    group_ids = frame.select(prefix).to_series()
    assert frame.select(pl.col("id").str.starts_with(prefix + "/").all()).item()
    assert set(group_ids) <= set(nodes(graph, "ResourceGroup")["id"])
    assert set(frame["subscription_id"]) <= set(nodes(graph, "Subscription")["subscription_id"])


def test_children_stand_under_the_right_type() -> None:
    """Every resource of a child type is contained by one of its parent type, and no other is."""
    graph = tenant()
    type_of = dict(nodes(graph, *ABSTRACTED).select("id", "type").iter_rows())
    children = containers(graph).filter("is_child")
    pairs = Counter((type_of[above], below) for above, below in children.select("container_id", "type").iter_rows())
    assert pairs == {(kind.parent, kind.type): kind.count for kind in catalogue().kinds.values() if kind.parent}


@pytest.mark.parametrize("resources", SIZES)
def test_abstracted_ids_are_unique(resources: int) -> None:
    """No two resources have one id, and no two nodes of another label have one either."""
    for table in tenant(resources).nodes:
        key = "name" if table.labels == ("Region",) else "id"
        assert table.frame[key].n_unique() == table.frame.height, table.labels


def test_a_location_is_that_of_the_region() -> None:
    """LOCATED_IN goes to the region that `location` names; a resource has at most one."""
    graph = tenant()
    regions = numbered(graph, "Region").select("number", region="name")
    found = relationships(graph, "LOCATED_IN").join(numbered(graph, *ABSTRACTED), left_on=START, right_on="number")
    found = found.join(regions, left_on=END, right_on="number")
    assert found["location"].to_list() == found["region"].to_list()
    assert found["id"].n_unique() == found.height
    assert set(nodes(graph, *ABSTRACTED)["location"]) <= {*regions["region"], "global"}


def test_use_is_skewed() -> None:
    """A few regions and resource groups hold much, most hold little, as in a real tenant."""
    frame = nodes(tenant(), *ABSTRACTED)
    regions = frame["location"].value_counts(sort=True)["count"].to_list()
    groups = frame["resource_group"].value_counts(sort=True)["count"].to_list()
    assert sum(regions[:4]) > 0.6 * frame.height
    assert len(regions) >= 20
    assert sum(groups[: len(groups) // 10]) > 0.3 * frame.height
    assert 1 <= np.median(groups) < np.mean(groups)


@pytest.mark.parametrize("resources", SIZES)
def test_json_is_json(resources: int) -> None:
    """`properties` and `tags` are JSON objects, with no placeholder left."""
    for labels in (ABSTRACTED, ORIGINAL):
        frame = nodes(tenant(resources), *labels)
        for text in (*frame["properties"], *frame["tags"].drop_nulls()):
            assert isinstance(json.loads(text), dict)
        for name in ("id", "name", "properties"):
            assert not frame[name].str.contains("$", literal=True).any()


@pytest.mark.parametrize("resources", SIZES)
def test_quoted_ids_exist(resources: int) -> None:
    """Every id that a resource's properties quote is a resource's id."""
    frame = nodes(tenant(resources), *ABSTRACTED)
    assert quoted_ids(frame) <= set(frame["id"])


def test_machines_quote_what_quotes_them() -> None:
    """A machine names its interface and disks, they name it, and they stand in its resource group and region."""
    frame = nodes(tenant(), *ABSTRACTED)
    resource = {row["id"]: row for row in frame.iter_rows(named=True)}
    machines = [row for row in resource.values() if row["type"] == "Microsoft.Compute/virtualMachines"]
    assert len(quoted_ids(frame)) > 1000
    disks = 0
    for machine in machines:
        properties = json.loads(machine["properties"])
        storage = properties["storageProfile"]
        interfaces = [each["id"] for each in properties["networkProfile"]["networkInterfaces"]]
        held = [each["managedDisk"]["id"] for each in (storage["osDisk"], *storage["dataDisks"])]
        disks += len(held)
        assert len(interfaces) == 1
        assert json.loads(resource[interfaces[0]]["properties"])["virtualMachine"]["id"] == machine["id"]
        assert {json.loads(resource[disk]["properties"])["managedBy"] for disk in held} == {machine["id"]}
        for name in ("resource_group", "location"):
            assert {resource[each][name] for each in (*interfaces, *held)} == {machine[name]}
    assert disks == REPORTED_TYPES["Microsoft.Compute/disks"]


def test_tags_agree_with_tag_nodes() -> None:
    """A resource that is TAGGED_WITH a tag has its key and value among its `tags`; a tag's id is `key:value`."""
    graph = tenant()
    tags = numbered(graph, "Tag")
    assert tags["id"].to_list() == (tags["key"] + ":" + tags["value"]).to_list()
    found = relationships(graph, "TAGGED_WITH").join(numbered(graph, *ABSTRACTED), left_on=START, right_on="number")
    found = found.join(tags.select("number", "key", "value"), left_on=END, right_on="number")
    assert [json.loads(row["tags"]).get(row["key"]) for row in found.iter_rows(named=True)] == found["value"].to_list()
    assert found.height == 48


def test_a_tied_original_is_the_scan_of_its_resource() -> None:
    """SCAN_SOURCE_NODE ties a resource to an original of its own: same id, same values, and a scan's id besides."""
    graph = tenant()
    ties = relationships(graph, "SCAN_SOURCE_NODE")
    scanned = [name for name in nodes(graph, *ORIGINAL).columns if name != "scan_id"]
    twins = ties.join(numbered(graph, *ABSTRACTED), left_on=START, right_on="number", maintain_order="left")
    originals = ties.join(numbered(graph, *ORIGINAL), left_on=END, right_on="number", maintain_order="left")
    assert_frame_equal(twins.select(scanned), originals.select(scanned))
    assert {"id", "name", "type", "location", "resource_group", "subscription_id", "properties", "tags"} == set(scanned)
    assert nodes(graph, *ORIGINAL)["scan_id"].null_count() == 0
    assert (ties[START].n_unique(), ties[END].n_unique()) == (202, 202)


def test_moments_are_as_neo4j_writes_them() -> None:
    """`created_at` is a ZONED DATETIME in UTC to the second."""
    table = next(table for table in tenant().nodes if table.labels == ABSTRACTED)
    assert table.types["created_at"] == "ZONED DATETIME"
    assert table.frame["created_at"].drop_nulls().str.contains(r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$").all()


def test_ids_look_like_azures() -> None:
    """GUIDs are version 4, and vaults' and storage accounts' names are as Azure wants them."""
    guid = r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
    graph = tenant()
    for label, name in (("Tenant", "id"), ("Subscription", "subscription_id"), ("User", "id"), ("Group", "id")):
        assert nodes(graph, label)[name].str.contains(guid).all()
    names = nodes(graph, *ABSTRACTED).select("type", "name")
    vaults = names.filter(type="Microsoft.KeyVault/vaults")["name"]
    accounts = names.filter(type="Microsoft.Storage/storageAccounts")["name"]
    assert vaults.str.contains(r"^[a-z][a-z0-9-]{2,23}$").all()
    assert accounts.str.contains(r"^[a-z0-9]{3,24}$").all()


def test_no_domain_of_anybody() -> None:
    """Every domain and mail address is under example.com."""
    graph = tenant()
    text = [*nodes(graph, "User")["mail"], *nodes(graph, "Tenant")["name"], *nodes(graph, *ABSTRACTED)["properties"]]
    hosts = [host for each in text for host in re.findall(r"(?:https?://|@)([\w.-]+\.[a-z]+)", each)]
    assert len(hosts) > 500
    assert all(host.endswith("example.com") for host in hosts)


def test_the_schema_names_keys_that_are_unique() -> None:
    """Uniqueness constraints are on what is unique, and resources' ids are only indexed: originals share them."""
    graph = tenant()
    chosen = [item for item in graph.schema if item not in LOOKUPS]
    for item in chosen:
        (label,), (key,) = item.labels, item.properties
        assert item.name in item.statement
        assert f"(n:{label})" in item.statement
        if item.makes_unique({label}):
            values = nodes(graph, label)[key]
            assert (values.null_count(), values.n_unique()) == (0, len(values))
    assert {(item.type, *item.labels, *item.properties) for item in chosen} == {
        ("NODE_PROPERTY_UNIQUENESS", "Tenant", "id"),
        ("NODE_PROPERTY_UNIQUENESS", "Subscription", "id"),
        ("NODE_PROPERTY_UNIQUENESS", "ResourceGroup", "id"),
        ("NODE_PROPERTY_UNIQUENESS", "Region", "name"),
        ("NODE_PROPERTY_UNIQUENESS", "Tag", "id"),
        ("RANGE", "Resource", "type"),
        ("RANGE", "Resource", "id"),
    }
    assert all(item in graph.schema for item in LOOKUPS)


@pytest.mark.parametrize("resources", SIZES)
def test_the_same_arguments_give_the_same_tenant(resources: int) -> None:
    """Two tenants of one size and seed are equal in every value."""
    assert equal(sample_tenant(resources=resources, seed=7), sample_tenant(resources=resources, seed=7))


def test_another_seed_gives_another_tenant_of_the_same_counts() -> None:
    """With another seed no resource keeps its id, and every count stays."""
    one, two = tenant(seed=1), tenant(seed=2)
    assert not set(nodes(one, *ABSTRACTED)["id"]) & set(nodes(two, *ABSTRACTED)["id"])
    assert [table.frame.height for table in one.nodes] == [table.frame.height for table in two.nodes]
    assert [table.frame.height for table in one.relationships] == [table.frame.height for table in two.relationships]
    assert [*nodes(one, *ABSTRACTED)["type"]] == [*nodes(two, *ABSTRACTED)["type"]]


@pytest.mark.parametrize("resources", [1, 10, 50, 100_000])
def test_any_size_has_exactly_that_many_resources(resources: int) -> None:
    """Small and big tenants have the resources that were asked for, and all else in proportion."""
    graph = tenant(resources)
    counts = {":".join(table.labels): table.frame.height for table in graph.nodes}
    assert counts["Resource"] == resources
    assert counts["Tenant"] == 1
    assert counts["ResourceGroup"] == max(1, scaled(331, resources))
    assert counts.get("Original:Resource", 0) == scaled(2216, resources)
    assert relationships(graph, "LOCATED_IN").height == scaled(2144, resources)
    assert relationships(graph, "SCAN_SOURCE_NODE").height == scaled(202, resources)
    assert relationships(graph, "TAGGED_WITH").height == scaled(48, resources)


def test_a_big_tenant_fits_together() -> None:
    """At 100,000 resources ids are still unique and everything quoted exists."""
    frame = nodes(tenant(100_000), *ABSTRACTED)
    assert frame["id"].n_unique() == 100_000
    assert quoted_ids(frame) <= set(frame["id"])


@settings(max_examples=25)
@given(resources=st.integers(1, 6000), seed=st.integers(-(2**63), 2**64))
def test_any_tenant_fits_together(resources: int, seed: int) -> None:
    """Whatever the size and seed: the exact count, unique ids, one container each, quoted ids exist."""
    graph = sample_tenant(resources=resources, seed=seed)
    frame = nodes(graph, *ABSTRACTED)
    assert frame.height == frame["id"].n_unique() == resources
    assert containers(graph)["id"].n_unique() == resources
    assert quoted_ids(frame) <= set(frame["id"])
    assert relationships(graph, "LOCATED_IN").height == scaled(2144, resources)
    assert relationships(graph, "TAGGED_WITH").height == scaled(48, resources)


@given(st.integers(1, 2_000_000))
def test_shares_of_types(resources: int) -> None:
    """Types share any size exactly; all are there once there is one for each, and no child without its parent."""
    kinds, counts = catalogue().kinds, counts_by_type(resources)
    assert sum(counts.values()) == resources
    assert all(counts.values()) or resources < len(kinds)
    assert all(counts[kind.parent] for kind in kinds.values() if kind.parent and counts[kind.type])


def test_types_stand_after_what_they_are_placed_by() -> None:
    """A type comes after its parent and what it is placed beside, because places are given in that order."""
    order = {name: place for place, name in enumerate(catalogue().kinds)}
    for kind in catalogue().kinds.values():
        anchors = [link.to for link in kind.links.get(kind.beside, ())] + ([kind.parent] if kind.parent else [])
        assert all(order[anchor] < order[kind.type] for anchor in anchors), kind.type
        assert not kind.beside or kind.beside in kind.links, kind.type


@pytest.mark.parametrize("resources", [0, -1])
def test_no_tenant_without_resources(resources: int) -> None:
    """A size below 1 is a usage error that says the value and the way out."""
    with pytest.raises(UsageError, match=str(resources)) as caught:
        sample_tenant(resources=resources)
    assert caught.value.hint
