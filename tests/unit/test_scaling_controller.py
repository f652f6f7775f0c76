"""The controller of batch rows and writers, on made-up servers with a made-up clock."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.scaling.controller import Controller
from importer.scaling.settings import BatchRows, Policy, Replicas, Scaling, Triggers
from importer.scaling.window import Signals
from tests.simulated import Server, load

ROWS = 10_000_000
START = (3_000, 2)
LARGEST = BatchRows(target_rows=10_000)
GRID = [(rows, writers) for rows in (500, 1_000, 2_000, 5_000, 10_000) for writers in (1, 2, 3, 4, 5)]
SERVERS = {
    "two cores": Server(),
    "large": Server(cores=4, row_s=40e-6),
    "larger": Server(cores=6, row_s=40e-6, batch_s=0.1),
    "far away": Server(cores=4, batch_s=0.5),
    "small": Server(memory_rows=3_000),
    "smaller": Server(memory_rows=1_300, batch_s=0.02),
    "slow when full": Server(thrash_rows=6_000),
    "one core": Server(cores=1, row_s=100e-6),
    "one slow core": Server(cores=1, row_s=1e-3, batch_s=0.3),
    "deadlocks": Server(deadlocks=0.4),
}


def fresh(name, seed=1):
    return replace(SERVERS[name], dice=random.Random(seed))  # noqa: S311 - the same each time


def reasons(controller):
    return [decision.reason for decision in controller.decisions]


@pytest.mark.parametrize("name", SERVERS)
def test_it_is_within_ten_percent_of_the_best_fixed_setting(name):
    """Whatever the server is like, a long load takes at most a tenth longer than with the best setting there is."""
    best = min(load(fresh(name), Scaling.within((rows, rows), (writers, writers)), ROWS // 20).seconds * 20
               for rows, writers in GRID)
    for seed in (1, 2):
        assert load(fresh(name, seed), Scaling(), ROWS).seconds < 1.1 * best


@given(st.builds(
    Server, cores=st.floats(1, 8), row_s=st.floats(1e-6, 1e-3), batch_s=st.floats(0, 1),
    memory_rows=st.floats(50, 100_000), thrash_rows=st.floats(500, 100_000), deadlocks=st.floats(0, 0.5),
    noise=st.floats(0, 0.5), down=st.tuples(st.floats(0, 20), st.floats(0, 60)),
), st.integers(100, 10_000), st.integers(100, 10_000), st.integers(1, 5), st.integers(1, 5),
    st.sampled_from(["horizontal", "vertical", "hybrid"]), st.floats(0, 1.2), st.floats(0, 1.2))
def test_it_stays_within_its_bounds(server, rows, more_rows, writers, more_writers, mode, memory, cpu):
    """Neither growth nor trouble nor readings leave the bounds; a mode moves its own knob only; reasons are given."""
    scaling = replace(Scaling.within((min(rows, more_rows), max(rows, more_rows)),
                                     (min(writers, more_writers), max(writers, more_writers)), mode),
                      policy=Policy(triggers=("latency", "transient_errors", "server_memory", "cpu")))
    done = load(server, scaling, 200_000, lambda *_: Signals(memory, None, cpu), phases=2)
    for _, batch_rows, count in done.settings:
        assert scaling.batch.min_rows <= batch_rows <= scaling.batch.max_rows
        assert scaling.replicas.min_replicas <= count <= scaling.replicas.max_replicas
        assert mode != "horizontal" or batch_rows == scaling.batch.start
        assert mode != "vertical" or count == scaling.replicas.start
    assert all(decision.reason for decision in done.controller.decisions)
    assert [decision.seconds for decision in done.controller.decisions] == sorted(
        decision.seconds for decision in done.controller.decisions)


def test_it_begins_where_most_servers_are_best():
    """3,000 rows by two writers, or the nearest that the bounds allow."""
    assert (Controller(Scaling(), 0.0).batch_rows, Controller(Scaling(), 0.0).writers) == (3_000, 2)
    bounded = Controller(Scaling.within((100, 700), (3, 5)), 0.0)
    assert (bounded.batch_rows, bounded.writers) == (700, 3)
    told = Controller(Scaling(batch=BatchRows(target_rows=500), replicas=Replicas(target_replicas=4)), 0.0)
    assert (told.batch_rows, told.writers) == (500, 4)


def test_it_explores_little():
    """Where nothing helps, tries cost a few percent of the time, and become rarer."""
    nothing_helps = replace(fresh("one core"), batch_s=0.0)
    done = load(nothing_helps, Scaling(), 20_000_000)
    fixed = load(nothing_helps, Scaling.within((3_000, 3_000), (2, 2)), 20_000_000)
    assert done.seconds < 1.03 * fixed.seconds
    assert len(done.controller.decisions) < done.seconds / 20
    frugal = load(fresh("two cores"), Scaling(policy=Policy(exploration_share=1e-4)), ROWS)
    assert len(frugal.controller.decisions) < len(load(fresh("two cores"), Scaling(), ROWS).controller.decisions)
    still = load(fresh("large"), Scaling(policy=Policy(exploration_share=0)), 2_000_000)
    assert still.controller.decisions == []


def test_what_is_nearly_done_is_not_used_for_tries():
    """A try of other rows has to pay in what is left: a load of a few seconds has none, a longer one some at first."""
    busy = replace(fresh("one core"), batch_s=0.0)
    seconds = load(busy, Scaling(), ROWS).seconds / ROWS
    short, long = (load(busy, Scaling(), int(due_s / seconds)).controller.decisions for due_s in (8, 40))
    assert {one.batch_rows for one in short} <= {3_000}
    assert [one for one in long if one.seconds < 32 and one.batch_rows != 3_000]
    assert not [one for one in long if one.seconds > 32 and "is there more?" in one.reason]


def write_one(controller, now, seconds=0.1, troubles=()):
    """Let one batch be written, alone."""
    rows = controller.batch_rows
    controller.started(rows, now)
    controller.wrote(rows, now, now + seconds, troubles)
    return now + seconds


def test_too_large_halves_at_once_and_is_remembered():
    """The next batch has half of what failed, and none ever again as many."""
    controller = Controller(replace(Scaling.within(writers=(1, 1)), batch=LARGEST), 0.0)
    now = write_one(controller, 0.0, troubles=[("too large", 10_000), ("too large", 5_000)])
    assert controller.batch_rows == 2_500
    seen = set()
    for _ in range(5_000):
        now = write_one(controller, now, seconds=0.1 + controller.batch_rows * 1e-6)
        seen.add(controller.batch_rows)
    assert 2_500 < max(seen) < 5_000


def test_horizontal_answers_too_large_with_fewer_writers():
    """Where rows are held still, what is too large is answered by the other knob, then said not to be."""
    controller = Controller(Scaling(mode="horizontal", batch=LARGEST), 0.0)
    now = write_one(controller, 0.0, troubles=[("too large", 10_000)])
    assert (controller.batch_rows, controller.writers) == (10_000, 1)
    for _ in range(3):
        now = write_one(controller, now, troubles=[("too large", 10_000)])
    assert "cut" in reasons(controller)[-1]
    assert len(controller.decisions) == 2


def test_a_setting_that_brings_trouble_again_and_again_is_left():
    """Where two writers always meet, one does the work, and other numbers of rows are tried with it."""
    done = load(fresh("deadlocks"), Scaling(policy=Policy(triggers=("transient_errors",))), ROWS)
    late = [(rows, writers) for now, rows, writers in done.settings if now > done.seconds / 2]
    assert max(rows for rows, writers in late if writers == 1) > START[0]


@pytest.mark.parametrize(("every", "writers"), [(10, 4), (2, 3)])
def test_many_deadlocks_take_a_writer_away(every, writers):
    """One now and then is normal; many mean too many writers, not too large a batch."""
    controller = Controller(replace(Scaling.within((2_000, 2_000)),
                                    replicas=Replicas(max_replicas=4, target_replicas=4),
                                    policy=Policy(exploration_share=0)), 0.0)
    now = 0.0
    for number in range(14):
        now = write_one(controller, now, troubles=[] if number % every else [("contention", 2_000)])
    assert (controller.batch_rows, controller.writers) == (2_000, writers)


def test_an_outage_halves_once_and_is_recovered_from_after_the_cool_down():
    """Many failures of one outage are one; the setting of before comes back, and not before it was calm."""
    server = Server(down=(20.0, 40.0), noise=0.0)
    scaling = Scaling(policy=Policy(exploration_share=0), triggers=Triggers(cooldown_period=30))
    done = load(server, scaling, 3_000_000)
    first, *others = done.controller.decisions
    assert (first.batch_rows, first.writers) == (START[0] // 2, 1)
    assert others[0].seconds >= first.seconds + 30
    assert (others[-1].batch_rows, others[-1].writers) == START
    assert all("back up" in reason for reason in reasons(done.controller)[1:])


@pytest.mark.parametrize(("name", "signals", "word"), [
    ("server_memory", Signals(server_memory=0.95), "server's memory"),
    ("client_memory", Signals(client_memory=0.95), "machine's memory"),
    ("cpu", Signals(cpu=0.99), "processor"),
])
def test_a_reading_above_its_threshold_turns_down(name, signals, word):
    """Only while it counts, and the reason says what was read and what the limit is."""
    for counts in (True, False):
        policy = Policy(triggers=(name,) if counts else ("latency",), priority_triggers=(), exploration_share=0)
        controller = Controller(Scaling(policy=policy), 0.0)
        controller.sensed(signals)
        now = 0.0
        for _ in range(12):
            now = write_one(controller, now)
        assert ((controller.batch_rows, controller.writers) != START) is counts
        assert (word in " ".join(reasons(controller))) is counts


def test_a_reading_that_no_step_changes_no_longer_counts():
    """Memory that somebody else holds does not bring a load to a standstill."""
    done = load(fresh("two cores"), Scaling(), ROWS, lambda *_: Signals(client_memory=0.97))
    assert "no longer counts" in " ".join(reasons(done.controller))
    _, rows, writers = done.settings[-1]
    assert rows >= START[0]
    assert writers >= START[1]
    assert done.seconds < 1.5 * load(fresh("two cores"), Scaling(), ROWS).seconds


def test_memory_that_falls_with_the_batch_settles_below_the_threshold():
    """Rows are turned down until the reading is below its limit, and not turned up beyond it again and again."""
    done = load(fresh("two cores"), Scaling(), ROWS, lambda _, rows, writers: Signals(rows * writers / 15_000))
    late = [rows * writers / 15_000 for now, rows, writers in done.settings if now > done.seconds / 2]
    assert sum(share >= 0.9 for share in late) < 0.05 * len(late)
    assert done.settings[-1][1] < 10_000


def test_slow_batches_become_smaller():
    """A batch that takes longer than the threshold is turned down, and holds still where it is just fast enough."""
    scaling = Scaling(triggers=Triggers(latency_threshold=2.0), policy=Policy(exploration_share=0))
    done = load(Server(row_s=1e-3, noise=0.0), scaling, 2_000_000)
    settled = [rows for now, rows, _ in done.settings if done.seconds / 2 < now < done.seconds - 10]
    assert 1_000 <= min(settled) <= max(settled) < 2_000
    assert "a batch takes" in reasons(done.controller)[0]


@pytest.mark.parametrize("cooldown", [5.0, 60.0])
def test_nothing_is_turned_up_while_the_cool_down_lasts(cooldown):
    """After trouble there is calm first."""
    scaling = Scaling(triggers=Triggers(cooldown_period=cooldown))
    done = load(fresh("small"), scaling, 2_000_000)
    for before, after in zip(done.controller.decisions, done.controller.decisions[1:], strict=False):
        if "too large" in before.reason and after.batch_rows * after.writers > before.batch_rows * before.writers:
            assert after.seconds >= before.seconds + cooldown


def test_rows_of_another_kind_are_measured_anew():
    """What was too large for nodes may fit for relationships; the setting stays until that is known."""
    scaling = replace(Scaling.within(writers=(1, 1)), batch=LARGEST, policy=Policy(exploration_share=0))
    controller = Controller(scaling, 0.0)
    now = write_one(controller, 0.0, troubles=[("too large", 10_000)])
    controller.began_phase(ROWS, now)
    assert controller.batch_rows == 5_000
    until = now + 10
    while now < until:
        now = write_one(controller, now, seconds=0.1 + controller.batch_rows * 1e-6)
    assert controller.batch_rows == 10_000


def test_a_try_that_was_not_judged_is_not_kept():
    """When rows of another kind begin in the middle of a try, they are written with what was known to be good."""
    controller = Controller(Scaling(), 0.0)
    now = 0.0
    while not controller.decisions:
        now = write_one(controller, now, seconds=0.3)
    assert (controller.batch_rows, controller.writers) != START
    controller.began_phase(ROWS, now)
    assert (controller.batch_rows, controller.writers) == START


@pytest.mark.parametrize(("cpu", "tried"), [(None, True), (0.75, True), (0.85, False)])
def test_more_writers_are_tried_where_processors_are_idle(cpu, tried):
    """Where none is, they would only wait for each other: for as long as that is so, there are no more."""
    controller = Controller(Scaling(), 0.0)
    controller.sensed(Signals(cpu=cpu))
    now = 0.0
    while now < 60:
        now = write_one(controller, now, seconds=0.3)
    assert any(decision.writers > 2 for decision in controller.decisions) is tried


def test_fewer_rows_are_not_tried_in_a_short_load():
    """What a try downwards may lose has to be earned; upwards a large server has something to give from the start."""
    controller = Controller(Scaling(), 0.0)
    now = 0.0
    while now < 5:
        now = write_one(controller, now, seconds=0.3)
    assert [decision.batch_rows for decision in controller.decisions if decision.batch_rows < START[0]] == []
    assert controller.decisions
