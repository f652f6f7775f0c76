"""Every Cypher text of the importer's writing side, and nothing else: no driver, no files, no decisions.

Internal ids are `id(n)`: a seek on every version, with no index in the user's schema. Cypher 25 warns about it, so each
text says that it is Cypher 5, but where there are vectors, which that does not know. Names are quoted by
`synthgen.database.quote` alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from synthgen.database import CYPHER_5, quote
from synthgen.metadata import OPERATION_ID
from synthgen.snapshot import ledger
from synthgen.snapshot.ledger import BATCH_LABEL, LOAD_LABEL, LOCK_NAME, NOBODY
from synthgen.types import TYPES

DIALECT = CYPHER_5
VECTOR_DIALECT = "CYPHER 25 "
CLAIM_NAME = "claim"
CONSTRAINT = "__synthgen_batch"
OWNER_KEY = "synthgen_owner"
"""Under this key each transaction of ours names the lock's owner in its metadata."""

_MARKED = f"n.{quote(OPERATION_ID)}"
_OWNER = f"coalesce(n.owner, '{NOBODY}')"
_HELD = f"MATCH (held:{quote(LOAD_LABEL)} {{name: '{LOCK_NAME}', owner: $owner}}) "
_RECORD = (
    f"CREATE (:{quote(BATCH_LABEL)} {{operation_id: $operation_id, kind: $kind, group: $group, part: $part,"
    " from: $from, rows: $rows"
)

# --- the lock --------------------------------------------------------------------------------------------------------

# Time is the server's alone: the clocks of two clients need not agree.
CLAIM = (
    f"{DIALECT}MERGE (n:{quote(LOAD_LABEL)} {{name: '{CLAIM_NAME}', owner: $owner}})"
    " SET n.operation_id = $operation_id, n.since = datetime(), n.heartbeat = timestamp()"
)
LOCK_CLAIMS = f"{DIALECT}MATCH (n:{quote(LOAD_LABEL)}) WITH n ORDER BY id(n) SET n.touched = $owner"
READ_HOLDERS = DIALECT + ledger.READ_HOLDERS
READ_SIGNS = DIALECT + ledger.READ_SIGNS
WIN_CLAIM = (
    f"{DIALECT}MATCH (n:{quote(LOAD_LABEL)} {{name: '{CLAIM_NAME}', owner: $owner}})"
    f" SET n.name = '{LOCK_NAME}', n.since = datetime(), n.heartbeat = timestamp() REMOVE n.touched"
    " RETURN n.owner AS owner"
)
# The SET takes the write lock, so what is compared afterwards cannot change any more.
END_HOLDER = (
    f"{DIALECT}MATCH (n:{quote(LOAD_LABEL)} {{name: '{LOCK_NAME}'}}) WHERE {_OWNER} = $seen_owner"
    " SET n.touched = $owner"
    " WITH n WHERE coalesce(n.heartbeat, 0) = $seen_heartbeat DELETE n RETURN $seen_owner AS owner"
)
BEAT = f"{DIALECT}{_HELD}SET held.heartbeat = timestamp() RETURN held.owner AS owner"
READ_OWNER = f"{DIALECT}{_HELD}RETURN held.owner AS owner"
RELEASE_LOCK = f"{DIALECT}MATCH (n:{quote(LOAD_LABEL)} {{owner: $owner}}) DELETE n"
READ_CLAIMS = (
    f"{DIALECT}MATCH (n:{quote(LOAD_LABEL)} {{name: '{CLAIM_NAME}'}})"
    f" RETURN {_OWNER} AS owner, timestamp() - coalesce(n.heartbeat, 0) AS age_ms"
)
DELETE_CLAIMS = (
    f"{DIALECT}MATCH (n:{quote(LOAD_LABEL)} {{name: '{CLAIM_NAME}'}}) WHERE {_OWNER} IN $owners DELETE n"
)
FIND_TRANSACTIONS = (
    f"{DIALECT}SHOW TRANSACTIONS YIELD transactionId, metaData, status WHERE metaData.{OWNER_KEY} = $holder"
    " RETURN transactionId AS transaction, status STARTS WITH 'Terminated' AS ended"
)
END_TRANSACTIONS = f"{DIALECT}TERMINATE TRANSACTIONS $transactions"

# --- the ledger ------------------------------------------------------------------------------------------------------

CREATE_CONSTRAINT = (
    f"{DIALECT}CREATE CONSTRAINT {quote(CONSTRAINT)} IF NOT EXISTS FOR (n:{quote(BATCH_LABEL)})"
    " REQUIRE (n.operation_id, n.kind, n.group, n.part, n.from) IS UNIQUE"
)
DROP_CONSTRAINT = f"{DIALECT}DROP CONSTRAINT {quote(CONSTRAINT)} IF EXISTS"
READ_BATCHES = (
    f"{DIALECT}MATCH (b:{quote(BATCH_LABEL)} {{operation_id: $operation_id}})"
    " RETURN b.kind AS kind, b.group AS group, b.part AS part, b.from AS from, b.rows AS rows, b.ids AS ids"
)
READ_BATCH = (
    f"{DIALECT}MATCH (b:{quote(BATCH_LABEL)} {{operation_id: $operation_id, kind: $kind, group: $group, part: $part,"
    " from: $from}) RETURN b.rows AS rows, b.ids AS ids"
)
# Only the lock's holder writes marks, one at a time, so MERGE needs no constraint to be exact.
RECORD_MARK = (
    f"{DIALECT}{_HELD}MERGE (:{quote(BATCH_LABEL)} {{operation_id: $operation_id, kind: $kind, group: 0, part: 0,"
    " from: 0, rows: 0}) RETURN held.owner AS owner"
)
READ_MARKS = (
    f"{DIALECT}MATCH (b:{quote(BATCH_LABEL)} {{operation_id: $operation_id}}) WHERE b.kind IN $kinds"
    " RETURN b.kind AS kind"
)
READ_LEDGERS = DIALECT + ledger.READ_LEDGERS
FIND_CONSTRAINT = f"{DIALECT}SHOW CONSTRAINTS YIELD name WHERE name = '{CONSTRAINT}' RETURN name"
DELETE_BATCHES = (
    f"{DIALECT}{_HELD}MATCH (b:{quote(BATCH_LABEL)} {{operation_id: $operation_id}}) WHERE NOT b.kind IN $keep"
    " WITH b LIMIT $limit DELETE b RETURN count(*) AS deleted"
)

# --- the load --------------------------------------------------------------------------------------------------------


def dialect_of(kinds: Collection[str]) -> str:
    """Give the beginning of a text that writes properties of these types."""
    return VECTOR_DIALECT if any(TYPES[kind].is_vector for kind in kinds) else DIALECT


def create_nodes(labels: Sequence[str], types: Mapping[str, str], constants: Sequence[str]) -> str:
    """Create a batch of nodes and its ledger record; returns how many as `created`, and their internal `ids` in order.

    Args:
        labels: Labels of every node.
        types: Properties with their types, in the order of a row of `$batch.lists`.
        constants: Those of `types` whose one value is in `$batch.constants`, in this order, instead of in the rows.
    """
    created = f"(n{_labels(labels)}{_properties(types, constants)})"
    return (
        f"{dialect_of(types.values())}{_HELD}{_constants(types, constants)}UNWIND $batch.lists AS row CREATE {created}"
        f" WITH held, collect(id(n)) AS ids {_RECORD}, ids: ids}}) RETURN size(ids) AS created, ids"
    )


def create_relationships(kind: str, types: Mapping[str, str], constants: Sequence[str]) -> str:
    """Create a batch of relationships and its ledger record; returns how many found their ends as `created`.

    A row begins with the internal ids of start and end; `types` and `constants` are as in `create_nodes`.
    """
    created = f"(a)-[r:{quote(kind)}{_properties(types, constants, first=2)}]->(b)"
    return (
        f"{dialect_of(types.values())}{_HELD}{_constants(types, constants)}UNWIND $batch.lists AS row"
        " MATCH (a) WHERE id(a) = row[0] MATCH (b) WHERE id(b) = row[1]"
        f" CREATE {created} WITH held, count(r) AS created {_RECORD}}}) RETURN created, [] AS ids"
    )


FIND_NODES = f"{DIALECT}UNWIND $ids AS i MATCH (n) WHERE id(n) = i RETURN i AS id"


def _labels(labels: Sequence[str]) -> str:
    return "".join(f":{quote(label)}" for label in labels)


def _constants(types: Mapping[str, str], constants: Sequence[str]) -> str:
    if not constants:
        return ""
    values = (TYPES[types[name]].write.replace("{v}", f"$batch.constants[{i}]") for i, name in enumerate(constants))
    return "WITH held, " + ", ".join(f"{value} AS constant{i}" for i, value in enumerate(values)) + " "


def _properties(types: Mapping[str, str], constants: Sequence[str], first: int = 0) -> str:
    varying = [name for name in types if name not in set(constants)]
    pairs = [
        *(f"{quote(name)}: " + TYPES[types[name]].write.replace("{v}", f"row[{first + i}]")
          for i, name in enumerate(varying)),
        *(f"{quote(name)}: constant{i}" for i, name in enumerate(constants)),
    ]
    return f" {{{', '.join(pairs)}}}" if pairs else ""


# --- rollback --------------------------------------------------------------------------------------------------------

def find_marked(indexed: Sequence[str]) -> str:
    """Find an operation's nodes, whatever their labels: each with its internal `id` and its `degree`.

    `indexed` are labels whose nodes an index finds by operation id; all others are scanned, so that none is missed.
    """
    return f"{DIALECT}{_marked(indexed)} RETURN id(n) AS id, COUNT {{ (n)--() }} AS degree"


def count_marked(indexed: Sequence[str]) -> str:
    """Count an operation's `nodes` and the `relationships` they have; `indexed` as in `find_marked`."""
    other = f"m.{quote(OPERATION_ID)} IS NULL OR m.{quote(OPERATION_ID)} <> $operation_id"
    return (
        f"{DIALECT}{_marked(indexed)}"
        f" WITH COUNT {{ (n)-->() }} AS leaving, COUNT {{ (n)<--(m) WHERE {other} }} AS entering"
        " RETURN count(*) AS nodes, sum(leaving) + sum(entering) AS relationships"
    )


def count_operations(indexed: Sequence[str]) -> str:
    """Count the `nodes` of each `operation_id`; `indexed` as in `find_marked`."""
    counted = f"RETURN {_MARKED} AS operation_id, count(*) AS nodes"
    return (
        f"{DIALECT}{_by_label(indexed, f'{_MARKED} IS NOT NULL', counted)}"
        " RETURN operation_id, sum(nodes) AS nodes ORDER BY operation_id"
    )


def _marked(indexed: Sequence[str]) -> str:
    return _by_label(indexed, f"{_MARKED} = $operation_id", "RETURN n")


def _by_label(indexed: Sequence[str], condition: str, ending: str) -> str:
    """Ask for the nodes of each label, then for those that have none of them, so that each node comes once."""
    branches = []
    for place, label in enumerate([*indexed, None]):
        earlier = "".join(f" AND NOT n:{quote(other)}" for other in indexed[:place])
        branches.append(f"MATCH (n{'' if label is None else f':{quote(label)}'}) WHERE {condition}{earlier} {ending}")
    return f"CALL () {{ {' UNION ALL '.join(branches)} }}"


# Internal ids are used again after a delete, so the mark is looked at once more by the statement that deletes.
_OF_PAGE = f"UNWIND $ids AS i MATCH (n) WHERE id(n) = i AND {_MARKED} = $operation_id "
DELETE_NODES = f"{DIALECT}{_HELD}{_OF_PAGE}DETACH DELETE n"
DELETE_SOME_RELATIONSHIPS = (
    f"{DIALECT}{_HELD}{_OF_PAGE}MATCH (n)-[r]-() WITH DISTINCT r LIMIT $limit DELETE r"
)

# --- readings --------------------------------------------------------------------------------------------------------

# Of the heap, what outlived several collections: "G1 Old Gen", "PS Old Gen" or "Tenured Gen"; some have no such part.
READ_SERVER_MEMORY = (
    f"{DIALECT}CALL dbms.queryJmx('java.lang:type=Memory') YIELD attributes"
    " WITH attributes.HeapMemoryUsage.value.properties AS heap"
    " CALL dbms.queryJmx('java.lang:type=MemoryPool,name=*') YIELD name, attributes"
    " WITH heap, collect(CASE WHEN name CONTAINS 'Old Gen' OR name CONTAINS 'Tenured Gen'"
    " THEN attributes.Usage.value.properties END) AS old"
    " WITH coalesce(old[0], heap) AS usage RETURN usage.used AS used, usage.max AS most"
)
READ_SERVER_CPU = (
    f"{DIALECT}CALL dbms.queryJmx('java.lang:type=OperatingSystem') YIELD attributes"
    " RETURN attributes.CpuLoad.value AS used, 1.0 AS most"
)
