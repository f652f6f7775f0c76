"""What an operation should reach: its targets, what it changed on purpose, and the verdict on each measure; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from synthgen.bundle.manifest import Manifest
from synthgen.fidelity.comparison import MEASURES, Measurement
from synthgen.fidelity.copies import COPIES
from synthgen.fidelity.operations import asks_for_a_mix

NOISE = 0.02
"""A score may be so far below the noise ceiling."""
_HARD = frozenset(("pattern_validity", "id_leaks"))
"""Measures whose target holds whatever chance does: halves of the base miss patterns, an operation need not."""
_TIES = frozenset(("density", "degree", "degree_wasserstein", "joint_degree", "assortativity", "clustering",
                   "components", "isolates"))
_MIX = frozenset(("type_mix", "pattern_mix", "pattern_coverage", "pattern_recall", "shared_ends"))
_VALUES = frozenset(("properties", "text_lengths", "text_forms", "pairs", "tie_pairs"))
_EVERYTHING = frozenset(measure.key for measure in MEASURES) - {measure.key for measure in COPIES}


class Status(Enum):
    """What is to be said of a score."""

    MET = "target met"
    NOISE = "within noise"
    MISSED = "missed"
    CHANGED = "deliberately changed"
    SHOWN = "shown"
    EMPTY = "nothing to compare"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that an operation was asked to make other than the base; `measures` are then not judged."""

    reason: str
    measures: frozenset[str]


@dataclass(frozen=True, slots=True)
class Judged:
    """A measurement, its target (None: it is only shown), the score it must reach, and what is to be said."""

    measurement: Measurement
    target: float | None
    threshold: float | None
    status: Status


def targets_of(manifest: Manifest) -> dict[str, float]:
    """Give the targets of an operation's headline measures, by key.

    Copies of a whole number reach more than a part of a copy, or what is drawn at random.
    """
    factor = manifest.parameters.get("scale_factor")
    whole = manifest.strategy == "template" and factor is not None and float(factor).is_integer() \
        and not asks_for_a_mix(manifest.parameters)
    targets = {"type_mix": 0.999, "pattern_mix": 0.99, "pattern_validity": 1.0, "pattern_coverage": 0.99,
               "degree": 0.99 if whole else 0.95, "joint_degree": 0.95 if whole else 0.90, "properties": 0.95,
               "pairs": 0.90}
    if manifest.parameters.get("anonymise"):
        targets["id_leaks"] = 1.0
    return targets


def deliberate_changes(manifest: Manifest) -> list[Change]:
    """Say what an operation was asked to make other than the base."""
    parameters = manifest.parameters
    if manifest.strategy == "scenario":
        return [Change(f"The scenario {parameters.get('scenario')} builds a topology of its own, not the base's.",
                       _EVERYTHING)]
    changes = [Change(reason, measures) for asked, reason, measures in _ASKED if asked(parameters)]
    if parameters.get("resource_types"):
        changes.append(Change("Only some types were drawn from; they are compared with the base's of these types: "
                              + ", ".join(parameters["resource_types"]) + ".", frozenset()))
    if parameters.get("tenant_id"):
        changes.append(Change(f"Only the tenant {parameters['tenant_id']} was drawn from; it is compared with that.",
                              frozenset()))
    return changes


def _gives(name: str) -> Any:
    return lambda parameters: bool(parameters.get(name))


def _fewer_ties(parameters: Mapping[str, Any]) -> bool:
    return parameters.get("relationships") is not None or parameters.get("relationship_density") not in {None, 1.0}


_ASKED: Sequence[tuple[Any, str, frozenset[str]]] = (
    (asks_for_a_mix, "Each type has the number that was asked for, instead of the base's mix.", _MIX | _TIES),
    (_gives("template_file"), "The template file says which names, places, tags and properties its types have.",
     _VALUES | {"shared_ends", "null_rates"}),
    (_fewer_ties, "The number of relationships was asked for, instead of as many as the base has.",
     _TIES | {"pattern_coverage", "pattern_recall"}),
    (_gives("rewire"), "Ends were swapped within each pattern (--rewire): degrees stay, who is tied to whom does not.",
     frozenset(("joint_degree", "assortativity", "clustering", "components", "tie_pairs"))),
    (_gives("anonymise"), "Names, tags and addresses were replaced (--anonymise).",
     _VALUES),
    (_gives("into_tenant"), "The copies were put under another tenant (--into-tenant).",
     _VALUES | {"shared_ends"}),
)


def judge(measurements: Sequence[Measurement], targets: Mapping[str, float], changes: Sequence[Change]) -> list[Judged]:
    """Judge each measurement: met where score ≥ target, else within noise where score ≥ ceiling - `NOISE`."""
    changed = frozenset(key for change in changes for key in change.measures)
    return [_judged(one, targets.get(one.measure.key), changed) for one in measurements]


def _judged(one: Measurement, target: float | None, changed: frozenset[str]) -> Judged:
    score = one.outcome.score
    if score is None:
        return Judged(one, target, None, Status.EMPTY)
    if one.measure.key in changed:
        return Judged(one, target, None, Status.CHANGED)
    if target is None:
        return Judged(one, None, None, Status.SHOWN)
    threshold = target if one.ceiling is None or one.measure.key in _HARD else min(target, one.ceiling - NOISE)
    if score >= target:
        return Judged(one, target, threshold, Status.MET)
    return Judged(one, target, threshold, Status.NOISE if score >= threshold else Status.MISSED)
