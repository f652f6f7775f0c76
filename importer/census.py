"""Counts what is in the database of one operation, with the Cypher that counts; decides nothing.

Every text is a scan of the marked nodes: no index of the user's schema is needed or assumed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import neo4j

from importer.cypher import DIALECT
from synthgen.bundle.manifest import Manifest, Pattern
from synthgen.database import Address, quote, translated
from synthgen.metadata import OF_STRATEGY, OPERATION_ID, STRATEGY, SYNTHETIC, TIMESTAMP
from synthgen.privacy.request import NONE
from synthgen.profile import Profile, Role
from synthgen.snapshot.ledger import BATCH_LABEL, LOAD_LABEL

_MARKED = f"MATCH (n) WHERE n.{quote(OPERATION_ID)} = $operation_id"
_OTHER = f"({{0}}.{quote(OPERATION_ID)} IS NULL OR {{0}}.{quote(OPERATION_ID)} <> $operation_id)"
_COUNTED = " RETURN labels(a) AS start, type(r) AS type, labels(b) AS end, count(*) AS count"
_LEAVING = f"{DIALECT}MATCH (a) WHERE a.{quote(OPERATION_ID)} = $operation_id MATCH (a)-[r]->(b){_COUNTED}"
_ENTERING = (
    f"{DIALECT}MATCH (b) WHERE b.{quote(OPERATION_ID)} = $operation_id MATCH (b)<-[r]-(a)"
    f" WHERE {_OTHER.format('a')}{_COUNTED}"
)
_ALL = f"{DIALECT}MATCH (a)-[r]->(b){_COUNTED}"
_BESIDE = f"{DIALECT}MATCH (a) WHERE {_OTHER.format('a')} MATCH (a)-[r]->(b) WHERE {_OTHER.format('b')}{_COUNTED}"
"""Those that no node of the operation has."""
_OURS = "".join(f" - COUNT {{ MATCH (:{quote(label)}) }}" for label in (LOAD_LABEL, BATCH_LABEL))
_TOTALS = f"{DIALECT}RETURN COUNT {{ MATCH (n) }}{_OURS} AS nodes, COUNT {{ MATCH ()-[r]->() }} AS relationships"


@dataclass(frozen=True, slots=True)
class Census:
    """What the database holds of one operation; keys are as in a manifest's counts."""

    nodes: int
    relationships: int
    isolated: int
    resources: int
    labels: dict[str, int]
    resource_types: dict[str, int]
    types: dict[str, int]
    patterns: tuple[Pattern, ...]
    without_metadata: int
    protected_nodes: int
    protected_relationships: int


def take_census(driver: neo4j.Driver, address: Address, manifest: Manifest, profile: Profile) -> Census:
    """Count an operation's nodes and relationships in the database."""
    count = _Counting(driver, address, manifest.operation_id)
    labels: Counter[str] = Counter()
    label_sets: Counter[tuple[str, ...]] = Counter()
    resource_types: Counter[str] = Counter()
    isolated, without_metadata = 0, 0
    text = _nodes(manifest, profile)
    for names, type_, is_isolated, is_marked, number in count.rows(text, strategy=manifest.strategy):
        labels.update(dict.fromkeys(names, number))
        label_sets[tuple(sorted(names))] += number
        isolated += number * is_isolated
        without_metadata += number * (not is_marked)
        if profile.role(names) is Role.RESOURCE:
            resource_types[type_ if isinstance(type_, str) else ":".join(sorted(names))] += number
    patterns: Counter[tuple[tuple[str, ...], str, tuple[str, ...]]] = Counter()

    def add(text: str, times: int = 1) -> None:
        for start, type_, end, number in count.rows(text):
            patterns[tuple(sorted(start)), type_, tuple(sorted(end))] += times * number

    if count.rows(_TOTALS)[0][1] < 2 * manifest.counts.relationships:
        # Where most are the operation's, all and the few others are counted in half the time.
        add(_ALL)
        add(_BESIDE, -1)
        patterns = +patterns
    else:
        add(_LEAVING)
        add(_ENTERING)
    types: Counter[str] = Counter()
    for (_, type_, _), number in patterns.items():
        types[type_] += number
    return Census(
        nodes=label_sets.total(), relationships=patterns.total(), isolated=isolated,
        resources=resource_types.total(), labels=dict(sorted(labels.items())),
        resource_types=dict(sorted(resource_types.items())),
        types=dict(sorted(types.items())),
        patterns=tuple(Pattern(*pattern, number) for pattern, number in sorted(patterns.items())),
        without_metadata=without_metadata,
        protected_nodes=sum(number for names, number in label_sets.items() if profile.role(names) is Role.PROTECTED),
        protected_relationships=sum(number for type_, number in types.items() if type_ in profile.protected_types),
    )


def count_totals(driver: neo4j.Driver, address: Address) -> tuple[int, int]:
    """Count all nodes and all relationships of the database, without the ledger's."""
    nodes, relationships = _Counting(driver, address, "").rows(_TOTALS)[0]
    return nodes, relationships


def _nodes(manifest: Manifest, profile: Profile) -> str:
    """Make the one query that counts nodes by labels, resource type, whether isolated, and whether marked as due."""
    type_ = f"n.{quote(profile.type)}" if profile.type else "null"
    due = OF_STRATEGY[manifest.strategy] if manifest.parameters.get("source_ids") != NONE else ()
    own = "".join(f" AND n.{quote(name)} IS NOT NULL" for name in due)
    return (
        f"{DIALECT}{_MARKED} RETURN labels(n) AS labels, {type_} AS type, NOT (n)--() AS isolated,"
        f" coalesce(n.{quote(SYNTHETIC)} = true AND n.{quote(STRATEGY)} = $strategy"
        f" AND n.{quote(TIMESTAMP)} IS NOT NULL{own}, false) AS marked, count(*) AS count"
    )


@dataclass(frozen=True, slots=True)
class _Counting:
    driver: neo4j.Driver
    address: Address
    operation_id: str

    def rows(self, text: str, **parameters: Any) -> Sequence[list[Any]]:
        with translated(self.address), self.driver.session(
            database=self.address.database, default_access_mode=neo4j.READ_ACCESS
        ) as session:
            return [record.values() for record in session.run(text, operation_id=self.operation_id, **parameters)]
