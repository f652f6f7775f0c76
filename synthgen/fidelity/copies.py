"""Measures of what was copied: rows that are the base's own, and ids of the base in texts; for a look, not a gate."""

from __future__ import annotations

from synthgen.fidelity.measures import Measure, Outcome, Pair, Part


def identical_rows(pair: Pair) -> Outcome:
    """Give 1 - the share of synthetic nodes that equal a node of the base in all properties, the metadata left aside.

    Source: SDMetrics' NewRowSynthesis, without its tolerance for numbers.
    """
    leaks = pair.other.rows.leaks
    return _share("identical to a node of the base", leaks.identical, leaks.rows)


def id_leaks(pair: Pair) -> Outcome:
    """Give 1 - the share of synthetic nodes in whose texts an id of the base's own nodes stands.

    The metadata is left aside, and of more than 20,000 ids a sample is looked for. Ids of shared nodes, such as
    subscriptions, are meant to stand there. Source: exact matching of identifiers; the full gate is not part of the
    report.
    """
    leaks = pair.other.rows.leaks
    return _share("with an id of the base", leaks.with_ids, leaks.rows)


def _share(what: str, found: int, rows: int) -> Outcome:
    if not rows:
        return Outcome(None)
    score = 1 - found / rows
    return Outcome(score, (Part(what, score, 1.0, "0 expected", f"{found:,} of {rows:,}"),))


COPIES = (
    Measure("identical_rows", "Rows of the base's own", "No synthetic node is a base node again.",
            "1 − share of synthetic nodes equal to one of the base in all properties", "SDMetrics NewRowSynthesis",
            identical_rows),
    Measure("id_leaks", "Ids of the base", "No id of a base node stands in a synthetic one's texts.",
            "1 − share of synthetic nodes with such an id", "exact matching of identifiers", id_leaks),
)
