"""What a template file says, as data; knows neither files nor the base graph. See docs/templates.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from synthgen.errors import UsageError
from synthgen.scenarios.topology import How
from synthgen.templates.texts import Text
from synthgen.templates.values import Value


@dataclass(frozen=True, slots=True)
class Entry:
    """Resources of one type that look alike.

    Attributes:
        type: As the file spells it.
        count: How many; before any factor.
        where: File and line.
        name: Their names, or as the base's when None.
        location: Their location, likewise.
        columns: Other properties of theirs.
        labels: More labels than the base's have.
        new: Whether the file says that the base has none of the type.
    """

    type: str
    count: int
    where: str = ""
    name: Text | None = None
    location: Text | None = None
    columns: Mapping[str, Value] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    new: bool = False

    @property
    def changes(self) -> bool:
        """Whether it says more than a type and a count."""
        return bool(self.name or self.location or self.columns or self.labels)


@dataclass(frozen=True, slots=True)
class Rule:
    """Relationships between the resources of two types: `share` of those that `how` and `each` give (`pair_rows`)."""

    start: str
    type: str
    end: str
    how: How
    each: int
    share: float
    where: str


@dataclass(frozen=True, slots=True)
class Template:
    """A template file.

    Attributes:
        entries: In the order of the file.
        rules: Relationships to make besides those that copies have.
        random_locations: What `random_location` is drawn from; the base's own when empty.
        container_name: Names of the copied containers, or as the base's when None.
        unused: Settings in it that have no meaning here.
        document: All of it, as the manifest records it; empty for mere counts.
    """

    entries: tuple[Entry, ...]
    rules: tuple[Rule, ...] = ()
    random_locations: tuple[str, ...] = ()
    container_name: Text | None = None
    unused: tuple[str, ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """How many of each type."""
        counts: dict[str, int] = {}
        for entry in self.entries:
            counts[entry.type] = counts.get(entry.type, 0) + entry.count
        return counts

    @property
    def plain(self) -> bool:
        """Whether it says nothing but how many there are of each type."""
        return not (self.rules or self.container_name or any(entry.changes for entry in self.entries))

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """The labels that the resources of a type get, of the types for which some are given.

        Raises:
            UsageError: Entries of one type differ.
        """
        found: dict[str, tuple[str, ...]] = {}
        for entry in self.entries:
            if found.setdefault(entry.type, entry.labels) != entry.labels:
                raise UsageError(f"{entry.where}: another entry of {entry.type!r} has other labels",
                                 hint="give all entries of a type the same labels")
        return {type_: labels for type_, labels in found.items() if labels}

    def spelled(self, spelling: Mapping[str, str]) -> Template:
        """Give the same with types spelled as the base does."""
        return replace(
            self,
            entries=tuple(replace(entry, type=spelling.get(entry.type, entry.type)) for entry in self.entries),
            rules=tuple(replace(rule, start=spelling.get(rule.start, rule.start), end=spelling.get(rule.end, rule.end))
                        for rule in self.rules))


def template_of_counts(counts: Mapping[str, int]) -> Template:
    """Make a template of nothing but counts per type."""
    return Template(tuple(Entry(type_, count) for type_, count in counts.items()))
