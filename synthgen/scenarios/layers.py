"""Arranges things that are tied by arrows in columns, so that most arrows lead to the right; knows no scenario.

Columns by longest path, orders by barycentres: Sugiyama, Tagawa, Toda, "Methods for visual understanding of
hierarchical system structures", IEEE Transactions on Systems, Man, and Cybernetics 11 (1981).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_SWEEPS = 8


def arrange(names: Sequence[str], arrows: Sequence[tuple[str, str]], *, most: int = 5) -> list[list[str]]:
    """Arrange names in columns.

    Args:
        names: Each once; their order decides where nothing else does.
        arrows: Pairs of names; loops and the last arrow of a circle are not looked at.
        most: Columns; where more were needed, the emptiest neighbours become one.

    Returns:
        The columns from left to right, each from top to bottom; none is empty.
    """
    kept = _without_circles(names, arrows)
    column = _columns(names, kept)
    columns = [[name for name in names if column[name] == place] for place in sorted(set(column.values()))]
    while len(columns) > most:
        at = min(range(len(columns) - 1), key=lambda place: len(columns[place]) + len(columns[place + 1]))
        columns[at:at + 2] = [columns[at] + columns[at + 1]]
    for sweep in range(_SWEEPS):
        order = range(len(columns)) if sweep % 2 == 0 else reversed(range(len(columns)))
        for place in order:
            near = {name: at for found in columns for at, name in enumerate(found)}
            columns[place] = sorted(columns[place], key=lambda name: (_barycentre(name, kept, near), near[name]))
    return columns


def _without_circles(names: Sequence[str], arrows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    kept: list[tuple[str, str]] = []
    reached: dict[str, set[str]] = {name: {name} for name in names}
    for start, end in arrows:
        if start not in reached[end]:
            kept.append((start, end))
            for name in names:
                if start in reached[name]:
                    reached[name] |= reached[end]
    return kept


def _columns(names: Sequence[str], arrows: Sequence[tuple[str, str]]) -> dict[str, int]:
    column = dict.fromkeys(names, 0)
    for _ in names:  # a path is no longer than there are names
        for start, end in arrows:
            column[end] = max(column[end], column[start] + 1)
    ends = {end for _, end in arrows}
    for name in names:
        after = [column[end] for start, end in arrows if start == name]
        if name not in ends and after:
            column[name] = min(after) - 1
    tied = {name for arrow in arrows for name in arrow}
    width = max(column.values(), default=0) + 1
    for name in names:
        if name not in tied:
            sizes = [sum(column[other] == place for other in names if other in tied or other == name)
                     for place in range(width)]
            column[name] = sizes.index(min(sizes))
            tied.add(name)
    return column


def _barycentre(name: str, arrows: Sequence[tuple[str, str]], near: Mapping[str, int]) -> float:
    found = [near[end] for start, end in arrows if start == name]
    found += [near[start] for start, end in arrows if end == name]
    return sum(found) / len(found) if found else float(near[name])
