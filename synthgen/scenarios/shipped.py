"""Finds scenarios: those that the package ships by name, a user's by path; knows not what is in them."""

from __future__ import annotations

import os
import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path

from synthgen.errors import UsageError
from synthgen.scenarios.parsing import parse_topology
from synthgen.scenarios.topology import Topology
from synthgen.sources import SUFFIXES, parse_source, read_source

_REGIONS = "azure-regions"
_SUFFIX = ".toml"


def find_scenario(named: str) -> Topology:
    """Find a scenario: a text with a path separator or the suffix of a file is a path, any other a shipped name.

    Raises:
        UsageError: There is none, or the file is not fit; says file and line.
    """
    path = scenario_file(named)
    return shipped_scenario(named) if path is None else parse_topology(read_source(path), path.stem)


def scenario_file(named: str) -> Path | None:
    """Give the path that a scenario's name is, None when it is a shipped one's name; see `find_scenario`."""
    separators = {os.sep, os.altsep or os.sep, "/"}
    path = Path(named)
    is_path = path.suffix.lower() in SUFFIXES or any(separator in named for separator in separators)
    return path if is_path else None


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
        raise UsageError(f"there is no scenario {name!r}", scenario=name,
                         hint="scenarios: " + ", ".join(scenario_names()) + "; or the path of a file of yours")
    return parse_topology(parse_source(_text(name), said=name, suffix=_SUFFIX), name)


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


@cache
def region_pairs() -> dict[str, str]:
    """Give, for each of Azure's regions that has one, the region that it is paired with."""
    pairs = tomllib.loads(_text(_REGIONS))["pairs"]
    return {one: other for pair in pairs for one, other in (pair, reversed(pair))}


def _text(name: str) -> str:
    return files(__package__).joinpath(name + _SUFFIX).read_text(encoding="utf-8")
