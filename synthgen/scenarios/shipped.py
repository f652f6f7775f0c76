"""The scenarios that the package ships; knows where their files are, not what is in them."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from synthgen.errors import UsageError
from synthgen.scenarios.topology import Topology, parse_topology

_REGIONS = "azure-regions"
_SUFFIX = ".toml"


def scenario_names() -> list[str]:
    """Give the names of the shipped scenarios, sorted."""
    found = (item.name for item in files(__package__).iterdir() if item.name.endswith(_SUFFIX))
    return sorted(name.removesuffix(_SUFFIX) for name in found if name != _REGIONS + _SUFFIX)


@cache
def shipped_scenario(name: str) -> Topology:
    """Read a shipped scenario.

    Raises:
        UsageError: There is none of that name.
    """
    if name not in scenario_names():
        raise UsageError(f"there is no scenario {name!r}", hint="scenarios: " + ", ".join(scenario_names()),
                         scenario=name)
    return parse_topology(_text(name), name)


def scenario_formula(name: str) -> str:
    """Give the number of resources that a scenario makes, as a formula of its parameters.

    Raises:
        UsageError: There is no scenario of that name.
    """
    return shipped_scenario(name).total


@cache
def known_regions() -> tuple[str, ...]:
    """Give Azure's public regions, those that most people use first."""
    return tuple(tomllib.loads(_text(_REGIONS))["names"])


def _text(name: str) -> str:
    return files(__package__).joinpath(name + _SUFFIX).read_text(encoding="utf-8")
