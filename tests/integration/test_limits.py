"""Time limits and the rate limit on the real server."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest
from neo4j.exceptions import Neo4jError

from importer.online import OnlineOptions, load_online
from importer.resilience import Resilience
from importer.rollback import delete_operation
from importer.scaling.settings import Scaling
from importer.transactions import Transactions, is_too_large, trouble_of
from synthgen.errors import StoppedHalfwayError
from synthgen.events import Batch, Retry, Stream, Waiting
from tests.bundles import OPERATION
from tests.integration.killable import query
from tests.integration.test_online import content, expected_content, make_base, mixed_bundle

pytestmark = pytest.mark.neo4j

NODES = 300
ROWS = NODES + 40 + NODES + NODES // 3 + 50 + 20 + NODES + 40


@pytest.fixture
def loading(database, tmp_path):
    """Load with settings; gives what came of it and the events."""
    driver, address = database
    anchors, bundle, events = make_base(database), mixed_bundle(tmp_path, nodes=NODES), []

    def load(resilience, listen=lambda _: None):
        def listener(event):
            events.append(event)
            listen(event)

        return load_online(bundle, driver, address.database, anchors, events=Stream(listener), options=OnlineOptions(
            Scaling.within((100, 1000), (2, 2)), resilience)), events

    return load


def test_a_rate_limit_holds(database, loading):
    """No more rows a second than asked for, of both writers together; batches are small, and waiting is told."""
    began = time.monotonic()
    _, events = loading(Resilience(rate_limit=100))
    assert time.monotonic() - began >= (ROWS - 100) / 100
    assert {event.waiting_for for event in events if isinstance(event, Waiting)} == {"the rate limit"}
    assert max(event.rows for event in events if isinstance(event, Batch)) <= 100
    assert content(database) == expected_content(NODES)


def test_a_time_limit_ends_half_way(database, loading):
    """Exit code 4 after the time, and the same call goes on."""
    with pytest.raises(StoppedHalfwayError, match="reached its time limit of 1s") as stopped:
        loading(Resilience(rate_limit=100, time_limit_s=1.0))
    assert stopped.value.exit_code == 4
    assert stopped.value.facts["nodes_written"] + stopped.value.facts["relationships_written"] < ROWS
    result, _ = loading(Resilience())
    assert content(database) == expected_content(NODES)
    assert result.resumed or stopped.value.facts["nodes_written"] == 0


def test_a_rollback_ends_half_way_as_well(database, loading):
    """The rest goes with the same call."""
    driver, address = database
    loading(Resilience())
    with pytest.raises(StoppedHalfwayError, match="time limit"):
        delete_operation(driver, address.database, OPERATION, resilience=Resilience(rate_limit=100, time_limit_s=1.0))
    delete_operation(driver, address.database, OPERATION)
    assert query(database, "MATCH (n) RETURN labels(n) AS labels, count(*) AS c") == [{"labels": ["Region"], "c": 3}]


def test_who_waits_for_a_lock_too_long_is_tried_again(database, loading):
    """Somebody holds a base node: the batches that need it are ended by the server, and go on when it is free."""
    driver, address = database
    with driver.session(database=address.database) as session, session.begin_transaction() as holder:
        holder.run("MATCH (n:Region {i: 0}) SET n.held = true").consume()

        def let_go(event):
            if isinstance(event, Retry) and event.trouble == "contention" and not holder.closed():
                holder.rollback()

        result, events = loading(Resilience(batch_time_limit_s=2.0), let_go)
    assert result.retries_by_trouble["contention"] > 0
    assert result.retries == len([event for event in events if isinstance(event, Retry)])
    assert content(database) == expected_content(NODES)


def test_a_transaction_over_its_time_counts_as_too_large(database):
    """The server ends it, whatever it does; whoever wrote it cuts it in halves."""
    driver, address = database

    def dawdle(transaction):
        transaction.run("CREATE (:Slow)").consume()
        time.sleep(6.0)

    with pytest.raises(Neo4jError) as ended:
        Transactions(driver, address.database, Resilience(batch_time_limit_s=1.0)).run(dawdle)
    assert is_too_large(ended.value)
    assert trouble_of(ended.value) == "too large"
    assert query(database, "MATCH (n:Slow) RETURN n") == []


def test_a_refusal_is_seen_also_when_another_writer_has_its_connection_by_then(database):
    """The driver says only that the result has failed; the batch is to be cut, and the other's transaction goes on."""
    driver, address = database
    with ExitStack() as others:
        taken = []

        def refused(transaction):
            try:
                transaction.run("UNWIND range(1, 1000000000) AS x WITH sum(x) AS s RETURN s").consume()
            except Neo4jError:
                other = others.enter_context(driver.session(database=address.database)).begin_transaction()
                taken.append(others.enter_context(other))
                raise

        with pytest.raises(Neo4jError) as ended:
            Transactions(driver, address.database, Resilience(batch_time_limit_s=1.0)).run(refused)
        assert is_too_large(ended.value)
        assert taken[0].run("RETURN 1 AS one").single().value() == 1
