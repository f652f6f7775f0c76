"""Makes everything of a tenant that is no resource: tenant, subscriptions, groups, regions, tags, people; pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from faker import Faker

from synthgen.sample.catalogue import directory, scaled
from synthgen.sample.columns import chosen, filled, guids, moments, numbered, skewed_ends, some, weighted
from synthgen.seeding import I64, U64, derive_seed

_POOL = 400
_DOMAIN = "contoso.example.com"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What resources stand in, and who else is there.

    Attributes:
        frames: Label → nodes, one column per property.
        subscription_of_group: Row of each resource group's subscription.
        region_of_group: Row of each resource group's region.
        words_of_group: Columns `workload` and `env`, which resources carry in their names.
        region_ends: Running sum of the regions' shares of use.
        group_ends: Running sum of the resource groups' shares of resources.
    """

    frames: dict[str, pl.DataFrame]
    subscription_of_group: I64
    region_of_group: I64
    words_of_group: pl.DataFrame
    region_ends: U64
    group_ends: U64


def _rows(count: int) -> I64:
    return np.arange(count, dtype=np.int64)


def _pool(seed: int, name: str, draw: Callable[[Faker], str]) -> pl.Series:
    # Faker draws in order and one by one, so it only fills pools; rows pick from these.
    faker = Faker("en_US")
    faker.seed_instance(derive_seed(seed, "pool", name))
    return pl.Series("", [draw(faker) for _ in range(_POOL)])


def _tenant(seed: int) -> pl.DataFrame:
    company = _pool(seed, "company", lambda faker: str(faker.last_name()))[0]
    return pl.DataFrame({"id": guids(_rows(1), derive_seed(seed, "Tenant"))}).with_columns(
        name=pl.lit(f"{company.lower()}.{_DOMAIN}"), display_name=pl.lit(f"Contoso {company}")
    )


def _subscriptions(count: int, seed: int) -> pl.DataFrame:
    rows = _rows(count)
    values = {
        "purpose": pl.Series("", directory()["words"]["purpose"]).gather(rows % len(directory()["words"]["purpose"])),
        "number": numbered(rows),
        "guid": guids(rows, derive_seed(seed, "Subscription")),
        "state": chosen(rows, derive_seed(seed, "Subscription", "state"), ["Enabled"] * 9 + ["Warned"]),
    }
    return pl.DataFrame(
        {
            "id": filled("/subscriptions/$guid", values.__getitem__),
            "subscription_id": values["guid"],
            "name": filled("Contoso $purpose $number", values.__getitem__),
            "state": values["state"],
        }
    )


def _regions(count: int) -> tuple[pl.DataFrame, U64]:
    found = directory()["regions"]["rows"][:count]
    names, codes, display_names, shares = zip(*found, strict=True)
    frame = pl.DataFrame({"name": names, "code": codes, "display_name": display_names})
    return frame, np.cumsum(np.array(shares, np.uint64), dtype=np.uint64)


def _tags(count: int) -> pl.DataFrame:
    data = directory()["tags"]
    closed = pl.DataFrame(data["closed"], schema=["key", "value"], orient="row").head(count)
    rows = _rows(count - len(closed))
    growing = pl.DataFrame(data["growing"], schema=["key", "value"], orient="row").gather(rows % len(data["growing"]))
    growing = growing.with_columns(value=pl.col("value") + numbered(rows // len(data["growing"])))
    return pl.concat([closed, growing]).with_columns(id=pl.col("key") + ":" + pl.col("value"))


def _users(count: int, seed: int) -> pl.DataFrame:
    rows = _rows(count)
    values = {
        "first": chosen(rows, derive_seed(seed, "first"), _pool(seed, "first", lambda faker: str(faker.first_name()))),
        "last": chosen(rows, derive_seed(seed, "last"), _pool(seed, "last", lambda faker: str(faker.last_name()))),
        "number": numbered(rows),
    }
    address = filled("$first.$last$number@" + _DOMAIN, values.__getitem__).str.to_lowercase()
    titles = _pool(seed, "title", lambda faker: str(faker.job()))
    return pl.DataFrame(
        {
            "id": guids(rows, derive_seed(seed, "User")),
            "user_principal_name": address,
            "display_name": filled("$first $last", values.__getitem__),
            "mail": address,
            "department": chosen(rows, derive_seed(seed, "department"), directory()["words"]["department"]),
            "job_title": chosen(rows, derive_seed(seed, "title"), titles),
            "account_enabled": pl.Series("", some(rows, derive_seed(seed, "enabled"), 94)),
            "created_at": moments(rows, derive_seed(seed, "User", "created")),
        }
    )


def _principals(count: int, seed: int) -> pl.DataFrame:
    rows = _rows(count)
    values = {
        "workload": chosen(rows, derive_seed(seed, "sp", "workload"), directory()["words"]["workload"]),
        "application": chosen(rows, derive_seed(seed, "sp", "application"), directory()["words"]["application"]),
        "number": numbered(rows),
    }
    kinds = ["Application", "Application", "ManagedIdentity"]
    return pl.DataFrame(
        {
            "id": guids(rows, derive_seed(seed, "ServicePrincipal")),
            "app_id": guids(rows, derive_seed(seed, "ServicePrincipal", "app")),
            "display_name": filled("sp-$workload-$application-$number", values.__getitem__),
            "service_principal_type": chosen(rows, derive_seed(seed, "sp", "kind"), kinds),
            "account_enabled": pl.Series("", some(rows, derive_seed(seed, "sp", "enabled"), 97)),
        }
    )


def _teams(count: int, seed: int) -> pl.DataFrame:
    rows = _rows(count)
    values = {
        "workload": chosen(rows, derive_seed(seed, "team"), directory()["words"]["workload"]),
        "department": chosen(rows, derive_seed(seed, "team", "department"), directory()["words"]["department"]),
        "number": numbered(rows),
    }
    nickname = filled("grp-$workload-$number", values.__getitem__)
    return pl.DataFrame(
        {
            "id": guids(rows, derive_seed(seed, "Group")),
            "display_name": filled("$department: $workload $number", values.__getitem__),
            "mail_nickname": nickname,
            "mail": nickname + "@" + _DOMAIN,
            "security_enabled": pl.Series("", some(rows, derive_seed(seed, "team", "security"), 80)),
        }
    )


def _roles(count: int, seed: int) -> pl.DataFrame:
    ids = guids(_rows(count), derive_seed(seed, "RoleDefinition"))
    return pl.DataFrame(
        {
            "id": "/providers/Microsoft.Authorization/roleDefinitions/" + ids,
            "role_name": directory()["roles"]["names"][:count],
            "role_type": ["BuiltInRole"] * count,
        }
    )


def make_surroundings(resources: int, seed: int) -> Surroundings:
    """Make what stands around `resources` resources, in the proportions of the reported tenant."""
    data = directory()["counts"]
    counts = {label: max(1, scaled(count, resources)) for label, count in data.items() if label != "fixed"}
    counts |= {label: min(counts[label], data[label]) for label in data["fixed"]}
    subscriptions = _subscriptions(counts["Subscription"], seed)
    regions, region_ends = _regions(counts["Region"])
    rows = _rows(counts["ResourceGroup"])
    subscription_ends = skewed_ends(len(subscriptions), derive_seed(seed, "subscription", "share"))
    subscription = weighted(rows, derive_seed(seed, "group", "subscription"), subscription_ends)
    region = weighted(rows, derive_seed(seed, "group", "region"), region_ends)
    pools = directory()["words"]
    words = pl.DataFrame(
        {word: chosen(rows, derive_seed(seed, "group", word), pools[word]) for word in ("workload", "env")}
    )
    values = {
        "workload": words["workload"],
        "env": words["env"],
        "code": regions["code"].gather(region),
        "number": numbered(rows),
        "subscription": subscriptions["id"].gather(subscription),
    }
    values["name"] = filled("rg-$workload-$env-$code-$number", values.__getitem__)
    groups = pl.DataFrame(
        {
            "id": filled("$subscription/resourceGroups/$name", values.__getitem__),
            "name": values["name"],
            "location": regions["name"].gather(region),
            "subscription_id": subscriptions["subscription_id"].gather(subscription),
        }
    )
    frames = {
        "Tenant": _tenant(seed),
        "Subscription": subscriptions,
        "ResourceGroup": groups,
        "Region": regions,
        "Tag": _tags(counts["Tag"]),
        "User": _users(counts["User"], seed),
        "ServicePrincipal": _principals(counts["ServicePrincipal"], seed),
        "Group": _teams(counts["Group"], seed),
        "RoleDefinition": _roles(counts["RoleDefinition"], seed),
    }
    ends = skewed_ends(len(groups), derive_seed(seed, "group", "share"))
    return Surroundings(frames, subscription, region, words, region_ends, ends)
