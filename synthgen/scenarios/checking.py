"""Tries a scenario over the whole range of its parameters, to find where it contradicts itself; knows no base graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

import numpy as np

from synthgen.scenarios.layout import count_nodes
from synthgen.scenarios.topology import Parameter, Topology
from synthgen.seeding import derive_seed, pick

_MOST_PRODUCTS = 2_000
_DRAWN = 500
_SMALL = 40


def check_counts(topology: Topology) -> int:
    """Count a scenario's nodes with many values of its parameters.

    Tried are each parameter's smallest values, its default and its largest one, in all combinations or, when these
    are too many, one parameter after the other; and 500 combinations drawn from all that is allowed.

    Returns:
        How many combinations were tried.

    Raises:
        UsageError: With one of them the groups miss the total or a size, or a count is negative; says which.
    """
    tried = 0
    for numbers in _combinations(topology):
        count_nodes(topology, numbers)
        tried += 1
    return tried


def _combinations(topology: Topology) -> Iterator[Mapping[str, int]]:
    parameters = [item for item in topology.parameters.values() if item.names_for is None]
    names = [item.name for item in parameters]
    defaults = {item.name: item.default for item in parameters}
    for count in (_SMALL, 8, 3, 1):
        ranges = [_values(item, count) for item in parameters]
        if np.prod([len(values) for values in ranges]) <= _MOST_PRODUCTS:
            yield from (dict(zip(names, values, strict=True)) for values in product(*ranges))
            break
    for item in parameters:
        yield from ({**defaults, item.name: value} for value in _values(item, _SMALL))
    rows = np.arange(_DRAWN, dtype=np.int64)
    drawn = {item.name: item.minimum + pick(rows, derive_seed(0, "check", item.name), item.maximum - item.minimum + 1)
             for item in parameters}
    if drawn:
        yield from ({name: int(values[row]) for name, values in drawn.items()} for row in range(_DRAWN))


def _values(parameter: Parameter, smallest: int) -> list[int]:
    low, high = parameter.minimum, parameter.maximum
    return sorted({*range(low, min(low + smallest, high + 1)), parameter.default, high})
