"""Generalises values that few own: numbers, times and places are made coarser, others become what is usual; pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

OTHER = "other"
"""What a rare text becomes where no text is owned by enough."""

_MOMENT = re.compile(r"([+-]?\d{4,9})-(\d\d)-(\d\d)(?:T(\d\d):\d\d[\d:.]*(Z|[+-]\d\d:\d\d(?::\d\d)?)?(?:\[[^\]]*\])?)?")
_TIME = re.compile(r"(\d\d):\d\d[\d:.]*(Z|[+-]\d\d:\d\d(?::\d\d)?)?")
_POINT_NUMBER = re.compile(r"(?<=[xyz]:)-?[\d.]+(?:[eE][+-]?\d+)?")
_USUAL = {"STRING": OTHER, "DURATION": "PT0S", "BYTES": b""}


def generalised(owners: Mapping[Any, int], kind: str, fewest_owners: int) -> dict[Any, Any]:
    """Say what each value owned by fewer than `fewest_owners` becomes; values that stay are left out.

    A value takes the first of its coarser forms that enough own together. What is rare even then becomes the commonest
    value that is not, or, where there is none, the coarsest form of the median (of texts `OTHER`).

    Args:
        owners: Value → owners.
        kind: Neo4j type of the values; a BOOLEAN is never rare, because there are only two.
        fewest_owners: At least so many own what stays.
    """
    rare = {value: count for value, count in owners.items() if count < fewest_owners}
    if not rare or kind == "BOOLEAN":
        return {}
    common = Counter({value: count for value, count in owners.items() if count >= fewest_owners})
    result: dict[Any, Any] = {}
    for coarser in ladder(kind):
        forms = {value: coarser(value) for value in rare}
        together = Counter(common)
        for value, form in forms.items():
            if form is not None:
                together[form] += rare[value]
        reached = {value: form for value, form in forms.items() if form is not None
                   and together[form] >= fewest_owners}
        result |= reached
        for value, form in reached.items():
            common[form] += rare.pop(value)
    if rare:
        usual = max(common, key=lambda value: (common[value], str(value)), default=None)
        result |= dict.fromkeys(rare, _median(rare, kind) if usual is None else usual)
    return result


def ladder(kind: str) -> list[Callable[[Any], Any]]:
    """Give the functions that make a value coarser, the mildest first; each gives None for what it is not for."""
    if kind == "INTEGER":
        return [lambda value, digits=digits: _whole(value, digits) for digits in (3, 2, 1)]  # type: ignore[misc]
    if kind == "FLOAT":
        return [lambda value, digits=digits: _round(value, digits) for digits in (3, 2, 1)]  # type: ignore[misc]
    if kind in {"STRING", "DATE", "LOCAL DATETIME", "ZONED DATETIME"}:
        return [lambda value, keep=keep: _moment(value, keep) for keep in (4, 3, 2, 1)]  # type: ignore[misc]
    if kind in {"LOCAL TIME", "ZONED TIME"}:
        return [lambda value: _TIME.sub(r"\1:00\2", value)]
    if kind == "POINT":
        return [lambda value, places=places: _POINT_NUMBER.sub(  # type: ignore[misc]
            lambda found: str(round(float(found.group()), places)), value) for places in (1, 0, -1)]
    return []


def _whole(value: int, digits: int) -> int:
    unit = 10 ** max(0, len(str(abs(value))) - digits)
    coarse: int = abs(value) // unit * unit
    return coarse if value >= 0 else -coarse


def _round(value: float, digits: int) -> float:
    rounded = float(f"{value:.{digits - 1}e}")
    return value if math.isinf(rounded) else rounded


def _moment(value: str, keep: int) -> str | None:
    """Keep the hour (4), the day (3), the month (2) or the year (1) of a date or a date with time."""
    found = _MOMENT.fullmatch(value)
    if found is None:
        return None
    year, month, day, hour, zone = found.groups()
    date = f"{year}-{month if keep > 1 else '01'}-{day if keep > 2 else '01'}"  # noqa: PLR2004
    return date if hour is None else f"{date}T{hour if keep > 3 else '00'}:00{zone or ''}"  # noqa: PLR2004


def _median(rare: Mapping[Any, int], kind: str) -> Any:
    if kind in _USUAL:
        return _USUAL[kind]
    ordered = sorted(value for value in rare if not isinstance(value, float) or not math.isnan(value))
    if not ordered:
        return next(iter(rare))
    middle = ordered[len(ordered) // 2]
    coarsest = ladder(kind)[-1](middle)
    return middle if coarsest is None else coarsest
