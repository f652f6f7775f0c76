"""Measures of what there is: kinds of nodes, patterns of relationships, which shared nodes they end on; pure."""

from __future__ import annotations

import polars as pl

from synthgen.fidelity.counted import OUT, Counted
from synthgen.fidelity.distances import BASE, COUNT, DISTANCE, OTHER, total_variation
from synthgen.fidelity.measures import PARTS_KEPT, Compared, Measure, Outcome, Pair, Part, weighted_by_rows

_PATTERN = ("start", "type", "end")


def type_mix(pair: Pair) -> Outcome:
    """Compare the shares of kinds of nodes: 1 - ½ Σ |p - q|, the total variation distance's complement.

    Source: Levin, Peres: "Markov chains and mixing times", § 4.1; SDMetrics calls it TVComplement.
    """
    return _mix(pair, pair.base.kinds, pair.other.kinds, ("kind",))


def pattern_mix(pair: Pair) -> Outcome:
    """Compare the shares of patterns (start kind, type, end kind): 1 - ½ Σ |p - q|.

    Source: as `type_mix`; patterns as in a metagraph, Sun et al.: "PathSim", VLDB 2011.
    """
    return _mix(pair, pair.base.patterns, pair.other.patterns, _PATTERN)


def _mix(pair: Pair, base: pl.DataFrame, other: pl.DataFrame, keys: tuple[str, ...]) -> Outcome:
    if base.is_empty() and other.is_empty():
        return Outcome(None)
    distance = float(total_variation(base, other, ())[DISTANCE].item())
    both = base.join(other, on=list(keys), how="full", coalesce=True, suffix="_other").fill_null(0)
    totals = [max(int(frame[COUNT].sum()), 1) for frame in (base, other)]
    parts = []
    for row in both.iter_rows(named=True):
        p, q = row[COUNT] / totals[0], row[COUNT + "_other"] / totals[1]
        name = pair.kind(row["kind"]) if keys == ("kind",) else pair.pattern(row)
        parts.append(Part(name, 1 - abs(p - q), (p + q) / 2, f"{p:.3%}", f"{q:.3%}"))
    parts.sort(key=lambda part: (part.score, part.what))
    return Outcome(1 - distance, tuple(parts[:PARTS_KEPT]))


def pattern_validity(pair: Pair) -> Outcome:
    """Give the share of the synthetic relationships whose pattern the base has.

    Source: precision of Sajjadi et al.: "Assessing generative models via precision and recall", NeurIPS 2018, on
    patterns.
    """
    return _held(pair, pair.other, pair.base)


def pattern_coverage(pair: Pair) -> Outcome:
    """Give the share of the base's relationships whose pattern the synthetic graph has, too.

    Weighted by relationships, so that a pattern that occurs once in a thousand costs a thousandth; `pattern_recall` is
    not weighted. Source: recall, as `pattern_validity`.
    """
    return _held(pair, pair.base, pair.other)


def pattern_recall(pair: Pair) -> Outcome:
    """Give the share of the base's patterns that the synthetic graph has at least once; each counts the same.

    Source: recall, as `pattern_validity`.
    """
    every = pair.base.patterns.height
    missing = pair.base.patterns.join(pair.other.patterns, on=list(_PATTERN), how="anti").height
    return Outcome(1 - missing / every if every else None, pattern_coverage(pair).parts)


def _held(pair: Pair, asked: Counted, holder: Counted) -> Outcome:
    every = int(asked.patterns[COUNT].sum())
    if not every:
        return Outcome(None)
    missing = asked.patterns.join(holder.patterns, on=list(_PATTERN), how="anti")
    parts = tuple(Part(pair.pattern(row), 0.0, row[COUNT] / every, *_sides(asked is pair.base, row[COUNT]))
                  for row in missing.sort(COUNT, *_PATTERN, descending=[True, False, False, False]).head(PARTS_KEPT)
                  .iter_rows(named=True))
    return Outcome(1 - int(missing[COUNT].sum()) / every, parts)


def _sides(of_base: bool, count: int) -> tuple[str, str]:
    return (f"{count:,}", "0") if of_base else ("0", f"{count:,}")


def shared_ends(pair: Pair) -> Outcome:
    """Compare which shared nodes relationships end on, type by type: mean of 1 - ½ Σ |p - q| over shared nodes.

    In place of these nodes' degrees, which grow with the operation. Source: as `type_mix`.
    """
    distances = total_variation(pair.base.shared_ends, pair.other.shared_ends, ("type", "direction"))
    return weighted_by_rows([
        Compared(f"{pair.type(row['type'])}, shared node at its {'start' if row['direction'] == OUT else 'end'}",
                 row[DISTANCE], row[BASE], row[OTHER], f"{row[BASE]:,} ties", f"{row[OTHER]:,} ties")
        for row in distances.iter_rows(named=True)])


def density(pair: Pair) -> Outcome:
    """Compare relationships per own node: the lesser over the greater.

    Source: ratio of mean degrees; the density over n² shrinks with every copy and says nothing.
    """
    each = [int(one.patterns[COUNT].sum()) / max(int(one.kinds[COUNT].sum()), 1) for one in (pair.base, pair.other)]
    score = min(each) / max(each) if max(each) else 1.0
    return Outcome(score, (Part("relationships per node", score, 1.0, f"{each[0]:.4f}", f"{each[1]:.4f}"),))


MIXES = (
    Measure("type_mix", "Node-type mix", "Each type has the share of nodes that it has in the base.",
            "1 − ½ Σ |p − q| over types", "total variation distance (Levin, Peres § 4.1)", type_mix),
    Measure("pattern_mix", "Pattern mix", "Each pattern (start, type, end) has its share of relationships.",
            "1 − ½ Σ |p − q| over patterns", "total variation distance (Levin, Peres § 4.1)", pattern_mix),
    Measure("pattern_validity", "Pattern validity", "Nothing is tied together that the base never ties together.",
            "share of synthetic relationships whose pattern the base has", "precision (Sajjadi et al. 2018)",
            pattern_validity),
    Measure("pattern_coverage", "Pattern coverage", "What the base ties together is tied together here, too.",
            "share of the base's relationships whose pattern occurs", "recall (Sajjadi et al. 2018)",
            pattern_coverage),
    Measure("pattern_recall", "Pattern coverage, each counted once", "As coverage; the rarest pattern counts like any.",
            "share of the base's patterns that occur", "recall (Sajjadi et al. 2018)", pattern_recall),
    Measure("density", "Relationships per node", "There are as many relationships per node.",
            "min(m/n, m′/n′) ÷ max(m/n, m′/n′)", "ratio of mean degrees", density),
    Measure("shared_ends", "Ties to shared nodes", "Each region, tag or subscription has its share of the ties.",
            "mean of 1 − ½ Σ |p − q| over shared nodes, by relationship type and side", "total variation distance",
            shared_ends),
)
