"""What a measure is, and what one gives: a score in 0…1 with the parts that it is made of; pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from synthgen.fidelity.counted import Counted


@dataclass(frozen=True, slots=True)
class Part:
    """One thing compared within a measure, such as one property of one type.

    Attributes:
        what: Its name, for reading.
        score: In 0…1; 1 is the same.
        weight: Its share of the measure.
        base, synthetic: What was found on both sides, for reading.
    """

    what: str
    score: float
    weight: float
    base: str = ""
    synthetic: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a measure gives: its score, and the worst of its parts first; None where there is nothing to compare."""

    score: float | None
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """The two graphs of one comparison, counted; `seed` draws what is sampled."""

    base: Counted
    other: Counted
    seed: int = 0

    def kind(self, code: int) -> str:
        """Name a kind of nodes."""
        return self.base.graph.kinds.names[code]

    def type(self, code: int) -> str:
        """Name a relationship type."""
        return self.base.graph.types.names[code]

    def owner(self, row: dict[str, Any]) -> str:
        """Name what a row of a histogram is about: a kind of nodes, or a pattern."""
        return self.kind(row["kind"]) if "kind" in row else self.pattern(row)

    def pattern(self, row: dict[str, Any]) -> str:
        """Name a pattern."""
        return f"{self.kind(row['start'])} -{self.type(row['type'])}-> {self.kind(row['end'])}"


@dataclass(frozen=True, slots=True)
class Measure:
    """One way to compare two graphs.

    Attributes:
        key: Its name in JSON.
        title: Its name for reading.
        meaning: What a high score says, in plain words.
        formula: How the score is computed.
        source: Where the formula is from.
        compute: Computes it.
    """

    key: str
    title: str
    meaning: str
    formula: str
    source: str
    compute: Callable[[Pair], Outcome]


@dataclass(frozen=True, slots=True)
class Compared:
    """One distribution compared with another.

    Attributes:
        what: Its name, for reading.
        distance: In 0…1.
        rows_of_base, rows_of_other: What it counts in both graphs.
        base, synthetic: What was found on both sides, for reading.
    """

    what: str
    distance: float
    rows_of_base: int
    rows_of_other: int
    base: str = ""
    synthetic: str = ""


PARTS_KEPT = 50
"""Of the parts of a measure the worst are kept."""


def weighted(parts: Sequence[Part]) -> Outcome:
    """Take the mean of the parts' scores by weight."""
    whole = sum(part.weight for part in parts)
    if not whole:
        return Outcome(None)
    score = sum(part.score * part.weight for part in parts) / whole
    # What costs most comes first: a rare part with a low score costs little.
    worst = sorted(parts, key=lambda part: (-(1 - part.score) * part.weight, part.score, part.what))
    shares = [Part(part.what, part.score, part.weight / whole, part.base, part.synthetic)
              for part in worst[:PARTS_KEPT]]
    # A mean of ones is one, whatever the sum of the weights is rounded to.
    return Outcome(min(1.0, max(0.0, score)) if any(part.score != 1 for part in parts) else 1.0, tuple(shares))


def weighted_by_rows(found: Sequence[Compared]) -> Outcome:
    """Take the mean of 1 - distance, weighted by the mean of the shares that each has of both graphs' rows."""
    base, other = (max(1, sum(rows)) for rows in
                   ([one.rows_of_base for one in found], [one.rows_of_other for one in found]))
    return weighted([Part(one.what, 1 - one.distance, (one.rows_of_base / base + one.rows_of_other / other) / 2,
                          one.base, one.synthetic) for one in found])
