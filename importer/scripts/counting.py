"""Cypher by which a script sees whether a database is what it should be; every statement says one line: ok or FAIL.

The expected numbers stand in the texts, which a cypher-shell runs as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from importer.cypher import DIALECT
from importer.scripts.quoting import literal
from synthgen.bundle.manifest import Manifest
from synthgen.bundle.read import Bundle
from synthgen.database import quote
from synthgen.metadata import OPERATION_ID
from synthgen.snapshot.read import Snapshot

_NODES = "MATCH (n)"
_RELATIONSHIPS = "MATCH ()-[r]->()"
_BY_LABEL = "UNWIND labels(n) AS kind WITH kind, count(*) AS found"
_BY_TYPE = "WITH type(r) AS kind, count(*) AS found"


def state_of_operation(manifest: Manifest) -> str:
    """Say `absent`, `loaded`, or how much of an operation is there."""
    due = manifest.counts.nodes
    return (
        f"{DIALECT}{_marked(manifest.operation_id)} WITH count(n) AS found RETURN CASE found WHEN 0 THEN 'absent'"
        f" WHEN {due} THEN 'loaded' ELSE toString(found) + ' of {due} nodes of {manifest.operation_id} are there' END"
        " AS state;"
    )


def state_of_base(snapshot: Snapshot) -> str:
    """Say `absent` of an empty database, `loaded` of one with as much in it as the snapshot, or what is there."""
    nodes, relationships = snapshot.counts["nodes"], snapshot.counts["relationships"]
    return (
        f"{DIALECT}RETURN CASE [COUNT {{ {_NODES} }}, COUNT {{ {_RELATIONSHIPS} }}]"
        f" WHEN [{nodes}, {relationships}] THEN 'loaded' WHEN [0, 0] THEN 'absent'"
        f" ELSE 'it holds ' + toString(COUNT {{ {_NODES} }}) + ' nodes and ' + toString(COUNT {{ {_RELATIONSHIPS} }})"
        " + ' relationships' END AS state;"
    )


def count_whole(snapshot: Snapshot, bundles: Sequence[Bundle]) -> list[str]:
    """Count the whole database: nodes and relationships, by label and by type; base and bundles and nothing else."""
    all_counts = [bundle.manifest.counts for bundle in bundles]
    labels, types = Counter(snapshot.counts["labels"]), Counter(snapshot.counts["types"])
    for counts in all_counts:
        labels.update(counts.labels)
        types.update(counts.types)
    return [
        _count("nodes", f"{_NODES} WITH count(n) AS found",
               snapshot.counts["nodes"] + sum(counts.nodes for counts in all_counts)),
        _count("relationships", f"{_RELATIONSHIPS} WITH count(r) AS found",
               snapshot.counts["relationships"] + sum(counts.relationships for counts in all_counts)),
        _count_kinds("nodes by label", f"{_NODES} {_BY_LABEL}", labels),
        _count_kinds("relationships by type", f"{_RELATIONSHIPS} {_BY_TYPE}", types),
    ]


def count_operation(manifest: Manifest) -> list[str]:
    """Count one operation's nodes, and these by label."""
    marked, name = _marked(manifest.operation_id), manifest.operation_id
    return [
        _count(f"nodes of {name}", f"{marked} WITH count(n) AS found", manifest.counts.nodes),
        _count_kinds(f"nodes of {name} by label", f"{marked} {_BY_LABEL}", manifest.counts.labels),
    ]


def _marked(operation_id: str) -> str:
    return f"{_NODES} WHERE n.{quote(OPERATION_ID)} = {literal(operation_id)}"


def _count(what: str, counted: str, due: int) -> str:
    return (
        f"{DIALECT}{counted} RETURN CASE found WHEN {due} THEN 'ok: ' ELSE 'FAIL: ' END + {literal(what)}"
        f" + ': ' + toString(found) + ', expected {due}' AS said;"
    )


def _count_kinds(what: str, counted: str, due: Mapping[str, int]) -> str:
    expected = ", ".join(f"[{literal(kind)}, {count}]" for kind, count in sorted(due.items()) if count)
    return (
        f"{DIALECT}{counted} WITH collect([kind, found]) AS counted, [{expected}] AS due"
        " WITH [one IN counted WHERE NOT one IN due] + [one IN due WHERE NOT one IN counted] AS differing"
        f" RETURN CASE size(differing) WHEN 0 THEN 'ok: ' ELSE 'FAIL: ' END + {literal(what)}"
        " + reduce(text = '', one IN differing | text + '; ' + one[0] + ' ' + toString(one[1])) AS said;"
    )
