"""Scenarios that nobody thought of: whatever a file says, what is made is what was counted, and it is whole."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.base import Base
from synthgen.parameters import ScenarioParameters
from synthgen.profile import Profile
from synthgen.scenarios.checking import check_counts
from synthgen.scenarios.outline import outline_of
from synthgen.scenarios.shipped import find_scenario
from tests.growths import grown_base, made_by, make_bundle
from tests.unit.test_scenario_files import films

BETWEEN = ("one-to-one", "many-to-one", "one-to-many", "fan-out", "many-to-many", "hub")
WITH_ITSELF = ("chain", "ring", "pairs", "mesh")


@pytest.fixture(scope="module")
def base() -> Iterator[Base]:
    profile = Profile(name="films", resource_labels=("Film",), id="id", name_property="name")
    with grown_base(films().graph(), profile) as (found, _, _):
        yield found


@st.composite
def scenarios(draw: st.DrawFn) -> dict[str, Any]:
    """Sites with groups of any sizes, some by environment, and relationships between any of them."""
    sites: list[dict[str, Any]] = []
    total = []
    for number in range(draw(st.integers(1, 3))):
        stages = draw(st.sampled_from([[], [], ["dev", "test", "prod"]]))
        count = 3 if stages else draw(st.sampled_from(["1", "2", "n"]))
        groups: list[dict[str, Any]] = []
        for place in range(draw(st.integers(1, 3))):
            parents = [group["name"] for group in groups if group["count"] != {"dev": 0, "test": 2, "prod": 5}]
            labels = draw(st.sampled_from([["Film"], ["Person"], ["Maker", "Person"]]))
            group = {"name": f"g{place}", "role": f"s{number}.g{place}", "labels": labels,
                     "count": draw(st.sampled_from([1, 2, "n", "n + 1"]))}
            if stages and draw(st.booleans()):
                group["count"] = {"dev": 0, "test": 2, "prod": 5}
                total.append("7")
            else:
                total.append(f"{count} * ({group['count']})")
            if parents and draw(st.booleans()):
                group["parent"] = draw(st.sampled_from(parents))
            groups.append(group)
        sites.append({"name": f"s{number}", "role": f"s{number}", "number_as": "number", "groups": groups,
                      **({"environments": stages} if stages else {"count": count})})
    ends = [(site, f"{site['name']}.{group['name']}") for site in sites for group in site["groups"]]
    relationships = []
    for number in range(draw(st.integers(0, 5))):
        (site, start), (_, end) = draw(st.sampled_from(ends)), draw(st.sampled_from(ends))
        how = draw(st.sampled_from(WITH_ITSELF if start == end else BETWEEN))
        relationships.append({"type": f"T{number}", "from": start, "to": end, "how": how,
                              "each": draw(st.integers(0, 3)),
                              "both": how != "mesh" and draw(st.booleans()),
                              "within": start == end and (site.get("count") == "1" or draw(st.booleans()))})
    shared = draw(st.sampled_from([None, "row", "site", "all"]))
    if shared:
        relationships.append({"type": "IN", "from": ends[0][1], "to": "shared.genre", "how": "many-to-one"})
    return {"about": "any", "total": " + ".join(total), "sites": sites, "relationships": relationships,
            "shared": [{"name": "genre", "label": "Genre", "pick": shared}] if shared else [],
            "parameters": {"n": {"about": "any", "default": 3, "maximum": 6}},
            **draw(st.sampled_from([{}, {"container": "Festival"}]))}


@settings(max_examples=60)
@given(scenarios(), st.integers(1, 6))
def test_what_is_made_is_what_was_counted(base: Base, document: dict[str, Any], n: int) -> None:
    """Counts as the formula says, each relationship as often as told, no end missing, none twice, ids unique."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "any.json"
        file.write_text(json.dumps(document))
        topology = find_scenario(str(file))
        assert check_counts(topology) > 6
        made = made_by(make_bundle(base, ScenarioParameters(scenario=str(file), parameters={"n": n}), Path(folder)))
    outline = outline_of(topology, {"n": n})
    assert len(made.nodes) == outline.counts.total + outline.containers
    ids = [node.properties["id"] for node in made.nodes if "id" in node.properties]
    assert len(set(ids)) == len(ids)
    found = Counter(type_ for _, type_, _, _ in made.relationships)
    told = {relation.type: count for relation, count in zip(topology.relations, outline.ties, strict=True) if count}
    assert {type_: count for type_, count in found.items() if type_ != "CONTAINS"} == told
    pairs = [(start, type_, end) for start, type_, end, _ in made.relationships]
    assert len(set(pairs)) == len(pairs)
    assert all(start != end for start, _, end in pairs)
    assert all(number < (len(made.nodes) if space == "operation" else base.size)
               for start, _, end in pairs for space, number in (start, end))
    holders = {f"{site['name']}.{group['name']}": f"{site['name']}.{group['parent']}" if "parent" in group
               else site["name"] if "container" in document else None
               for site in document["sites"] for group in site["groups"]}
    contained = {end: start for (_, start), type_, (_, end) in pairs if type_ == "CONTAINS"}
    for number, node in enumerate(made.nodes):
        holder = made.nodes[contained[number]].properties if number in contained else {}
        assert holder.get("role") == holders.get(node.properties["role"])
        assert not holder or holder["number"] == node.properties["number"]
