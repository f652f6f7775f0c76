"""What the nodes of a scenario look like in this base: labels, properties and their types; makes no rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from synthgen.errors import UsageError
from synthgen.growth import NodeBlock
from synthgen.profile import Profile
from synthgen.scenarios.around import SUBSCRIPTION_ID, Around, Models
from synthgen.scenarios.nodes import PROPERTIES, SCENARIO_NAME, Look, Operation
from synthgen.scenarios.topology import PLACEHOLDER, Group, Topology
from synthgen.seeding import token

_KEY_KINDS = ("STRING", "INTEGER")


def group_look(around: Around, profile: Profile, topology: Topology, group: Group) -> Look:
    """Say what the nodes of a group look like: as the base's do, or, when it has none, with the usual properties.

    Raises:
        UsageError: The base demands something unique that the scenario does not make so.
    """
    if profile.id is not None and profile.id in group.values:
        raise UsageError(f"{group.where}: {profile.id!r} is the nodes' id, which is made", hint="give id = pattern")
    return _labelled_look(around, profile, topology, group) if group.labels else _typed_look(around, profile, group)


def _typed_look(around: Around, profile: Profile, group: Group) -> Look:
    own = _texts(profile.id, profile.name_property, profile.type, profile.location, *profile.container_names)
    replaced = {name for name in (*own, SUBSCRIPTION_ID, PROPERTIES, profile.tenant) if name is not None}
    labels = tuple(sorted(profile.resource_labels))
    if profile.name_property in around.unique_properties(labels):
        raise UsageError(f"a constraint makes {profile.name_property!r} of {':'.join(labels)} unique, "
                         "but scenarios repeat names, such as those of subnets",
                         hint="drop the constraint and export again, or use template", property=profile.name_property)
    values, keys = _kinds(group.values), {str(profile.id): "STRING"}
    models = around.models(around.of_group(group), replaced=replaced | set(values))
    if models is not None:
        return Look(labels, {**models.types, **own, **values}, models, keys, models.spelling)
    usual = {name: kind for name, kind in around.property_types().items() if name in replaced}
    return Look(labels, {**usual, **own, **values}, None, keys, group.type)


def _labelled_look(around: Around, profile: Profile, topology: Topology, group: Group) -> Look:
    labels, values = tuple(sorted(group.labels)), _kinds(group.values)
    own = _texts(profile.id, profile.name_property, profile.type if group.type is not None else None,
                 profile.location if topology.region is not None else None,
                 *(profile.container_names if topology.container is not None else ()))
    around_it = {SUBSCRIPTION_ID, profile.tenant} if topology.subscription is not None else set()
    models = around.models(around.of_group(group), replaced={*own, *values, *(name for name in around_it if name)})
    found = {name: kind for name, kind in own.items() if models is None or name in models.types}
    if group.type is not None and profile.type is not None:
        found[profile.type] = "STRING"
    types: dict[str, str] = {**found, **(models.types if models is not None else {}), **values}
    if group.id is not None and profile.id is not None:
        types[profile.id] = "STRING"
    unique = around.unique_properties(labels)
    patterns = {name: str(value) for name, value in group.values.items()} | {profile.name_property or "": group.pattern}
    patterns.pop(profile.id or "", None)
    for name in sorted(unique & set(patterns)):
        if not {"token", "row"} <= set(PLACEHOLDER.findall(patterns[name])):
            raise UsageError(f"{group.where}: a constraint makes {name!r} of {':'.join(labels)} unique",
                             hint="put $token and $row into its pattern", property=name)
    keys = {name: types[name] for name in sorted((unique | {profile.id or ""}) & set(types)) if name not in patterns}
    return Look(labels, types, models, _check_keys(keys, group, models), group.type or ":".join(labels))


def _check_keys(keys: Mapping[str, str], group: Group, models: Models | None) -> Mapping[str, str]:
    for name, kind in keys.items():
        if kind not in _KEY_KINDS:
            of = ":".join(models.labels if models is not None else group.labels)
            raise UsageError(f"{group.where}: {name!r} of {of} is unique and a {kind}",
                             hint="only STRING and INTEGER values can be made unique; choose other labels")
    return keys


def _kinds(values: Mapping[str, Any]) -> dict[str, str]:
    kinds = {bool: "BOOLEAN", int: "INTEGER", float: "FLOAT", list: "LIST<STRING>"}
    return {name: kinds.get(type(value), "STRING") for name, value in values.items()}


def container_look(around: Around, profile: Profile, label: str) -> Look:
    """Say what containers look like: as the base's do, or with an id, a name and a location."""
    own = _texts(profile.id, profile.name_property, profile.location)
    replaced = {name for name in (*own, SUBSCRIPTION_ID, profile.tenant, *profile.container_names) if name is not None}
    models = around.models(around.labelled(label), replaced=replaced)
    if models is None:
        return Look((label,), own, None, _texts(profile.id))
    kind = models.types.get(profile.id or "")
    keys = {str(profile.id): "INTEGER"} if kind == "INTEGER" else _texts(profile.id)
    return Look(models.labels, {**models.types, **own, **keys}, models, keys)


def region_block(around: Around, profile: Profile, label: str, names: list[str], operation: Operation) -> NodeBlock:
    """Make the regions that the base has not; those of two operations are apart, whatever the base demands unique."""
    models = around.models(around.labelled(label), replaced=set())
    labels = models.labels if models is not None else (label,)
    name_property = profile.name_property or "name"
    unique = around.unique_properties(labels) | {profile.id}
    mark = token(operation.seed, operation.operation_id)
    types = {name_property: "STRING", "region": "STRING"}
    if profile.id is not None and (models is None or profile.id in models.types):
        types[profile.id] = "STRING"

    def make(start: int, stop: int) -> pl.DataFrame:
        plain = pl.Series(names[start:stop], dtype=pl.String)
        marked = plain + f"-{mark}"
        return pl.DataFrame([(marked if name in unique else plain).alias(name) for name in types])

    return NodeBlock(labels, types, len(names), {}, make, {SCENARIO_NAME: operation.scenario})


def _texts(*names: str | None) -> dict[str, str]:
    return dict.fromkeys((name for name in names if name is not None), "STRING")
