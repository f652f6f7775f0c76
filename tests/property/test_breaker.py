"""The circuit breaker and the token bucket, over arbitrary histories with a made-up clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from importer.breaker import Breaker, Permit
from importer.rate import Bucket

STEPS = st.floats(min_value=0.0, max_value=20.0)


class Writers(RuleBasedStateMachine):
    """Writers that ask, and learn later what came of it, in any order; beside them what a reader expects."""

    def __init__(self):
        super().__init__()
        self.breaker = Breaker(failures=3, open_s=5.0, trials=2)
        self.now = 0.0
        self.out = []
        self.opened_at = None
        self.seen = self.breaker.state

    @rule(seconds=STEPS)
    def time_passes(self, seconds):
        self.now += seconds

    @rule()
    def ask(self):
        before = self.breaker.state
        told = self.breaker.ask(self.now)
        if before == "open":
            # Nothing is sent before its time.
            assert isinstance(told, Permit) == (self.now >= self.opened_at + 5.0)
        if isinstance(told, Permit):
            self.out.append(told)
        else:
            assert before != "closed"
            assert 0 < told <= 5.0

    @precondition(lambda self: self.out)
    @rule(data=st.data(), outcome=st.sampled_from(["answered", "failed", "withdrawn"]))
    def an_outcome(self, data, outcome):
        permit = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        before = self.breaker.state
        if outcome == "answered":
            self.breaker.answered(permit)
        elif outcome == "failed":
            self.breaker.failed(permit, self.now)
        else:
            self.breaker.withdrawn(permit)
        after = self.breaker.state
        if before != "open" and after == "open":
            assert outcome == "failed"
            self.opened_at = self.now
        if before != "closed" and after == "closed":
            assert (before, outcome, permit.trial) == ("half-open", "answered", True)

    @invariant()
    def one_trial_at_most(self):
        current = [permit for permit in self.out if permit.trial and permit.opening == self.breaker.openings]
        assert len(current) <= 1

    @invariant()
    def changes_are_the_allowed_ones(self):
        assert (self.seen, self.breaker.state) not in {("open", "closed"), ("closed", "half-open")}
        self.seen = self.breaker.state

    @invariant()
    def nobody_waits_for_ever(self):
        """Whoever asks again after the time it was told gets through when nobody else is out."""
        if self.breaker.state == "open":
            copy = Breaker(3, 5.0, 2, "open", self.breaker.openings, _until=self.breaker._until)
            told = copy.ask(self.now)
            assert isinstance(told, Permit) or isinstance(copy.ask(self.now + told), Permit)


TestWriters = Writers.TestCase


@given(failures=st.integers(1, 20), answers=st.integers(0, 19))
def test_it_opens_after_as_many_failures_in_a_row_and_not_before(failures, answers):
    """An answer between failures begins the count anew."""
    breaker = Breaker(failures, 5.0, 1)
    for _ in range(min(answers, failures - 1)):
        breaker.failed(breaker.ask(0.0), 0.0)
    breaker.answered(breaker.ask(0.0))
    for _ in range(failures):
        assert breaker.state == "closed"
        breaker.failed(breaker.ask(0.0), 0.0)
    assert breaker.state == "open"


@given(trials=st.integers(1, 5))
def test_it_closes_after_as_many_trials(trials):
    """Half-open, trials go one after the other, and everybody goes on after the last."""
    breaker = Breaker(1, 5.0, trials)
    breaker.failed(breaker.ask(0.0), 0.0)
    for _ in range(trials):
        permit = breaker.ask(5.0)
        assert breaker.state == "half-open"
        assert isinstance(breaker.ask(5.0), float)
        breaker.answered(permit)
    assert breaker.state == "closed"


@given(withdrawals=st.integers(1, 5))
def test_a_trial_that_was_not_made_lets_another_through(withdrawals):
    """A writer that was interrupted before it asked holds nobody up."""
    breaker = Breaker(1, 5.0, 1)
    breaker.failed(breaker.ask(0.0), 0.0)
    for _ in range(withdrawals):
        breaker.withdrawn(breaker.ask(5.0))
    assert isinstance(breaker.ask(5.0), Permit)


def test_news_from_before_the_failure_says_nothing():
    """An answer to what was asked before it opened does not close it, and a failure does not keep it open."""
    breaker = Breaker(1, 5.0, 1)
    old, older = breaker.ask(0.0), breaker.ask(0.0)
    breaker.failed(breaker.ask(0.0), 0.0)
    breaker.answered(old)
    assert breaker.state == "open"
    trial = breaker.ask(5.0)
    breaker.failed(older, 5.0)
    assert breaker.state == "half-open"
    breaker.answered(trial)
    assert breaker.state == "closed"


@given(rate=st.floats(0.5, 50_000), asked=st.lists(st.tuples(st.floats(0, 30), st.integers(1, 10_000)), min_size=1,
                                                  max_size=40))
def test_no_moment_sees_more_rows_than_the_rate(rate, asked):
    """From any batch to any later one: no more rows than a second's, or one batch's, and the rate times the seconds."""
    bucket, now, sent = Bucket(rate), 0.0, []
    for pause, rows in asked:
        now += pause
        sent.append((now + bucket.reserve(rows, now), rows))
    for i, (begin, _) in enumerate(sent):
        rows = 0
        for moment, more in sent[i:]:
            rows += more
            most = max(rate, *(each for _, each in sent[i:])) + rate * (moment - begin)
            assert rows <= most * (1 + 1e-9) + 1e-6


@given(rate=st.floats(1, 50_000), rows=st.lists(st.integers(1, 10_000), min_size=1, max_size=40))
def test_the_rate_is_reached(rate, rows):
    """Nobody waits longer than the rows before it, and its own, take."""
    bucket, total = Bucket(rate), 0
    for each in rows:
        total += each
        assert bucket.reserve(each, 0.0) <= max(0.0, total - rate) / rate * (1 + 1e-9) + 1e-9
