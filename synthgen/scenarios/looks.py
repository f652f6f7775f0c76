"""What the nodes of a scenario look like in this base: labels, properties and their types; makes no rows."""

from __future__ import annotations

import polars as pl

from synthgen.errors import UsageError
from synthgen.growth import NodeBlock
from synthgen.profile import Profile
from synthgen.scenarios.around import SUBSCRIPTION_ID, Around
from synthgen.scenarios.nodes import PROPERTIES, SCENARIO_NAME, Look, Operation
from synthgen.seeding import token


def resource_look(around: Around, profile: Profile, type_: str) -> Look:
    """Say what resources of a type look like: as the base's do, or, when it has none, with the usual properties.

    Raises:
        UsageError: The base demands unique names.
    """
    own = _texts(profile.id, profile.name_property, profile.type, profile.location, *profile.container_names)
    replaced = {name for name in (*own, SUBSCRIPTION_ID, PROPERTIES, profile.tenant) if name is not None}
    labels = tuple(sorted(profile.resource_labels))
    if profile.name_property in around.unique_properties(labels):
        raise UsageError(f"a constraint makes {profile.name_property!r} of {':'.join(labels)} unique, "
                         "but scenarios repeat names, such as those of subnets",
                         hint="drop the constraint and export again, or use template", property=profile.name_property)
    models = around.models(around.of_type(type_), replaced=replaced)
    if models is not None:
        return Look(labels, {**models.types, **own}, models, models.spelling)
    usual = {name: kind for name, kind in around.property_types().items() if name in replaced}
    return Look(labels, {**usual, **own}, None, type_)


def container_look(around: Around, profile: Profile, label: str) -> Look:
    """Say what containers look like: as the base's do, or with an id, a name and a location."""
    own = _texts(profile.id, profile.name_property, profile.location)
    replaced = {name for name in (*own, SUBSCRIPTION_ID, profile.tenant, *profile.container_names) if name is not None}
    models = around.models(around.labelled(label), replaced=replaced)
    if models is None:
        return Look((label,), own, None)
    return Look(models.labels, {**models.types, **own}, models)


def region_block(around: Around, profile: Profile, label: str, names: list[str], operation: Operation) -> NodeBlock:
    """Make the regions that the base has not; those of two operations are apart, whatever the base demands unique."""
    models = around.models(around.labelled(label), replaced=set())
    labels = models.labels if models is not None else (label,)
    name_property = profile.name_property or "name"
    unique = around.unique_properties(labels) | {profile.id}
    mark = token(operation.seed, operation.operation_id)
    types = {name_property: "STRING", "region": "STRING"}
    if models is None or (profile.id in models.types):
        types[str(profile.id)] = "STRING"

    def make(start: int, stop: int) -> pl.DataFrame:
        plain = pl.Series(names[start:stop], dtype=pl.String)
        marked = plain + f"-{mark}"
        return pl.DataFrame([(marked if name in unique else plain).alias(name) for name in types])

    return NodeBlock(labels, types, len(names), {}, make, {SCENARIO_NAME: operation.scenario})


def _texts(*names: str | None) -> dict[str, str]:
    return dict.fromkeys((name for name in names if name is not None), "STRING")
