"""A handmade tenant of a few nodes with a bit of everything: the base of golden bundles and of tests of the command."""

from __future__ import annotations

from synthgen.graph import Graph
from tests.graphs import TENANT, Draft
from tests.kinds.drawing import unique

VM = "Microsoft.Compute/virtualMachines"
NETWORK = "Microsoft.Network/virtualNetworks"
SUBNET = "Microsoft.Network/virtualNetworks/subnets"


def tiny_graph() -> Graph:
    """Tenant, subscription, region, tag, two groups, a network with a subnet, three machines, an original."""
    draft = Draft()
    tenant = draft.add(["Tenant"], {"id": TENANT})
    subscription = draft.add(["Subscription"], {"id": "/subscriptions/s1", "name": "Production"})
    region = draft.add(["Region"], {"id": "region/eastus", "name": "eastus"})
    tag = draft.add(["Tag"], {"name": "team", "value": 'a "quoted", value'})
    draft.tie(tenant, "CONTAINS", subscription)
    groups = []
    for name in ("rg-a", "rg-b"):
        groups.append(draft.add(["ResourceGroup"], {"id": f"/subscriptions/s1/resourceGroups/{name}", "name": name}))
        draft.tie(subscription, "CONTAINS", groups[-1])

    def resource(group: int, type_: str, name: str, **more: object) -> int:
        above = draft.nodes[group].properties
        made = draft.add(["Resource"], {
            "id": f"{above['id']}/providers/{type_}/{name}", "name": name, "type": type_, "location": "eastus",
            "resource_group": above["name"], **more})
        draft.tie(group, "CONTAINS", made)
        draft.tie(made, "LOCATED_IN", region)
        return made

    network = resource(groups[0], NETWORK, "vnet-a", zones=[], note="two\nlines")
    subnet = resource(groups[0], SUBNET, "snet-a", note="")
    draft.nodes[subnet].properties["id"] = draft.nodes[network].properties["id"] + "/subnets/snet-a"
    draft.tie(network, "CONTAINS", subnet)
    machines = [resource(groups[number % 2], VM, f"vm-{number}", zones=["1", "two, three"], size=number, cost=0.1,
                         role="web") for number in range(3)]
    for machine in machines:
        draft.tie(machine, "USES_SUBNET", subnet, {"cost": 1.5, "note": "via nic"})
    draft.tie(machines[0], "TAGGED_WITH", tag)
    bare = draft.add(["Resource"], {"id": "6f1e0c52-0000-4000-8000-00000000beef", "type": "Microsoft.Graph/users"})
    draft.tie(bare, "OWNS", machines[1])
    original = draft.add(["Original", "Resource"], {"id": "/original/vm-0", "type": VM})
    draft.tie(machines[0], "SCAN_SOURCE_NODE", original)
    draft.schema.append(unique("Resource", "id"))
    return draft.graph()
