"""What a generate or a load would do, and what limits say of it, as data and in words; does and estimates nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from synthgen.costs import Estimate
from synthgen.limits import Judgement, Limits, Used

_THOUSAND = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One piece of work that may be begun; docs/plan.md lists the names that JSON has for it.

    Attributes:
        work: `generate` or `load`.
        kind: The strategy, or the mode.
        operation_id: Which operation; None when it gets its id later.
        resources, nodes, relationships: What would be made or loaded, exactly.
        base_nodes, base_relationships: What is there already, as the base snapshot says.
        file_bytes: Of the operation's part files.
        database_bytes: What it adds to the database's store and its indexes.
        memory_bytes: The most that our process will need.
        seconds: How long it will take.
        learned_from: How many runs on this machine the seconds were learned from.
        further: Other work that follows, with its seconds: `validate`, `rollback`.
        limits: What was compared with.
        used: What was loaded into the database this month; None when no quota is set.
        judgement: What limits say.
        details: What else a reader may want, by name.
    """

    work: str
    kind: str
    operation_id: str | None
    resources: int
    nodes: int
    relationships: int
    base_nodes: int
    base_relationships: int
    file_bytes: Estimate
    database_bytes: Estimate
    memory_bytes: Estimate
    seconds: Estimate
    learned_from: int
    limits: Limits
    judgement: Judgement
    used: Used | None = None
    further: Mapping[str, Estimate] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_document(self) -> dict[str, Any]:
        """Give the plan as JSON has it: an error of 0.3 says that it is off by no more than 30 % nine times in ten."""
        judgement = self.judgement
        estimated: dict[str, int | float] = {}
        for name in ("file_bytes", "database_bytes", "memory_bytes"):
            estimate: Estimate = getattr(self, name)
            estimated |= {name: round(estimate.value), f"{name}_error": round(estimate.error, 3)}
        seconds = {"seconds": self.seconds} | {f"{name}_seconds": one for name, one in self.further.items()}
        for name, estimate in seconds.items():
            estimated |= {name: round(estimate.value, 1), f"{name}_error": round(estimate.error, 3)}
        return {
            "work": self.work, "kind": self.kind, "operation_id": self.operation_id,
            "resources": self.resources, "nodes": self.nodes, "nodes_error": 0.0,
            "relationships": self.relationships, "relationships_error": 0.0,
            "base_nodes": self.base_nodes, "base_relationships": self.base_relationships,
            **estimated, "learned_from_runs": self.learned_from,
            "requires_approval": judgement.requires_approval, "is_within_limits": judgement.is_within_limits,
            "rejection_reasons": judgement.rejection_reasons,
            "exceeded": [one.as_document() for one in judgement.exceeded],
            "to_approve": [one.as_document() for one in judgement.to_approve],
            "limits": asdict(self.limits), "quota_used": None if self.used is None else asdict(self.used),
            **self.details,
        }

    @property
    def text(self) -> str:
        """The plan for a person, in lines."""
        said = [
            ("would", f"{self.work} {self.kind}" + (f", {self.operation_id}" if self.operation_id else "")),
            ("adds", (f"{self.resources:,} resources, {self.nodes - self.resources:,} other nodes,"
                      f" {self.relationships:,} relationships (counted, not estimated)")),
            ("to a base of", f"{self.base_nodes:,} nodes, {self.base_relationships:,} relationships"),
            ("files", size_text(self.file_bytes)),
            ("in database", size_text(self.database_bytes)),
            ("memory", size_text(self.memory_bytes) + " of this process"),
            ("takes", time_text(self.seconds) + (f", learned from {self.learned_from} such runs on this machine"
                                                 if self.learned_from else ", not measured on this machine yet")),
            *(("then", f"{name} {time_text(estimate)}") for name, estimate in self.further.items()),
        ]
        if self.used is not None:
            said.append(("this month", (f"{self.used.nodes:,} nodes, {self.used.relationships:,} relationships were"
                                        f" loaded into this database in {self.used.month}")))
        if self.details.get("goes_on"):
            said.append(("goes on", "with what was begun before; nobody is asked again"))
        said += [("refused", reason) for reason in self.judgement.rejection_reasons]
        said += [("ask first", one.text) for one in self.judgement.to_approve]
        if not self.judgement.rejection_reasons and not self.judgement.requires_approval:
            said.append(("allowed", "yes, nobody has to be asked"))
        return "\n".join(f"{name:<13} {text}" for name, text in said)


def size_text(estimate: Estimate) -> str:
    """Give bytes with a unit and their error, such as `1.4 GB ± 30 %`."""
    value, unit = estimate.value, "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < _THOUSAND:
            break
        value, unit = value / _THOUSAND, larger
    return f"{value:,.0f} {unit}{_error(estimate)}" if unit == "bytes" else f"{value:,.1f} {unit}{_error(estimate)}"


def time_text(estimate: Estimate) -> str:
    """Give seconds with a unit and their error, such as `12 min ± 30 %`."""
    for unit, seconds in (("h", 3600), ("min", 60)):
        if estimate.value >= 2 * seconds:
            return f"{estimate.value / seconds:,.1f} {unit}{_error(estimate)}"
    return f"{estimate.value:,.1f} s{_error(estimate)}"


def _error(estimate: Estimate) -> str:
    return f" ± {100 * estimate.error:.0f} %" if estimate.error else ""
