"""Runs all measures on two graphs, and on halves of the first, which tells what chance alone does; pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from synthgen.fidelity.columns import node_columns, relationship_columns
from synthgen.fidelity.copies import COPIES
from synthgen.fidelity.counted import Counted, Reading
from synthgen.fidelity.degrees import DEGREES
from synthgen.fidelity.leaks import Searched, searched_in
from synthgen.fidelity.measured import Measured
from synthgen.fidelity.measures import Measure, Outcome, Pair
from synthgen.fidelity.mixes import MIXES
from synthgen.fidelity.pairs import PAIRS
from synthgen.fidelity.properties import PROPERTIES
from synthgen.fidelity.shapes import SHAPES
from synthgen.profile import Profile
from synthgen.progress import Progress, silent

MEASURES: tuple[Measure, ...] = (*MIXES, *DEGREES, *SHAPES, *PROPERTIES, *PAIRS, *COPIES)
CEILING_SEEDS = (0, 1, 2)
"""The base is cut in halves this often; a ceiling is the mean."""

Halves = Callable[[int], tuple[Measured, Measured]]
"""Cuts a graph in two halves, by a seed."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one measure gave.

    Attributes:
        measure: The measure.
        outcome: For the operation.
        ceiling: The mean score of one half of the base against the other; None where halves have nothing to compare,
            or where the measure is about copying.
    """

    measure: Measure
    outcome: Outcome
    ceiling: float | None


def pair_of(base: Measured, other: Measured, profile: Profile, seed: int = 0) -> Pair:
    """Make two graphs ready to be compared; how rows are read is decided from the first."""
    reading = Reading(node_columns(base, profile), relationship_columns(base), searched_in(base, profile.id))
    return Pair(Counted(base, _searching_nothing(reading)), Counted(other, reading), seed)


def _searching_nothing(reading: Reading) -> Reading:
    return replace(reading, searched=Searched(reading.searched.ids.clear(), reading.searched.rows.clear()))


def compare(pair: Pair, halves: Halves | None = None, progress: Progress = silent) -> list[Measurement]:
    """Run every measure on a pair of graphs, and on halves of the base for the noise ceiling.

    Source of the ceiling: mostlyai-qa's `*Max` columns; a score above what halves of the base reach says nothing more.
    """
    ceilings = [] if halves is None else [_ceilings(pair, *halves(seed)) for seed in CEILING_SEEDS]
    found = []
    for done, measure in enumerate(MEASURES):
        progress("measuring", done, len(MEASURES))
        scores = [one[measure.key] for one in ceilings]
        found.append(Measurement(measure, measure.compute(pair), _mean(scores)))
    progress("measuring", len(MEASURES), len(MEASURES))
    return found


def _ceilings(pair: Pair, one: Measured, other: Measured) -> dict[str, float | None]:
    reading = pair.base.reading
    half = Pair(Counted(one, reading), Counted(other, reading), pair.seed)
    return {measure.key: None if measure in COPIES else measure.compute(half).score for measure in MEASURES}


def _mean(scores: Sequence[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return fmean(known) if known else None
