"""Loads and rollbacks over a network that is cut, slow or silent: in the end exactly what there would be without."""

from __future__ import annotations

import random
import threading
import time

import pytest

from importer import cypher
from importer.ledger import list_ledgers
from importer.online import OnlineOptions, load_online
from importer.resilience import DEFAULTS, CircuitBreaker, Resilience, Retries
from importer.rollback import delete_operation
from importer.scaling.settings import Scaling
from synthgen.database import connect
from synthgen.errors import StoppedHalfwayError, UnreachableError
from synthgen.events import Retry, Stream, Waiting
from synthgen.snapshot.export import digest_database
from tests.bundles import OPERATION
from tests.integration.killable import query
from tests.integration.test_online import make_base, mixed_bundle
from tests.proxy import proxy_to

pytestmark = pytest.mark.neo4j

NODES = 900
SMALL = Scaling.within((100, 100), (3, 3))
QUICK = Resilience(batch_time_limit_s=3.0, grace_s=2.0)
CALLS = 5
NEVER = 10**12
HINT_S = 120.0
"""After which the driver itself gives a silent server up, as the server advises: rows have to be quicker."""
DEFAULTS_END_S = 240.0
"""About twice what default settings need to give a silent connection up, so that a busy machine does not count."""


@pytest.fixture(scope="session")
def undisturbed():
    """What there is without any fault, filled by the first who looks: digests, and the bytes of each way."""
    return {}


@pytest.fixture
def case(database, tmp_path, undisturbed):
    """An empty database with a base, a bundle, a proxy, and what is expected."""
    anchors, bundle = make_base(database), mixed_bundle(tmp_path, nodes=NODES)
    with proxy_to(database[1]) as (proxy, through):
        found = Case(database, anchors, bundle, proxy, through)
        if not undisturbed:
            undisturbed["base"] = found.digest()
            # Twice, since what is tried again is sent again: the fewer bytes are those that every load has.
            runs = [found.count_bytes() for _ in range(2)]
            for work in ("load", "rollback"):
                undisturbed[work] = {way: min(run[work][way] for run in runs) for way in ("to", "from")}
            undisturbed["loaded"] = runs[0]["loaded"]
            assert found.digest() == undisturbed["base"]
        yield found


class Case:
    """A load and a rollback through a proxy, and what is in the database, seen past it."""

    def __init__(self, database, anchors, bundle, proxy, through):
        self.database, self.anchors, self.bundle, self.proxy, self.through = database, anchors, bundle, proxy, through
        self.events = []

    def load(self, resilience=DEFAULTS, events=None):
        """Load as a command does, with a connection of its own."""
        with connect(self.through) as driver:
            return load_online(self.bundle, driver, self.through.database, self.anchors,
                               options=OnlineOptions(SMALL, resilience), events=Stream(events or self.events.append))

    def rollback(self, resilience=DEFAULTS):
        """Roll back likewise."""
        with connect(self.through) as driver:
            return delete_operation(driver, self.through.database, OPERATION, batch_rows=100, resilience=resilience,
                                    events=Stream(self.events.append))

    def count_bytes(self):
        """Load and roll back; gives the bytes of each way of both, and the digest in between."""
        before = dict(self.proxy.passed)
        self.load()
        between = dict(self.proxy.passed)
        loaded = self.digest()
        self.rollback()
        return {"loaded": loaded, "load": {way: between[way] - before[way] for way in between},
                "rollback": {way: self.proxy.passed[way] - between[way] for way in between}}

    def digest(self):
        """Give the digest of what is there; nothing of the ledger may be beside it."""
        driver, address = self.database
        assert list_ledgers(driver, address.database) == {}
        assert query(self.database, f"MATCH (n:{cypher.LOAD_LABEL}) RETURN n") == []
        return digest_database(driver, address).digest

    def told(self, kind):
        """Give the events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]


def repeat(call):
    """Call, and call the same again when it says that this goes on; gives how many calls it took."""
    for calls in range(1, CALLS + 1):
        try:
            call()
        except (StoppedHalfwayError, UnreachableError):
            continue
        return calls
    raise AssertionError(f"it did not end in {CALLS} calls")


def cut_once(case, seed, passed, work, undo):
    """Cut at a byte of `work` that the seed draws; gives how many calls it took.

    How many bytes there are depends on how often it was looked how the server does: a byte that never came is drawn
    nearer to the beginning.
    """
    dice = random.Random(seed)  # noqa: S311 - repeatable
    way, share = dice.choice(["to", "from"]), dice.random()
    for nearer in (1.0, 0.8, 0.6, 0.4):
        case.proxy.cut_after(way, int(passed[way] * share * nearer))
        calls = repeat(work)
        if case.proxy.cuts:
            assert case.proxy.cuts == 1
            return calls
        case.proxy.cut_after(way, NEVER)
        undo()
    raise AssertionError("that byte never came")


@pytest.mark.parametrize("seed", range(20))
def test_a_load_whose_connection_is_cut(case, undisturbed, seed):
    """At any byte, either way: it goes on by itself or by the same call, and everything is there once."""
    assert cut_once(case, seed, undisturbed["load"], case.load, case.rollback) <= 2
    assert case.digest() == undisturbed["loaded"]


@pytest.mark.parametrize("seed", range(100, 105))
def test_a_rollback_whose_connection_is_cut(case, undisturbed, seed):
    """Likewise; in the end the base is as it was."""
    case.load()
    assert cut_once(case, seed, undisturbed["rollback"], case.rollback, case.load) <= 2
    assert case.digest() == undisturbed["base"]


@pytest.mark.parametrize("seed", range(200, 203))
def test_a_load_whose_connection_is_cut_again_and_again(case, undisturbed, seed):
    """Every few batches a cut: each is tried again until it is through."""
    dice = random.Random(seed)  # noqa: S311 - repeatable

    def disturb(event):
        case.events.append(event)
        if dice.random() < 0.1 and case.proxy.cuts < 12:
            case.proxy.cut()

    repeat(lambda: case.load(events=disturb))
    assert case.proxy.cuts > 0
    assert case.digest() == undisturbed["loaded"]


def test_a_slow_connection(case, undisturbed):
    """Slow is not dead: nothing is tried again, nothing is cut."""
    case.proxy.delay_s, case.proxy.bytes_per_s = 0.02, 200_000
    result = case.load()
    assert result.retries_by_trouble.get("unreachable", 0) == result.retries_by_trouble.get("too large", 0) == 0
    assert case.digest() == undisturbed["loaded"]


@pytest.mark.parametrize("seed", range(300, 303))
def test_connections_that_fall_silent(case, undisturbed, seed):
    """A peer that says nothing any more, while new connections are fine: the load goes on by itself."""
    dice = random.Random(seed)  # noqa: S311 - repeatable
    case.proxy.swallow_after("to", dice.randrange(undisturbed["load"]["to"] // 8, undisturbed["load"]["to"] // 2))

    noticed = []

    def mend(event):
        case.events.append(event)
        # A deadlock before the silence has nothing to do with it.
        if isinstance(event, Retry) and event.trouble != "contention":
            noticed.append(time.monotonic())
            case.proxy.heal()

    began = time.monotonic()
    result = case.load(QUICK, events=mend)
    assert noticed[0] - began < HINT_S
    # What is not a transaction of rows, such as a beat of the lock under way, is given up by the driver.
    assert time.monotonic() - began < DEFAULTS_END_S
    assert result.retries_by_trouble["unreachable"] > 0
    assert case.digest() == undisturbed["loaded"]


def test_a_rollback_whose_connection_falls_silent(case, undisturbed):
    """Its transaction may be under way still: it goes on all the same."""
    case.load()
    case.proxy.swallow_after("to", undisturbed["rollback"]["to"] // 2)
    threading.Timer(4.0, case.proxy.heal).start()
    repeat(lambda: case.rollback(QUICK))
    assert case.digest() == undisturbed["base"]


@pytest.mark.slow
def test_a_network_that_stays_silent_does_not_hold_up_for_ever(case, undisturbed):
    """With default settings: it is given up, says that the same call goes on, and that is true."""
    case.proxy.swallow_after("to", undisturbed["load"]["to"] // 2)
    began = time.monotonic()
    with pytest.raises(StoppedHalfwayError, match="lost the database") as stopped:
        case.load()
    assert time.monotonic() - began < DEFAULTS_END_S
    assert stopped.value.exit_code == 4
    assert stopped.value.facts["retries_by_trouble"]["unreachable"] > 0
    case.proxy.heal()
    assert case.load().resumed
    assert case.digest() == undisturbed["loaded"]


def test_while_nobody_answers_the_database_is_left_alone(case, undisturbed):
    """The circuit opens, everybody waits and says so, and goes on when a trial is answered."""
    circuit = Resilience(retries=Retries(first_delay_s=0.01, longest_delay_s=0.1),
                         circuit_breaker=CircuitBreaker(failures=3, open_s=0.5))

    def break_off(event):
        case.events.append(event)
        if isinstance(event, Waiting):
            case.proxy.heal()
        elif case.proxy.cuts == 0 and getattr(event, "kind", None) == "relationships":
            case.proxy.refuse()

    result = case.load(circuit, events=break_off)
    assert ("the database", True) in {(event.waiting_for, event.seconds <= 0.5) for event in case.told(Waiting)}
    assert result.retries == len(case.told(Retry)) >= 3
    assert case.digest() == undisturbed["loaded"]


def test_patience_ends(case, undisturbed):
    """A database that stays away: half-way, and the facts say what was tried."""
    def go_away(event):
        case.events.append(event)
        if getattr(event, "kind", None) == "relationships":
            case.proxy.refuse()

    with pytest.raises(StoppedHalfwayError, match="lost the database") as stopped:
        case.load(Resilience(retries=Retries(patience_s=2.0), circuit_breaker=CircuitBreaker(3, 0.5)), events=go_away)
    assert stopped.value.facts["retries"] == sum(stopped.value.facts["retries_by_trouble"].values()) > 0
    case.proxy.heal()
    assert case.load().resumed
    assert case.digest() == undisturbed["loaded"]


def test_a_number_of_attempts_is_not_exceeded(case, undisturbed):
    """With one attempt nothing is tried again."""
    case.proxy.cut_after("to", undisturbed["load"]["to"] // 2)
    with pytest.raises(StoppedHalfwayError):
        case.load(Resilience(retries=Retries(max_attempts=1)))
    assert case.told(Retry) == []
    assert repeat(case.load) == 1
    assert case.digest() == undisturbed["loaded"]
