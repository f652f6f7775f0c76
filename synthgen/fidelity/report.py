"""The fidelity report of one operation: measures it, judges it, and says both as a document; knows no page."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from synthgen.base import Base
from synthgen.bundle.bringing import bring_here
from synthgen.bundle.read import Bundle
from synthgen.fidelity.comparison import compare, pair_of
from synthgen.fidelity.counted import Counted
from synthgen.fidelity.judgement import Change, Judged, Status, deliberate_changes, judge, targets_of
from synthgen.fidelity.measured import Vocabulary
from synthgen.fidelity.measures import Pair
from synthgen.fidelity.operations import Reference, measure_bundle, measure_loaded
from synthgen.profile import profile_from_document
from synthgen.progress import Progress, silent
from synthgen.snapshot.read import Snapshot, check_snapshot, open_snapshot

WORST_PARTS = 5
"""Of each measure so many parts stand in the document."""
_ROUNDED = 6


@dataclass(frozen=True, slots=True)
class Report:
    """What was found of one operation.

    Attributes:
        bundle: The operation.
        against: The base snapshot that it was compared with.
        in_database: Whether what was loaded was measured, and not the files.
        judged: Each measure with its verdict.
        changes: What was changed on purpose.
        pair: Both graphs, counted.
    """

    bundle: Bundle
    against: Snapshot
    in_database: bool
    judged: list[Judged]
    changes: list[Change]
    pair: Pair

    @property
    def missed(self) -> list[Judged]:
        """The measures that missed their target and the noise ceiling."""
        return [one for one in self.judged if one.status is Status.MISSED]

    @property
    def verdict(self) -> str:
        """One sentence for who reads no further."""
        asked = [one for one in self.judged if one.status in {Status.MET, Status.NOISE, Status.MISSED}]
        if not asked:
            return "The operation was asked to differ from its base; its figures are shown and not judged."
        if self.missed:
            names = ", ".join(one.measurement.measure.title.lower() for one in self.missed)
            return f"{len(self.missed)} of {len(asked)} headline measures missed: {names}."
        noise = sum(one.status is Status.NOISE for one in asked)
        if noise:
            return (f"All {len(asked)} headline measures hold: {len(asked) - noise} met their target,"
                    f" {noise} within noise.")
        return f"All {len(asked)} headline measures met their target."

    def as_document(self) -> dict[str, Any]:
        """Give the report as JSON writes it."""
        manifest = self.bundle.manifest
        return {
            "operation_id": manifest.operation_id, "strategy": manifest.strategy, "seed": manifest.seed,
            "created_at": manifest.created_at, "parameters": dict(manifest.parameters),
            "against": {"path": str(self.against.path), "digest": self.against.digest},
            "measured": "database" if self.in_database else "files",
            "passed": not self.missed, "verdict": self.verdict,
            "deliberately_changed": [{"reason": change.reason, "measures": sorted(change.measures)}
                                     for change in self.changes],
            "left_out": dict(manifest.left_out),
            "compared": {"base": _size(self.pair.base), "synthetic": _size(self.pair.other)},
            "measures": [_document_of(one) for one in self.judged],
        }


def _size(counted: Counted) -> dict[str, int]:
    graph = counted.graph
    shared_ends = (counted.degree > 0) & graph.shared
    return {"nodes": int(graph.own.sum()), "relationships": len(graph.start), "shared_nodes": int(shared_ends.sum())}


def _document_of(one: Judged) -> dict[str, Any]:
    measurement, measure = one.measurement, one.measurement.measure
    return {
        "key": measure.key, "title": measure.title, "score": _rounded(measurement.outcome.score),
        "ceiling": _rounded(measurement.ceiling), "target": one.target, "threshold": _rounded(one.threshold),
        "status": one.status.value, "formula": measure.formula, "source": measure.source,
        "worst": [{**asdict(part), "score": _rounded(part.score), "weight": _rounded(part.weight)}
                  for part in measurement.outcome.parts[:WORST_PARTS] if part.score < 1],
    }


def _rounded(value: float | None) -> float | None:
    """Round for a document; a score below a limit is not rounded up to it."""
    return None if value is None else int(value * 10**_ROUNDED) / 10**_ROUNDED


def report_on(bundle: Bundle, against: Path, loaded: Path | None = None, progress: Progress = silent) -> Report:
    """Measure an operation against its base.

    Args:
        bundle: The operation.
        against: The base snapshot's folder.
        loaded: A snapshot of the database that the operation is loaded in, to measure that instead of the files.
        progress: Told about what is done.

    Raises:
        SynthError: The snapshots or the bundle are not fit, or do not belong together.
    """
    manifest = bundle.manifest
    snapshot = open_snapshot(against)
    check_snapshot(snapshot, progress)
    profile = profile_from_document(manifest.profile, "the manifest's profile")
    base = Base(snapshot, profile)
    kinds, types = Vocabulary(), Vocabulary()
    reference = Reference(base, manifest, kinds, types)
    if loaded is None:
        bring_here(bundle, progress)
        other = measure_bundle(bundle, base, kinds, types)
    else:
        other = measure_loaded(Base(open_snapshot(loaded), profile), manifest, kinds, types)
    pair = pair_of(reference.graph, other, profile)
    changes = deliberate_changes(manifest)
    judged = judge(compare(pair, reference.halves, progress), targets_of(manifest), changes)
    return Report(bundle, snapshot, loaded is not None, judged, changes, pair)
