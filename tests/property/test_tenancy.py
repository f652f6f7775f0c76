"""`--into-tenant`: copies stand under another tenant, with everything that says where they stand."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.errors import UsageError
from synthgen.generate import grow
from synthgen.graph import Graph
from synthgen.parameters import Parameters, RandomParameters, TemplateParameters
from tests.graphs import OTHER_TENANT, TENANT, Draft, base_graphs
from tests.growths import OPERATION, Made, View, grown_base, made_by, make_bundle

GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
SUBSCRIPTIONS = [f"{number}0000000-0000-4000-8000-000000000000" for number in range(1, 5)]
REQUESTS: list[Parameters] = [TemplateParameters(scale_factor=3, tenant=TENANT),
                              TemplateParameters(scale_factor=1.5, tenant=TENANT),
                              RandomParameters(count=20, tenant=TENANT)]


def two_tenants(others: int = 1) -> Graph:
    """Three subscriptions with machines in the first tenant, others in the second; all is said in properties, too."""
    draft = Draft()
    for tenant, numbers in ((TENANT, range(3)), (OTHER_TENANT, range(3, 3 + others))):
        root = draft.add(["Tenant"], {"id": tenant, "name": f"tenant-{tenant[:4]}"})
        for number in numbers:
            guid = SUBSCRIPTIONS[number]
            subscription = draft.add(["Subscription"], {"id": f"/subscriptions/{guid}", "name": f"sub-{guid[:8]}"})
            draft.tie(root, "CONTAINS", subscription)
            group_id = f"/subscriptions/{guid}/resourceGroups/rg{number}"
            group = draft.add(["ResourceGroup"], {"id": group_id, "name": f"rg{number}", "subscription_id": guid})
            draft.tie(subscription, "CONTAINS", group)
            for machine in range(3):
                id_ = f"{group_id}/providers/Microsoft.Compute/virtualMachines/vm{number}{machine}"
                resource = draft.add(["Resource"], {
                    "id": id_, "name": f"vm{number}{machine}", "type": "Microsoft.Compute/virtualMachines",
                    "subscription_id": guid, "tenant_id": tenant, "resource_group": f"rg{number}",
                    "note": f'{{"in":"/subscriptions/{guid}","of":"{tenant}","self":"{id_}","sub":"sub-{guid[:8]}"}}'})
                draft.tie(group, "CONTAINS", resource)
        user = draft.add(["User"], {"id": f"user of {tenant}"})
        draft.tie(root, "CONTAINS", user)
    return draft.graph()


def grown(others: int, parameters: Parameters, tmp_path: Path) -> tuple[Made, View]:
    with grown_base(two_tenants(others)) as (base, view, _):
        return made_by(make_bundle(base, parameters, tmp_path)), view


def chains(made: Made, view: View) -> dict[int, list[str]]:
    """Give for each made resource the ids of what contains it, from the inside out."""
    holder = {end: start for start, type_, end, _ in made.relationships if type_ == "CONTAINS"}
    in_base = {end: start for start, type_, end in view.relationships if type_ == "CONTAINS"}
    found = {}
    for number, node in enumerate(made.nodes):
        if "Resource" not in node.labels:
            continue
        at, chain = ("operation", number), []
        while at in holder or (at[0] == "base" and at[1] in in_base):
            at = holder[at] if at in holder else ("base", in_base[at[1]])
            chain.append((made if at[0] == "operation" else view).nodes[at[1]].properties["id"])
        found[number] = chain
    return found


def check(made: Made, view: View, tenant: str) -> None:
    """Whatever says where a resource stands says the same."""
    for number, chain in chains(made, view).items():
        properties = made.nodes[number].properties
        group, subscription, above = chain
        assert above == tenant
        guid = subscription.removeprefix("/subscriptions/")
        assert re.fullmatch(GUID, guid)
        assert group.startswith(f"{subscription}/")
        assert properties["id"].startswith(f"{group}/")
        assert properties["subscription_id"] == guid
        assert properties["tenant_id"] == tenant
        assert properties["note"].startswith(f'{{"in":"{subscription}","of":"{tenant}","self":"{properties["id"]}"')


@pytest.mark.parametrize("parameters", REQUESTS, ids=["twice", "half", "random"])
def test_copies_stand_in_the_subscriptions_of_the_tenant_named(parameters: Parameters, tmp_path: Path) -> None:
    """In its ids, its relationships and its properties; nothing but the resources and their groups is made."""
    made, view = grown(1, _into(parameters, OTHER_TENANT), tmp_path)
    check(made, view, OTHER_TENANT)
    assert {node.labels for node in made.nodes} == {("Resource",), ("ResourceGroup",)}
    assert all(f'"sub":"sub-{SUBSCRIPTIONS[3][:8]}"' in node.properties["note"] for node in made.resources)


@pytest.mark.parametrize("parameters", REQUESTS, ids=["twice", "half", "random"])
def test_a_new_tenant_is_like_the_one_that_is_copied(parameters: Parameters, tmp_path: Path) -> None:
    """One tenant, with as many subscriptions; people and other tenants stay where they are."""
    made, view = grown(1, _into(parameters, "new"), tmp_path)
    tenants = [node for node in made.nodes if node.labels == ("Tenant",)]
    subscriptions = [node for node in made.nodes if node.labels == ("Subscription",)]
    assert len(tenants) == 1
    assert len(subscriptions) == 3
    known = {node.properties["id"] for node in view.nodes}
    assert not {node.properties["id"] for node in (*tenants, *subscriptions)} & known
    check(made, view, tenants[0].properties["id"])
    assert all(start[0] == end[0] == "operation" for start, type_, end, _ in made.relationships if type_ == "CONTAINS")


def test_resources_of_all_tenants_need_one_named(tmp_path: Path) -> None:
    """A new tenant is like one tenant; but all may go into one that is there."""
    with pytest.raises(UsageError, match="2 tenants") as caught:
        grown(1, TemplateParameters(scale_factor=2, into_tenant="new"), tmp_path)
    assert "--tenant-id" in str(caught.value.hint)
    made, view = grown(1, TemplateParameters(scale_factor=2, into_tenant=OTHER_TENANT), tmp_path)
    check(made, view, OTHER_TENANT)


@pytest.mark.parametrize(("others", "tenant", "words"), [(1, "nobody", "no tenant 'nobody'"),
                                                         (0, OTHER_TENANT, "has no Subscription")])
def test_a_tenant_without_a_place_is_refused(others: int, tenant: str, words: str, tmp_path: Path) -> None:
    """By name."""
    with pytest.raises(UsageError, match=words):
        grown(others, TemplateParameters(scale_factor=2, tenant=TENANT, into_tenant=tenant), tmp_path)


@settings(max_examples=60)
@given(graph=base_graphs(), data=st.data())
def test_the_tenant_changes_nothing_else(graph: Graph, data: st.DataObject) -> None:
    """As many resources of each type, and as many relationships among them, with the same bytes in any cut."""
    parameters = TemplateParameters(scale_factor=data.draw(st.sampled_from((2, 1.5))))
    with grown_base(graph) as (base, _, _):
        plain = grow(base, parameters, operation_id=OPERATION, seed=1)
        try:
            moved = grow(base, _into(parameters, data.draw(st.sampled_from((TENANT, "new")))), operation_id=OPERATION,
                         seed=1)
        except UsageError:
            return  # nothing contains them, or there are two tenants
        counts = [dict(block.resource_types) for block in moved.nodes if block.resource_types]
        assert counts == [dict(block.resource_types) for block in plain.nodes if block.resource_types]
        for block in moved.nodes:
            whole = block.make(0, block.rows)
            if "id" in whole:
                assert whole["id"].drop_nulls().is_unique().all()
            at = data.draw(st.integers(0, block.rows))
            assert block.make(0, at).vstack(block.make(at, block.rows)).equals(whole)


def _into(parameters: Parameters, tenant: str) -> Parameters:
    assert isinstance(parameters, TemplateParameters | RandomParameters)
    return replace(parameters, into_tenant=tenant)
