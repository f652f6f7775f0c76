"""What the scenario strategy promises."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.base import Base
from synthgen.errors import UsageError
from synthgen.graph import END, LOOKUPS, START, Graph, NodeTable, RelationshipTable, SchemaItem
from synthgen.growth import Growth, NodeBlock, RelationshipBlock
from synthgen.metadata import Stamp
from synthgen.profile import AZURE, Profile
from synthgen.sample import sample_tenant
from synthgen.scenarios.expressions import evaluate
from synthgen.scenarios.shipped import region_pairs, shipped_scenario
from synthgen.snapshot.read import open_snapshot
from synthgen.snapshot.write import write_snapshot
from synthgen.stamping import stamped, stamped_types
from synthgen.strategies.scenario import grow_scenario, scenario_formula, scenario_names
from synthgen.types import polars_schema
from tests.kinds.drawing import unique

OPERATION = "scale-20260101T000000-00000001"
OTHER = "scale-20260101T000000-00000002"
CASES = [
    ("hub-spoke", {}),
    ("hub-spoke", {"spoke_count": "1", "resources_per_spoke": "1"}),
    ("hub-spoke", {"spoke_count": 5, "resources_per_spoke": 83}),
    ("multi-region", {}),
    ("multi-region", {"region_count": 1, "resources_per_region": 1}),
    ("multi-region", {"region_count": "30", "resources_per_region": "57"}),
    ("multi-region", {"regions": "westeurope, eastus,austriaeast"}),
    ("dev-test-prod", {}),
    ("dev-test-prod", {"resources_per_env": 1}),
    ("dev-test-prod", {"resources_per_env": "131"}),
    ("dev-test-prod", {"resources_per_env": 7, "skew_percent": 90}),
    ("three-tier", {}),
    ("three-tier", {"stack_count": 3, "web_count": 1, "app_count": 2, "database_count": 5}),
    ("microservices", {}),
    ("microservices", {"cluster_count": 2, "namespace_count": 7, "service_count": 5, "pool_count": 1}),
    ("data-platform", {}),
    ("data-platform", {"domain_count": 3, "source_count": 1, "stream_count": 4}),
    ("landing-zone", {}),
    ("landing-zone", {"zone_count": 1, "resources_per_zone": 1, "policy_count": 1}),
]
SHIPPED = ["data-platform", "dev-test-prod", "hub-spoke", "landing-zone", "microservices", "multi-region", "three-tier"]


def make_base(graph: Graph, folder: Path, profile: Profile = AZURE) -> Base:
    write_snapshot(graph, folder / "base", created_at="2026-01-01T00:00:00+00:00", source={}, profile="azure")
    return Base(open_snapshot(folder / "base"), profile)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return make_base(sample_tenant(), tmp_path_factory.mktemp("sample"))


def nodes(labels: str, types: dict[str, str], rows: list[tuple]) -> NodeTable:
    frame = pl.DataFrame(rows, schema=polars_schema(types), orient="row")
    return NodeTable(tuple(sorted(labels.split(":"))), types, frame)


def ties(type_: str, *pairs: tuple[int, int]) -> RelationshipTable:
    ends = np.array(pairs, np.int64).reshape(-1, 2)
    return RelationshipTable(type_, {}, pl.DataFrame({START: ends[:, 0], END: ends[:, 1]}))


def texts(*names: str) -> dict[str, str]:
    return dict.fromkeys(sorted(names), "STRING")


def tiny_graph(*, relationships: tuple[RelationshipTable, ...] = (), schema: tuple[SchemaItem, ...] = LOOKUPS) -> Graph:
    """Tenant 0, subscription 1, region 2, resource group 3, NIC 4, subnet 5, VM 6, another VM 7 that is synthetic."""
    types = {**texts("id", "name", "type", "location", "resource_group", "note", "tags", "tenant_id", "twin"),
             "zones": "LIST<STRING>"}
    order = list(types)
    group = "/subscriptions/s-1/resourceGroups/rg-real"

    def row(type_: str, name: str, **more: object) -> tuple:
        values = {"id": f"{group}/providers/{type_}/{name}", "name": name, "type": type_, "location": "eastus",
                  "resource_group": "rg-real", "tenant_id": "t-1", **more}
        return tuple(values.get(key) for key in order)

    vm = "microsoft.compute/virtualMachines"
    return Graph((
        nodes("Tenant", texts("id"), [("t-1",)]),
        nodes("Subscription", texts("id", "name"), [("/subscriptions/s-1", "Production")]),
        nodes("Region", texts("id", "name"), [("region/eastus", "East US")]),
        nodes("ResourceGroup", texts("id", "name"), [(group, "rg-real")]),
        nodes("Resource", types, [
            row("Microsoft.Network/networkInterfaces", "nic-real", note="belongs to nic-real"),
            row("Microsoft.Network/subnets", "snet-real", twin=f"see {group.upper()}"),
            row(vm, "vm-real", tags='{"environment": "uat", "team": "a"}', twin="t-1", zones=["1", group]),
        ]),
        nodes("Resource", {**types, "synthetic": "BOOLEAN", "scale_operation_id": "STRING"},
              [(*row(vm, "vm-made", note="made"), True, OTHER)]),
    ), (ties("CONTAINS", (0, 1), (1, 3), (3, 4), (3, 5), (3, 6)), *relationships), schema)


def grow(base: Base, scenario: str, parameters: dict, *, operation: str = OPERATION, seed: int = 7) -> Growth:
    return grow_scenario(base, scenario=scenario, parameters=parameters, operation_id=operation, seed=seed)


def whole(block: NodeBlock | RelationshipBlock) -> pl.DataFrame:
    return block.make(0, block.rows)


def resources(growth: Growth) -> int:
    return sum(sum(block.resource_types.values()) for block in growth.nodes)


def all_nodes(growth: Growth) -> pl.DataFrame:
    """Every node with its import id and labels, the properties that all may have."""
    frames = []
    first = 0
    for block in growth.nodes:
        frame = whole(block)
        assert frame.schema == polars_schema(dict(block.types))
        frames.append(frame.with_columns(
            number=first + pl.int_range(block.rows), labels=pl.lit(":".join(block.labels)),
            resource=pl.lit(bool(block.resource_types)),
        ))
        first += block.rows
    return pl.concat(frames, how="diagonal")


def rows_of(growth: Growth, type_: str, end: str | None = None) -> list[tuple[int, int]]:
    return [pair for block in growth.relationships if block.type == type_ and end in {None, ":".join(block.end_labels)}
            for pair in whole(block).rows()]


def by_number(growth: Growth, column: str) -> dict[int, str]:
    return dict(all_nodes(growth).select("number", column).rows())


def parameters_of(scenario: str) -> st.SearchStrategy[dict[str, int]]:
    """Any allowed values, sizes up to a hundred and numbers of sites up to a dozen."""
    return st.fixed_dictionaries({
        name: st.integers(parameter.minimum, min(parameter.maximum, 100 if "per" in name else 12))
        for name, parameter in shipped_scenario(scenario).parameters.items() if parameter.names_for is None})


ASKED = st.sampled_from(SHIPPED).flatmap(lambda name: st.tuples(st.just(name), parameters_of(name)))


@settings(max_examples=40)
@given(ASKED)
def test_the_formula_is_kept_and_the_graph_is_whole(sample: Base, asked: tuple[str, dict[str, int]]) -> None:
    """Whatever is asked: as many resources as the formula says, each contained and located once, no end missing."""
    scenario, parameters = asked
    growth = grow(sample, scenario, parameters)
    assert resources(growth) == evaluate(scenario_formula(scenario), parameters, "formula")
    check_whole(sample, growth)


@pytest.mark.parametrize(("scenario", "parameters"), CASES)
def test_shipped_scenarios_are_whole(sample: Base, scenario: str, parameters: dict) -> None:
    """Ids unique, no end missing, each resource contained and located once, nothing protected, no isolated node."""
    check_whole(sample, grow(sample, scenario, parameters))


def check_whole(base: Base, growth: Growth) -> None:
    frame = all_nodes(growth)
    made = frame.height
    contained: Counter[int] = Counter()
    located: Counter[int] = Counter()
    touched: set[int] = set()
    seen: set[tuple] = set()
    for block in growth.relationships:
        assert block.type not in base.profile.protected_types
        ends = whole(block)
        assert ends.height == block.rows > 0
        for column, space, labels in ((START, block.start_space, block.start_labels),
                                      (END, block.end_space, block.end_labels)):
            numbers = ends[column].to_numpy()
            assert numbers.min() >= 0
            assert numbers.max() < (made if space == "operation" else base.size)
            if space == "operation":
                touched.update(numbers.tolist())
                assert set(frame["labels"].gather(numbers)) == {":".join(labels)}
            else:
                assert {base.nodes[i].labels for i in base.table_of[numbers]} == {labels}
        pairs = [(block.type, block.start_space, block.end_space, *pair) for pair in ends.rows()]
        assert len(seen | set(pairs)) == len(seen) + len(pairs)
        seen.update(pairs)
        if block.type == "CONTAINS":
            contained.update(ends[END].to_list())
        if block.type == "LOCATED_IN":
            located.update(ends[START].to_list())
        if block.start_space == block.end_space:
            assert (ends[START] != ends[END]).all()
    assert not {label for block in growth.nodes for label in block.labels} & set(base.profile.protected_labels)
    inside = frame.filter(pl.col("labels") != "Region")["number"].to_list()
    assert contained == Counter(inside)
    assert located == Counter(frame.filter(pl.col("resource") & (pl.col("location") != "global"))["number"].to_list())
    assert touched == set(range(made))
    ids = frame.filter(pl.col("labels") != "Region")["id"]
    assert ids.n_unique() == len(inside)
    assert not base.texts("id").is_in(ids.implode()).any()


@pytest.mark.parametrize(("scenario", "parameters"), CASES)
def test_any_range_can_be_made_alone(sample: Base, scenario: str, parameters: dict) -> None:
    """Rows made in pieces are the rows made at once."""
    growth = grow(sample, scenario, parameters)
    for block in (*growth.nodes, *growth.relationships):
        for step in (1, 7) if block.rows < 200 else (61,):
            pieces = [block.make(at, min(at + step, block.rows)) for at in range(0, block.rows, step)]
            assert pl.concat(pieces).equals(whole(block))
        assert block.make(0, 0).schema == whole(block).schema


@pytest.mark.parametrize("scenario", SHIPPED)
def test_seed_and_operation_decide(sample: Base, scenario: str) -> None:
    """The same seed gives the same; another operation of that seed has other ids, another seed other values."""
    one, again = all_nodes(grow(sample, scenario, {})), all_nodes(grow(sample, scenario, {}))
    assert one.equals(again)
    other = all_nodes(grow(sample, scenario, {}, operation=OTHER))
    assert not set(one["id"]) & set(other["id"])
    assert not one.equals(all_nodes(grow(sample, scenario, {}, seed=8)))


@pytest.mark.parametrize(("scenario", "parameters"), CASES)
def test_ids_look_like_azure(sample: Base, scenario: str, parameters: dict) -> None:
    """A resource's id is under its container's, or, for a child, under its parent's, and ends with its name."""
    growth = grow(sample, scenario, parameters)
    ids, names, types = (by_number(growth, column) for column in ("id", "name", "type"))
    subscriptions = sample.texts("id")
    for block in growth.relationships:
        if block.type != "CONTAINS":
            continue
        for start, end in whole(block).rows():
            if ids[end].startswith("/providers/"):
                assert ids[end] == f"/providers/{types[end]}/{names[end]}"
            elif block.start_space == "base":
                assert ids[end] == f"{subscriptions[start]}/resourceGroups/{names[end]}"
            elif types[start] is None:
                assert ids[end] == f"{ids[start]}/providers/{types[end]}/{names[end]}"
            else:
                assert ids[end] == f"{ids[start]}/{types[end].rsplit('/', 1)[-1]}/{names[end]}"


@pytest.mark.parametrize(("scenario", "parameters"), CASES)
def test_values_agree_with_relationships(sample: Base, scenario: str, parameters: dict) -> None:
    """Resource group, subscription, location and region say what the relationships say; JSON is JSON."""
    growth = grow(sample, scenario, parameters)
    frame = all_nodes(growth)
    regions = {"base": sample.texts("name"), "operation": frame["region"]}
    for block in growth.relationships:
        if block.type == "LOCATED_IN":
            for start, end in whole(block).rows():
                name = regions[block.end_space][end]
                assert frame["location"][start] == frame["region"][start] == name
    made = frame.filter(pl.col("resource") & ~pl.col("id").str.starts_with("/providers/"))
    paths = made["id"].str.split("/")
    assert made["subscription_id"].equals(paths.list.get(2), check_names=False)
    assert made["resource_group"].equals(paths.list.get(4), check_names=False)
    for text in [*made["properties"], *made["tags"].drop_nulls()]:
        assert isinstance(json.loads(text), dict)
    assert not made["properties"].str.contains("/subscriptions/").any()


def test_metadata_of_hub_and_spokes(sample: Base) -> None:
    """Every node has its scenario; hub and spokes have their role, spokes their number from 0."""
    growth = grow(sample, "hub-spoke", {"spoke_count": 4, "resources_per_spoke": 9})
    assert {block.metadata["scenario_name"] for block in growth.nodes} == {"hub-spoke"}
    counted = all_nodes(growth).filter("resource").group_by("role", "spoke_index").len().sort("spoke_index")
    assert counted.rows() == [("hub", None, 15), *(("spoke", spoke, 9) for spoke in range(4))]
    stamp = Stamp(OPERATION, "scenario", "2026-01-01T00:00:00+00:00")
    for block in growth.nodes:
        assert list(stamped(whole(block), block, stamp).columns) == list(stamped_types(block))


def test_hub_is_peered_with_each_spoke_both_ways(sample: Base) -> None:
    """The hub's network is peered with every spoke's, and every spoke's with the hub's."""
    growth = grow(sample, "hub-spoke", {"spoke_count": 5})
    names = by_number(growth, "name")
    peered = rows_of(growth, "PEERED_WITH")
    pairs = {(names[start][:9], names[end][:9], names[max(start, end)]) for start, end in peered}
    assert len(pairs) == 10
    assert {pair[:2] for pair in pairs} == {("vnet-hub-", "vnet-spok"), ("vnet-spok", "vnet-hub-")}


@pytest.mark.parametrize(("scenario", "parameters", "machines"), [
    ("hub-spoke", {"resources_per_spoke": 100, "spoke_count": 3}, 3 * 32),
    ("multi-region", {"resources_per_region": 50, "region_count": 2}, 2 * 12),
    ("dev-test-prod", {"resources_per_env": 60}, 3 + 8 + 13),
    ("three-tier", {"web_count": 5, "app_count": 2}, 7),
    ("landing-zone", {"zone_count": 2, "resources_per_zone": 20}, 2 * 4 + 2),
])
def test_machines_are_wired(sample: Base, scenario: str, parameters: dict, machines: int) -> None:
    """A machine uses one NIC and at most one disk, a NIC one subnet; all are in one resource group."""
    growth = grow(sample, scenario, parameters)
    groups, types = by_number(growth, "resource_group"), by_number(growth, "type")
    for type_, start_type, end_type in (
        ("USES_NIC", "Microsoft.Compute/virtualMachines", "Microsoft.Network/networkInterfaces"),
        ("USES_DISK", "Microsoft.Compute/virtualMachines", "Microsoft.Compute/disks"),
        ("USES_SUBNET", "Microsoft.Network/networkInterfaces", "Microsoft.Network/subnets"),
    ):
        pairs = [pair for pair in rows_of(growth, type_) if types[pair[0]] == start_type]
        assert {types[end] for _, end in pairs} == {end_type}
        assert len({start for start, _ in pairs}) == len(pairs)
        assert all(groups[start] == groups[end] for start, end in pairs)
        if type_ == "USES_NIC":
            assert len({end for _, end in pairs}) == len(pairs)
            assert {start for start, _ in pairs} == {node for node, kind in types.items() if kind == start_type}
            assert len(pairs) == machines


def test_regions_are_a_mesh_and_replicate_in_pairs(sample: Base) -> None:
    """Networks of all regions are peered; storage replicates both ways to the paired region, databases one way."""
    growth = grow(sample, "multi-region", {"region_count": 4, "resources_per_region": 60})
    regions = by_number(growth, "region")
    order = growth.parameters["regions"]
    assert {(regions[a], regions[b]) for a, b in rows_of(growth, "PEERED_WITH")} == {
        (a, b) for a in order for b in order if a != b}
    types = by_number(growth, "type")
    replicas = Counter((types[a].rsplit("/", 1)[-1], regions[a], regions[b])
                       for a, b in rows_of(growth, "REPLICATES_TO") + rows_of(growth, "FAILS_OVER_TO"))
    one, two, three, four = order
    assert replicas == {
        **{("storageAccounts", a, b): 3 for a, b in ((one, two), (two, one), (three, four), (four, three))},
        **{(kind, a, b): 2 for kind in ("servers", "databases") for a, b in ((one, two), (three, four))}}


def test_regions_that_azure_pairs_stand_side_by_side(sample: Base) -> None:
    """Among those that are chosen; named ones stay in the order in which they were named."""
    growth = grow(sample, "multi-region", {"region_count": 60, "resources_per_region": 1})
    order = growth.parameters["regions"]
    at = {name: place for place, name in enumerate(order)}
    assert len(at) == 60
    assert all(abs(at[one] - at[other]) == 1 for one, other in region_pairs().items())
    named = grow(sample, "multi-region", {"regions": "eastus,northeurope,westus"})
    assert named.parameters["regions"] == ["eastus", "northeurope", "westus"]


def test_regions_are_the_most_used_of_the_base(sample: Base) -> None:
    """Without names the base's regions are taken, those with most resources first."""
    used = Counter()
    names = sample.texts("name")
    for table in sample.relationships:
        if table.type == "LOCATED_IN":
            used.update(names[table.end].to_list())
    growth = grow(sample, "multi-region", {"region_count": 3})
    assert growth.parameters["regions"] == [name for name, _ in used.most_common(3)]
    assert not [block for block in growth.nodes if block.labels == ("Region",)]


def test_regions_that_the_base_has_not_are_made(sample: Base) -> None:
    """A named region that the base lacks becomes a synthetic node, and its resources are tied to it."""
    growth = grow(sample, "multi-region", {"regions": ["East US", "moonbase"], "resources_per_region": 4})
    digest = shipped_scenario("multi-region").digest
    assert growth.parameters == {"scenario": "multi-region", "scenario_digest": digest, "tenant_id": None,
                                 "region_count": 2, "resources_per_region": 4, "regions": ["eastus", "moonbase"]}
    assert growth.nodes[0].labels == ("Region",)
    assert whole(growth.nodes[0])["region"].to_list() == ["moonbase"]
    located = {block.end_space: block.rows for block in growth.relationships if block.type == "LOCATED_IN"}
    assert located == {"base": 4, "operation": 4}


def test_a_scenario_is_put_under_the_tenant_that_was_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    """With a tenant only that tenant's subscriptions are used; a tenant that is not there is an error."""
    second = nodes("Tenant", texts("id"), [("t-2",)])
    graph = tiny_graph()
    subscriptions = nodes("Subscription", texts("id", "name"), [("/subscriptions/s-2", "Other")])
    tables = (*graph.nodes, second, subscriptions)
    first = sum(table.frame.height for table in graph.nodes)
    both = Graph(tables, (*graph.relationships, ties("CONTAINS", (first, first + 1))), graph.schema)
    path = tmp_path_factory.mktemp("tenants") / "base"
    base = Base(write_snapshot(both, path, created_at="", source={}, profile="azure"), AZURE)
    for tenant, subscription in (("t-1", "s-1"), ("t-2", "s-2")):
        growth = grow_scenario(base, scenario="hub-spoke", parameters={}, operation_id=OPERATION, seed=7, tenant=tenant)
        ids = all_nodes(growth).filter(pl.col("resource"))["id"].to_list()
        assert {text.split("/")[2] for text in ids} == {subscription}
    with pytest.raises(UsageError, match="no tenant 't-3'") as wrong:
        grow_scenario(base, scenario="hub-spoke", parameters={}, operation_id=OPERATION, seed=7, tenant="t-3")
    assert "t-1, t-2" in wrong.value.hint


def test_promotion_leads_from_dev_to_test_to_prod(sample: Base) -> None:
    """Each app is promoted to its counterpart in the next environment."""
    growth = grow(sample, "dev-test-prod", {"resources_per_env": 30})
    names, environments = by_number(growth, "name"), by_number(growth, "environment")
    pairs = rows_of(growth, "PROMOTES_TO")
    assert Counter((environments[a], environments[b]) for a, b in pairs) == {("dev", "test"): 2, ("test", "prod"): 5}
    assert all(names[a].rsplit("-", 1)[1] == names[b].rsplit("-", 1)[1] for a, b in pairs)
    assert all("-" + environments[a] + "-" in names[a] for pair in pairs for a in pair)


def test_environments_differ_in_size(sample: Base) -> None:
    """Dev is smaller and prod bigger by the percentage asked; only prod has a gateway and a backup."""
    for skew, sizes in ((0, (40, 40, 40)), (50, (20, 40, 60)), (90, (4, 40, 76))):
        frame = all_nodes(grow(sample, "dev-test-prod", {"resources_per_env": 40, "skew_percent": skew}))
        made = frame.filter("resource")
        found = Counter(made["environment"])
        assert tuple(found[name] for name in ("dev", "test", "prod")) == sizes
        gateways = made.filter(pl.col("type").str.ends_with("/applicationGateways"))
        assert gateways["environment"].to_list() == ["prod"]


def test_a_landing_zone_is_governed_from_above(sample: Base) -> None:
    """The tenant contains the root group, that group all others; these and policies are global and in no container."""
    growth = grow(sample, "landing-zone", {"zone_count": 3})
    types, ids, names = (by_number(growth, column) for column in ("type", "id", "name"))
    groups = {node for node, kind in types.items() if kind == "Microsoft.Management/managementGroups"}
    above = {end: start for block in growth.relationships if block.type == "CONTAINS" and block.start_space != "base"
             for start, end in whole(block).rows()}
    (root,) = (node for node in groups if node not in above)
    assert len(groups) == 10
    for node in groups - {root}:
        while node != root:
            node = above[node]  # noqa: PLW2901 - up to the root
    assert all(ids[node].endswith("/" + names[node]) for node in groups)
    assert [whole(block)[END].to_list() for block in growth.relationships if block.start_labels == ("Tenant",)] == [
        [root]]
    frame = all_nodes(growth).filter(pl.col("id").str.starts_with("/providers/"))
    assert frame.height == 10 + 12 + 3 + 3
    assert set(frame["location"]) == {"global"}
    assert frame["subscription_id"].null_count() == frame["region"].null_count() == frame.height


def test_services_call_services_of_their_cluster(sample: Base) -> None:
    """Each service calls two others, is one deployment's, and stands below a namespace of its cluster."""
    growth = grow(sample, "microservices", {"cluster_count": 2, "service_count": 7})
    ids = by_number(growth, "id")
    calls = rows_of(growth, "CALLS")
    assert Counter(Counter(start for start, _ in calls).values()) == {2: 14}
    assert all(ids[a].split("/managedNamespaces/")[0] == ids[b].split("/managedNamespaces/")[0] for a, b in calls)
    assert all("/managedNamespaces/ns-" in ids[start] for start, _ in calls)
    assert len(rows_of(growth, "SELECTS")) == 14


def test_tags_name_the_environment_of_the_resource(tmp_path: Path) -> None:
    """A tag that names an environment is that of the resource, not that of the base node it was taken from."""
    base = make_base(tiny_graph(), tmp_path)
    frame = all_nodes(grow(base, "dev-test-prod", {})).filter(pl.col("tags").is_not_null())
    assert frame.height
    assert [json.loads(tags) for tags in frame["tags"]] == [
        {"environment": environment, "team": "a"} for environment in frame["environment"]]


def test_the_bases_own_words_are_used(tmp_path: Path) -> None:
    """Where the base ties two types, its relationship type, its direction and its spelling of types are taken."""
    graph = tiny_graph(relationships=(
        ties("ATTACHED_TO", (4, 6)), ties("IS_IN", (4, 2), (5, 2)), ties("IN_SUBNET", (4, 5)),
        ties("PROTECTED_BY", (4, 5)), ties("SCAN_SOURCE_NODE", (6, 4)), ties("LIVES_IN", (3, 2)),
    ))
    growth = grow(make_base(graph, tmp_path), "hub-spoke", {"spoke_count": 1, "resources_per_spoke": 6})
    types = by_number(growth, "type")
    assert [(types[a], types[b]) for a, b in rows_of(growth, "ATTACHED_TO")] == [
        ("Microsoft.Network/networkInterfaces", "microsoft.compute/virtualMachines")]
    assert len(rows_of(growth, "IS_IN", "Region")) == resources(growth)
    assert len(rows_of(growth, "LIVES_IN", "Region")) == 2
    assert len(rows_of(growth, "IN_SUBNET")) == 1
    assert not [block for block in growth.relationships if block.type in {"LOCATED_IN", "USES_NIC", "SCAN_SOURCE_NODE"}]
    assert len(rows_of(growth, "USES_SUBNET")) == 3


def test_nothing_of_the_base_is_quoted(tmp_path: Path) -> None:
    """Cells that quote an id or the base node's own name are left out, others taken; synthetic nodes are no models."""
    frame = all_nodes(grow(make_base(tiny_graph(), tmp_path), "hub-spoke", {"resources_per_spoke": 12}))
    made = frame.filter("resource")
    assert made["note"].drop_nulls().to_list() == []
    assert made["twin"].drop_nulls().to_list() == []
    assert made["zones"].drop_nulls().to_list() == []
    machines = made.filter(pl.col("type").str.to_lowercase() == "microsoft.compute/virtualmachines")
    assert set(machines["tags"]) == {'{"environment": "uat", "team": "a"}'}
    assert set(machines["tenant_id"]) == {"t-1"}


def test_types_that_the_base_lacks_have_the_usual_properties(tmp_path: Path) -> None:
    """A resource of a type that the base has not carries id, name, type, location and resource group."""
    growth = grow(make_base(tiny_graph(), tmp_path), "hub-spoke", {})
    (firewall,) = (block for block in growth.nodes if "Microsoft.Network/azureFirewalls" in block.resource_types)
    row = whole(firewall).row(0, named=True)
    assert {name for name, value in row.items() if value is not None} >= {
        "id", "name", "type", "location", "resource_group", "role", "region"}
    check_whole(make_base(tiny_graph(), tmp_path / "again"), growth)


def test_a_base_without_azure_nodes(tmp_path: Path) -> None:
    """Without subscriptions and regions in the base, ids name a made-up subscription and the regions are made."""
    base = make_base(Graph((nodes("User", texts("id"), [("u-1",)]),), ()), tmp_path)
    growth = grow(base, "multi-region", {"region_count": 2, "resources_per_region": 8})
    assert resources(growth) == 16
    assert not [block for block in growth.relationships if "base" in {block.start_space, block.end_space}]
    assert all_nodes(growth)["region"].unique().sort().to_list() == ["eastus", "westeurope"]
    assert all_nodes(growth).filter("resource")["id"].str.contains(r"^/subscriptions/[0-9a-f-]{36}/").all()


def test_made_regions_of_two_operations_are_apart_when_names_are_unique(tmp_path: Path) -> None:
    """A uniqueness constraint on names of regions is kept, even by two operations that make the same region."""
    named = unique("Region", "name")
    base = make_base(tiny_graph(schema=(named, *LOOKUPS)), tmp_path)
    one, two = (grow(base, "multi-region", {"regions": "moonbase"}, operation=name) for name in (OPERATION, OTHER))
    assert not set(whole(one.nodes[0])["name"]) & set(whole(two.nodes[0])["name"])
    assert not set(whole(one.nodes[0])["id"]) & set(whole(two.nodes[0])["id"])
    plain = grow(make_base(tiny_graph(), tmp_path / "plain"), "multi-region", {"regions": "moonbase"})
    assert whole(plain.nodes[0])["name"].to_list() == ["moonbase"]


def test_unique_names_are_refused(tmp_path: Path) -> None:
    """A base that wants unique names of resources is refused, because subnets of two networks share theirs."""
    named = unique("Resource", "name")
    with pytest.raises(UsageError, match="unique"):
        grow(make_base(tiny_graph(schema=(named, *LOOKUPS)), tmp_path), "hub-spoke", {})


@pytest.mark.parametrize(("scenario", "parameters", "said"), [
    ("hub-spoke", {"spokes": "3"}, "'spokes'"),
    ("hub-spoke", {"spoke_count": "three"}, "spoke_count is a whole number, not 'three'"),
    ("hub-spoke", {"spoke_count": 2.5}, "whole number"),
    ("hub-spoke", {"spoke_count": True}, "whole number"),
    ("hub-spoke", {"spoke_count": "0"}, "spoke_count=0 is out of bounds: 1 to 1,000,000"),
    ("hub-spoke", {"resources_per_spoke": -1}, "resources_per_spoke=-1 is out of bounds"),
    ("hub-spoke", {"spoke_count": 1_000_000, "resources_per_spoke": 1_000_000}, "too many"),
    ("multi-region", {"region_count": 61}, "1 to 60"),
    ("multi-region", {"region_count": 3, "regions": "eastus,westus"}, "region_count=3 contradicts regions"),
    ("multi-region", {"regions": "eastus,East US"}, "named twice"),
    ("multi-region", {"regions": ""}, "cannot be a name"),
    ("multi-region", {"regions": 5}, "names with commas"),
    ("dev-test-prod", {"resources_per_env": None}, "whole number"),
])
def test_wrong_parameters_are_rejected(sample: Base, scenario: str, parameters: dict, said: str) -> None:
    """The error names the parameter; the hint lists the known ones with bounds and defaults."""
    with pytest.raises(UsageError, match=said) as caught:
        grow(sample, scenario, parameters)
    if "too many" not in said and "twice" not in said:
        assert all(name in caught.value.hint for name in shipped_scenario(scenario).parameters)
        assert "default" in caught.value.hint


def test_region_count_that_agrees_with_regions_is_fine(sample: Base) -> None:
    """Both may be given when they say the same."""
    growth = grow(sample, "multi-region", {"region_count": "2", "regions": "eastus,westus"})
    assert growth.parameters["regions"] == ["eastus", "westus"]


def test_unknown_scenarios_are_rejected_with_the_names(sample: Base) -> None:
    """The hint lists what there is."""
    with pytest.raises(UsageError, match="mesh") as caught:
        grow(sample, "mesh", {})
    assert scenario_names() == SHIPPED
    assert all(name in caught.value.hint for name in scenario_names())


@pytest.mark.parametrize("profile", [
    Profile(name="films", resource_label_sets=(("Film",),)),
    Profile(name="films", resource_labels=("Film",), id="imdb", type="genre"),
])
def test_other_graphs_are_rejected(tmp_path: Path, profile: Profile) -> None:
    """A profile without the parts that the scenario fills is a usage error that names azure."""
    with pytest.raises(UsageError, match="films") as caught:
        grow(make_base(tiny_graph(), tmp_path, profile), "hub-spoke", {})
    assert "azure" in caught.value.hint


def test_a_million_resources_are_only_arithmetic(sample: Base) -> None:
    """A huge scenario's last rows are made at once, without those before."""
    growth = grow(sample, "hub-spoke", {"spoke_count": 1_000, "resources_per_spoke": 1_000})
    assert resources(growth) == 1_000_015
    last = growth.nodes[-1]
    assert last.make(last.rows - 2, last.rows)["spoke_index"].to_list() == [999, 999]
    assert sum(block.rows for block in growth.relationships) < 3_100_000


@pytest.mark.parametrize("text", [
    "__import__('os')", "a ** 9", "a.b", "1.5", "True", "max(1)", "[1]", "b", "1 //", "1 // 0", "a if a else 1",
    "max(*a, 1)", "'x'", "1" * 300, "",
])
def test_expressions_are_arithmetic_only(text: str) -> None:
    """What is not whole-number arithmetic on known names is a usage error."""
    with pytest.raises(UsageError):
        evaluate(text, {"a": 2}, "test")


def test_expressions() -> None:
    """Sums, products, whole quotients, min and max, with the usual precedence."""
    assert evaluate("max(1, a + 2 * (b - 3) // 4, -a)", {"a": 2, "b": 9}, "test") == 5
