"""What a measurement found: one quantity beside its floor, peer or limit, as a row and as JSON; measures nothing."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from itertools import cycle
from pathlib import Path
from typing import Any

import psutil

SAME_RATE = 1 / 0.9
"""The most that seconds may be, by those of a peer, when nine tenths of its rows a second are wanted."""
LIBRARIES = ("polars", "pyarrow", "numpy", "neo4j")


@dataclass(frozen=True)
class Figure:
    """One quantity, of which less is better, by what it is measured against.

    Attributes:
        name: What was measured.
        unit: `s`, `MB` or `µs/row`.
        ours: A value for each repetition.
        against: What it is measured against: a floor, a peer, a limit.
        theirs: Its values, pair by pair, or one for all.
        target: The most that the ratio may be; None when none was asked for.
        rows: Nodes and relationships that it is about; 0 when it is about none.
        facts: What else is worth knowing, for JSON.
    """

    name: str
    unit: str
    ours: Sequence[float]
    against: str
    theirs: Sequence[float]
    target: float | None = None
    rows: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def ratios(self) -> list[float]:
        """Ours by theirs, pair by pair."""
        pairs = max(len(self.ours), len(self.theirs))
        if {len(self.ours), len(self.theirs)} - {1, pairs}:
            raise ValueError(f"{self.name}: {len(self.ours)} values against {len(self.theirs)}")
        both = zip(cycle(self.ours), cycle(self.theirs), range(pairs), strict=False)
        return [our / their for our, their, _ in both]

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return statistics.median(self.ratios)

    @property
    def is_met(self) -> bool | None:
        """Whether the ratio is what was asked for; None when nothing was."""
        return None if self.target is None else self.ratio <= self.target

    @property
    def rate(self) -> float | None:
        """Rows a second; None where that means nothing."""
        return self.rows / statistics.median(self.ours) if self.rows and self.unit == "s" else None

    def as_document(self) -> dict[str, Any]:
        """Give all of it as JSON writes it."""
        return {
            "figure": self.name, "unit": self.unit, "ours": list(self.ours), "against": self.against,
            "theirs": list(self.theirs), "ratio": self.ratio, "ratio_least": min(self.ratios),
            "ratio_most": max(self.ratios), "target": self.target, "met": self.is_met, "rows": self.rows,
            "rows_per_second": self.rate, "facts": dict(self.facts),
        }


COLUMNS = ("figure", "rows", "ours", "rows/s", "against", "theirs", "ratio", "spread", "wanted")
WIDTHS = (52, 10, 12, 9, 46, 12, 5, 11, 14)
TEXTS = {0, 4, 8}
"""The columns that are set flush left."""
DIGITS = (1_000, 100, 1)
"""Below each of these a value has one more digit after the point."""


def head_lines() -> list[str]:
    """Give the first two lines of the table, which is one of Markdown."""
    rule = ["-" * width if place in TEXTS else "-" * (width - 1) + ":" for place, width in enumerate(WIDTHS)]
    return [_line(COLUMNS), _line(rule)]


def table_line(figure: Figure) -> str:
    """Give a figure's line of the table: medians, and the spread of the ratios over the repetitions."""
    least, most = min(figure.ratios), max(figure.ratios)
    wanted = "" if figure.target is None else f"≤ {figure.target:.2f}, {'met' if figure.is_met else 'missed'}"
    return _line((
        figure.name, f"{figure.rows:,}" if figure.rows else "", _amount(figure.ours, figure.unit),
        "" if figure.rate is None else f"{figure.rate:,.0f}", figure.against, _amount(figure.theirs, figure.unit),
        f"{figure.ratio:.2f}", f"{least:.2f}–{most:.2f}" if len(figure.ratios) > 1 else "once", wanted))


def _amount(values: Sequence[float], unit: str) -> str:
    value = statistics.median(values)
    digits = 0 if unit == "MB" else sum(value < limit for limit in DIGITS)
    return f"{value:,.{digits}f} {unit}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.ljust(width) if place in TEXTS else cell.rjust(width)
                             for place, (cell, width) in enumerate(zip(cells, WIDTHS, strict=True))) + " |"


def describe_machine(root: Path) -> dict[str, str]:
    """Say on what, and with which versions, something is measured."""
    return {
        "processor": f"{os.cpu_count()} × {_processor()}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB", "system": platform.platform(terse=True),
        "python": platform.python_version(), **{name: version(name) for name in LIBRARIES},
        "commit": _commit(root),
    }


def _processor() -> str:
    return next(_models(), platform.machine())


def _models() -> Iterator[str]:
    told = Path("/proc/cpuinfo")
    if told.is_file():
        for line in told.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                yield line.partition(":")[2].strip()


def _commit(root: Path) -> str:
    try:
        return subprocess.run(["git", "-C", str(root), "describe", "--always", "--dirty"], capture_output=True,
                              text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
