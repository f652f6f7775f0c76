"""What an importer's load or rollback leaves in a database while it is under way, and whether its owner lives.

Whoever reads a base graph asks here, so that half of an operation is never taken for one. Writes nothing. FORMAT.md,
"Ledger", says what the nodes are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from synthgen.database import quote
from synthgen.errors import LockedError, RefusedError
from synthgen.metadata import OPERATION_ID
from synthgen.owners import is_gone

LOAD_LABEL = "__SynthgenLoad"
BATCH_LABEL = "__SynthgenBatch"
LOCK_NAME = "lock"
NOBODY = "nobody"
READER_KEY = "synthgen_reader"
"""Under this key transactions name a lock's owner in their metadata, to show that it lives while it writes nothing."""
STALE_SECONDS = 60.0
"""An owner that showed no life for so long, by the server's clock, is dead."""
AHEAD_SECONDS = 5.0
"""A sign of life that is still to come by more than this is from before the server's clock jumped back."""

# The queries lack the dialect that whoever runs them puts in front.
# Of a lock that somebody has taken properties from: without an owner it is nobody's, without a heartbeat old.
READ_HOLDERS = (
    f"MATCH (n:{quote(LOAD_LABEL)} {{name: '{LOCK_NAME}'}}) WITH n, coalesce(n.heartbeat, 0) AS heartbeat"
    f" RETURN coalesce(n.owner, '{NOBODY}') AS owner, coalesce(n.operation_id, 'nothing') AS operation_id,"
    " coalesce(toString(n.since), 'ever') AS since, heartbeat, timestamp() - heartbeat AS age_ms"
)
READ_SIGNS = (
    f"SHOW TRANSACTIONS YIELD metaData, elapsedTime WHERE metaData.{READER_KEY} = $holder"
    " RETURN min(elapsedTime.milliseconds) AS age_ms"
)
READ_LEDGERS = (
    f"MATCH (b:{quote(BATCH_LABEL)}) RETURN b.operation_id AS operation_id, count(*) AS records,"
    " 'rollback' IN collect(DISTINCT b.kind) AS rolling_back ORDER BY operation_id"
)
_FIND_NODE = f"MATCH (n) WHERE n.{quote(OPERATION_ID)} = $operation_id RETURN 1 LIMIT 1"
Rows = Callable[..., Sequence[list[Any]]]
"""Runs a query with parameters and gives its rows."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock on a database.

    Attributes:
        owner: As `owner_name` gives it.
        operation_id: For which operation.
        since: When it was taken, by the server's clock.
        heartbeat: When the owner last showed that it lives, in milliseconds of the server's clock.
        age_ms: How long that is ago.
    """

    owner: str
    operation_id: str
    since: str
    heartbeat: int
    age_ms: int

    @property
    def is_overdue(self) -> bool:
        """Whether its last beat is old, or still to come, as after the server's clock was put back."""
        return not -AHEAD_SECONDS * 1000 <= self.age_ms <= STALE_SECONDS * 1000

    def is_dead(self, youngest_sign: Callable[[str], int | None]) -> bool:
        """Say whether its lock is free.

        Args:
            youngest_sign: Asks `READ_SIGNS` of an owner, for one whose beats are overdue.
        """
        if is_gone(self.owner):
            return True
        if not self.is_overdue:
            return False
        sign = youngest_sign(self.owner)
        return sign is None or sign > STALE_SECONDS * 1000


def refuse_unfinished(rows: Rows) -> None:
    """Refuse a database in which a load or rollback is under way, or was stopped half-way.

    What a run leaves that was killed before it wrote anything does no harm.

    Raises:
        LockedError: One is under way.
        RefusedError: One was stopped half-way.
    """
    dead = []
    for row in rows(READ_HOLDERS):
        holder = Holder(*row)
        if not holder.is_dead(lambda owner: rows(READ_SIGNS, holder=owner)[0][0]):
            raise LockedError(
                f"{holder.owner} is at work on {holder.operation_id} in the database since {holder.since}",
                hint="wait until it ends", owner=holder.owner, operation_id=holder.operation_id, since=holder.since)
        dead.append(holder.operation_id)
    for operation_id, _, rolling_back in rows(READ_LEDGERS):
        raise _unfinished(operation_id, rolling_back=rolling_back)
    for operation_id in dead:
        if rows(_FIND_NODE, operation_id=operation_id):
            raise _unfinished(operation_id, rolling_back=False)


def _unfinished(operation_id: str, *, rolling_back: bool) -> RefusedError:
    ends = f"`importer rollback {operation_id}`"
    return RefusedError(
        f"a {'rollback' if rolling_back else 'load'} of {operation_id} was stopped half-way in the database",
        hint=f"end it with {ends}" if rolling_back else f"end it with `importer resume {operation_id}`, or with {ends}",
        operation_id=operation_id)
