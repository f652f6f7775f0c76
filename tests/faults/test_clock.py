"""Clocks that jump by hours, the client's and the server's: nothing is lost, held for ever, or negative."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from importer import cypher, lock, operations
from importer.lock import hold_lock
from synthgen.errors import LockedError
from synthgen.owners import this_host
from tests.bundles import OPERATION, OTHER_OPERATION
from tests.faults.breakable import breakable, small
from tests.integration.killable import query
from tests.integration.test_online import dead_process

pytestmark = pytest.mark.neo4j

JUMPS = (0, 5 * 3600, -7 * 3600, 30 * 86400, -400 * 86400, 61)
HOUR_S = 3600


class JumpingClock(datetime):
    """A wall clock that is hours off, each time in another way."""

    _jumps = itertools.cycle(JUMPS)

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        """Give a time that is off."""
        return datetime.now(tz or UTC) + timedelta(seconds=next(cls._jumps))


def durations(document: Any, name: str = "") -> Iterator[float]:
    """Give all numbers below a key that speaks of seconds."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            yield from durations(value, f"{name}.{key}")
    elif isinstance(document, int | float) and ("seconds" in name or name.endswith("_s")):
        yield document


def test_a_load_while_the_clients_clock_jumps(tmp_path, monkeypatch):
    """Each look at the wall clock is hours off the one before: the same graph, and no duration is negative."""
    with breakable(tmp_path, tmp_path / "neo4j") as jumping:
        operation_id = jumping.bundle(1500).manifest.operation_id
        jumping.load(operation_id, small())
        loaded = jumping.digest()
        jumping.rollback(operation_id)
        jumps, real = itertools.cycle(JUMPS), time.time
        with monkeypatch.context() as patched:
            patched.setattr(time, "time", lambda: real() + next(jumps))
            patched.setattr(operations, "datetime", JumpingClock)
            jumping.load(operation_id, small())
            assert (jumping.digest(), jumping.traces()) == (loaded, 0)
            jumping.rollback(operation_id)
        assert (jumping.digest(), jumping.traces()) == (jumping.base, 0)
        found = list(durations(jumping.history(operation_id)[-2:]))
        found += [value for entry in jumping.history(operation_id) for value in durations(entry)]
        assert found
        assert min(found) >= 0


def plant(database: Any, owner: str, age_s: float) -> None:
    """Leave a lock whose last sign of life is so old by the server's clock; below 0 it is still to come."""
    query(database, f"CREATE (:{cypher.LOAD_LABEL} {{name: 'lock', operation_id: $operation, owner: $owner,"
          " since: datetime(), heartbeat: timestamp() - toInteger($age * 1000)})", operation=OTHER_OPERATION,
          owner=owner, age=age_s)


@pytest.mark.parametrize("owner", [f"{this_host()}:{dead_process()}:00000000", "elsewhere.example:1:00000000"],
                         ids=["dead process of this host", "another host"])
def test_a_lock_from_the_future_does_not_block_for_ever(database, owner):
    """The server's clock was hours ahead when its owner died: who comes takes it over, and leaves none."""
    driver, address = database
    plant(database, owner, -5 * HOUR_S)
    query(database, f"CREATE (:{cypher.LOAD_LABEL} {{name: 'claim', owner: 'gone', heartbeat: timestamp() + 9999999}})")
    with hold_lock(driver, address.database, OPERATION) as held:
        held.check()
    assert query(database, f"MATCH (n:{cypher.LOAD_LABEL}) RETURN n") == []


@pytest.mark.parametrize("jump_s", [-5 * HOUR_S, 5 * HOUR_S], ids=["back", "ahead"])
def test_a_lock_whose_owner_lives_is_kept_when_the_servers_clock_jumps(database, monkeypatch, jump_s):
    """Its last sign of life is hours off, but there are further ones: who comes is refused, and it stays ours."""
    driver, address = database
    monkeypatch.setattr(lock, "owner_name", lambda token: f"elsewhere.example:1:{token}")
    with hold_lock(driver, address.database, OTHER_OPERATION) as held:
        monkeypatch.undo()
        query(database, f"MATCH (n:{cypher.LOAD_LABEL}) SET n.heartbeat = n.heartbeat - $jump * 1000", jump=jump_s)
        with pytest.raises(LockedError), hold_lock(driver, address.database, OPERATION):
            pass
        held.check()
    assert query(database, f"MATCH (n:{cypher.LOAD_LABEL}) RETURN n") == []
