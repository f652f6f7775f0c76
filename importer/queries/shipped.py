"""The queries that are shipped, for a graph of any profile; knows no server.

Parameters are drawn from nodes of the base part alone, so that they are the same before and after a load.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from importer.queries.statements import Query
from synthgen.database import quote
from synthgen.metadata import OPERATION_ID
from synthgen.profile import Profile

SETS = 20
"""Parameter sets drawn for each query, where the graph has so many."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """The queries for a profile, and the reasons by name why others are not among them."""

    queries: tuple[Query, ...]
    skipped: Mapping[str, str]


def shipped_queries(profile: Profile) -> Shipped:
    """Give the shipped queries for the parts that a profile names."""
    resource = resource_expression(profile)
    parts = {"id": profile.id, "type": profile.type, "name": profile.name_property, "location": profile.location,
             "container labels": profile.container_labels, "containment types": profile.containment_types}
    found: list[Query] = []
    skipped: dict[str, str] = {}
    for name, needed, make in _SET:
        lacking = [part for part in needed if not parts[part]]
        if lacking:
            skipped[name] = f"the profile {profile.name!r} names no {' and no '.join(lacking)}"
        else:
            cypher, parameters = make(profile, resource)
            found.append(Query(name, cypher, parameters))
    return Shipped(tuple(found), skipped)


def resource_expression(profile: Profile) -> str:
    """Give the label expression for resources, such as ``(`Resource`)&!`Original` ``."""
    wanted = ["&".join(map(quote, profile.resource_labels))] if profile.resource_labels else []
    wanted += ["&".join(map(quote, labels)) for labels in profile.resource_label_sets if labels]
    either = "|".join(f"({one})" if "&" in one and len(wanted) > 1 else one for one in wanted) or "%"
    barred = "".join(f"&!{quote(label)}" for label in profile.protected_labels)
    return f"({either}){barred}" if barred and len(wanted) > 1 else either + barred


Texts = tuple[str, str | None]


def _drawn(expression: str, key: str, name: str) -> str:
    # Ids that begin alike lie beside each other, so the first in order would all be of one container: from behind they
    # are spread, and the order is still the same each time.
    value = f"n.{quote(key)}"
    return (f"MATCH (n:{expression}) WHERE n.{quote(OPERATION_ID)} IS NULL AND {value} IS NOT NULL"
            f" RETURN DISTINCT {value} AS {name} ORDER BY reverse(toString({name})) LIMIT {SETS}")


def _round_trip(_: Profile, __: str) -> Texts:
    return "RETURN 1 AS one", None


def _count_labels(_: Profile, __: str) -> Texts:
    return "MATCH (n) UNWIND labels(n) AS label RETURN label, count(*) AS nodes ORDER BY nodes DESC, label", None


def _count_types(_: Profile, __: str) -> Texts:
    return ("MATCH ()-[r]->() RETURN type(r) AS type, count(*) AS relationships"
            " ORDER BY relationships DESC, type"), None


def _by_id(profile: Profile, resource: str) -> Texts:
    return f"MATCH (n:{resource} {{{quote(str(profile.id))}: $id}}) RETURN n", _drawn(resource, str(profile.id), "id")


def _by_name(profile: Profile, resource: str) -> Texts:
    key = str(profile.name_property)
    return f"MATCH (n:{resource} {{{quote(key)}: $name}}) RETURN n", _drawn(resource, key, "name")


def _in_names(profile: Profile, resource: str) -> Texts:
    key = quote(str(profile.name_property))
    return (f"MATCH (n:{resource}) WHERE n.{key} CONTAINS $name RETURN n.{key} AS name ORDER BY name LIMIT 100",
            _drawn(resource, str(profile.name_property), "name"))


def _of_type(profile: Profile, resource: str) -> Texts:
    key = str(profile.type)
    return (f"MATCH (n:{resource} {{{quote(key)}: $type}}) RETURN count(*) AS resources",
            _drawn(resource, key, "type"))


def _grouped(key: str | None, name: str, resource: str) -> Texts:
    return (f"MATCH (n:{resource}) RETURN n.{quote(str(key))} AS {name}, count(*) AS resources"
            f" ORDER BY resources DESC, {name}"), None


def _by_type(profile: Profile, resource: str) -> Texts:
    return _grouped(profile.type, "type", resource)


def _by_location(profile: Profile, resource: str) -> Texts:
    return _grouped(profile.location, "location", resource)


def _contained(profile: Profile, resource: str) -> Texts:
    containers = "|".join(map(quote, profile.container_labels))
    types = "|".join(map(quote, profile.containment_types))
    key = str(profile.id)
    return (f"MATCH (c:{containers} {{{quote(key)}: $id}})-[:{types}]->(n:{resource}) RETURN n",
            _drawn(containers, key, "id"))


def _from_resource(path: str) -> Callable[[Profile, str], Texts]:
    def make(profile: Profile, resource: str) -> Texts:
        key = str(profile.id)
        return (f"MATCH (n:{resource} {{{quote(key)}: $id}}){path}(m) RETURN count(DISTINCT m) AS reached",
                _drawn(resource, key, "id"))

    return make


def _shortest_path(profile: Profile, resource: str) -> Texts:
    key = quote(str(profile.id))
    ids = _drawn(resource, str(profile.id), "id")
    cypher = (f"MATCH (a:{resource} {{{key}: $from}}), (b:{resource} {{{key}: $to}})"
              " MATCH p = shortestPath((a)-[*..8]-(b)) RETURN length(p) AS length")
    parameters = (f"CALL () {{ {ids} }} WITH collect(id) AS ids UNWIND range(0, size(ids) - 2) AS i"
                  " RETURN ids[i] AS from, ids[i + 1] AS to")
    return cypher, parameters


def _busiest(_: Profile, __: str) -> Texts:
    return ("MATCH (n) RETURN labels(n) AS labels, COUNT { (n)--() } AS degree ORDER BY degree DESC LIMIT 10"), None


def _of_operation(_: Profile, resource: str) -> Texts:
    key = quote(OPERATION_ID)
    parameters = (f"MATCH (n:{resource}) WHERE n.{key} IS NOT NULL RETURN DISTINCT n.{key} AS operation"
                  f" ORDER BY operation LIMIT {SETS}")
    return f"MATCH (n:{resource} {{{key}: $operation}}) RETURN count(*) AS resources", parameters


_SET: tuple[tuple[str, tuple[str, ...], Callable[[Profile, str], Texts]], ...] = (
    ("round trip", (), _round_trip),
    ("nodes by label", (), _count_labels),
    ("relationships by type", (), _count_types),
    ("lookup by id", ("id",), _by_id),
    ("lookup by name", ("name",), _by_name),
    ("search in names", ("name",), _in_names),
    ("resources of a type", ("type",), _of_type),
    ("resources by type", ("type",), _by_type),
    ("resources by location", ("location",), _by_location),
    ("resources of a container", ("id", "container labels", "containment types"), _contained),
    ("neighbours", ("id",), _from_resource("--")),
    ("two hops", ("id",), _from_resource("-[*2]-")),
    ("up to three hops out", ("id",), _from_resource("-[*1..3]->")),
    ("shortest path", ("id",), _shortest_path),
    ("busiest nodes", (), _busiest),
    ("resources of an operation", (), _of_operation),
)
"""Names, the parts of the profile that are needed, and what makes a query's text and that of its parameters."""
