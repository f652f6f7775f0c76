"""What was asked of a scenario, checked and with defaults filled in; knows neither the base graph nor rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthgen.errors import UsageError
from synthgen.scenarios.topology import Parameter, Topology

_INTEGER = re.compile(r"[+-]?\d{1,18}")
_REGION = re.compile(r"[a-z][a-z0-9]{1,39}")


@dataclass(frozen=True, slots=True)
class Asked:
    """Every parameter's value: whole numbers in `numbers`; `names` holds the names that were given, if any were."""

    numbers: Mapping[str, int]
    names: Mapping[str, tuple[str, ...]]


def check_parameters(topology: Topology, given: Mapping[str, Any]) -> Asked:
    """Check what was asked.

    Args:
        topology: The scenario.
        given: Parameter → value: text from a command line, or whole numbers and lists of names.

    Raises:
        UsageError: A parameter is unknown, of the wrong kind, out of its bounds, or contradicts another.
    """
    for name in given:
        if name not in topology.parameters:
            raise UsageError(f"the scenario {topology.name} has no parameter {name!r}", hint=_known(topology),
                             parameter=name)
    names = {name: _names(parameter, given[name], topology) for name, parameter in topology.parameters.items()
             if parameter.names_for is not None and name in given}
    numbers = {name: _number(parameter, given[name], topology) if name in given else parameter.default
               for name, parameter in topology.parameters.items() if parameter.names_for is None}
    for name, values in names.items():
        counted = topology.parameters[name].names_for or ""
        if counted in given and numbers[counted] != len(values):
            raise UsageError(f"{counted}={numbers[counted]} contradicts {name}, which names {len(values)}",
                             hint=f"leave {counted} out: it is the number of {name}; " + _known(topology),
                             parameter=counted)
        numbers[counted] = _bounded(topology.parameters[counted], len(values), topology)
    return Asked(numbers, names)


def describe(parameter: Parameter) -> str:
    """Say what a parameter is, with bounds and default."""
    if parameter.names_for is not None:
        return f"{parameter.name} ({parameter.about})"
    return (f"{parameter.name} ({parameter.about}; {parameter.minimum:,} to {parameter.maximum:,}, "
            f"default {parameter.default:,})")


def region_key(name: str) -> str:
    """Give a region's name as Azure writes it in resources: `East US` and `eastus` are the same."""
    return name.lower().replace(" ", "")


def _known(topology: Topology) -> str:
    return "parameters: " + "; ".join(describe(parameter) for parameter in topology.parameters.values())


def _number(parameter: Parameter, value: Any, topology: Topology) -> int:
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UsageError(f"{parameter.name} is a whole number, not {value!r}", hint=_known(topology),
                         parameter=parameter.name)
    return _bounded(parameter, value, topology)


def _bounded(parameter: Parameter, value: int, topology: Topology) -> int:
    if not parameter.minimum <= value <= parameter.maximum:
        raise UsageError(
            f"{parameter.name}={value} is out of bounds: {parameter.minimum:,} to {parameter.maximum:,}",
            hint=_known(topology), parameter=parameter.name, value=value)
    return value


def _names(parameter: Parameter, value: Any, topology: Topology) -> tuple[str, ...]:
    pieces = value.split(",") if isinstance(value, str) else value
    if not isinstance(pieces, Sequence) or not all(isinstance(piece, str) for piece in pieces):
        raise UsageError(f"{parameter.name} is names with commas between them, not {value!r}", hint=_known(topology),
                         parameter=parameter.name)
    names = tuple(region_key(piece.strip()) for piece in pieces)
    for name in names:
        if not _REGION.fullmatch(name):
            raise UsageError(f"{parameter.name}: {name!r} cannot be a name of a region", parameter=parameter.name,
                             hint="write names such as eastus,westeurope; " + _known(topology))
        if names.count(name) > 1:
            raise UsageError(f"{parameter.name}: {name!r} is named twice", hint="name each region once",
                             parameter=parameter.name)
    return names
