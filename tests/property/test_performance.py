"""Monitors count what happened, quantiles are as exact as they say, and metrics files add up."""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from synthgen.errors import LockedError, UsageError
from synthgen.events import Batch, Phase, Retry, Stream, Waiting
from synthgen.metrics import FAMILIES, Ran, add_run, check_textfile
from synthgen.monitor import PerformanceMonitor
from synthgen.performance import Performance
from synthgen.quantiles import ACCURACY, LEAST, Quantiles

DOCS = Path(__file__).parents[2] / "docs"
positive = st.floats(min_value=LEAST, max_value=1e6, allow_nan=False)
cost = st.builds(
    Performance, work=st.sampled_from(["load", "rollback", "generate"]), seconds=st.floats(0, 1e5),
    rows=st.integers(0, 10**9), rows_per_second=st.just(0.0), batches=st.integers(0, 10**6), retries=st.just(0),
    retries_by_trouble=st.dictionaries(st.sampled_from(["too large", "contention", "unreachable"]), st.integers(1, 99)),
    waited_seconds=st.just(0.0), latency=st.none(), client_peak_bytes=st.integers(0, 10**12),
    client_cpu_seconds=st.floats(0, 1e5), server_peak_bytes=st.none() | st.integers(0, 10**12))
ran = st.builds(Ran, performance=cost, mode=st.sampled_from(["", "online", "offline"]),
                outcome=st.sampled_from(["done", "failed", "stopped"]), at=st.floats(0, 2e9))


def samples_of(path: Path) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(path.read_text("utf-8"))
    return {(sample.name, frozenset(sample.labels.items())): sample.value
            for family in families for sample in family.samples}


@given(st.lists(positive, min_size=1, max_size=300), st.floats(0, 1))
def test_a_quantile_is_within_one_percent(numbers, share):
    """Of the number at its rank among all that were seen."""
    seen = Quantiles()
    for number in numbers:
        seen.add(number)
    exact = sorted(numbers)[math.floor(share * (len(numbers) - 1))]
    assert seen.at(share) == pytest.approx(exact, rel=ACCURACY * 1.001)
    assert (seen.count, seen.largest) == (len(numbers), max(numbers))


def test_many_numbers_take_little_memory():
    """A million latencies between a microsecond and a thousand seconds need about a thousand buckets."""
    seen = Quantiles()
    for i in range(100_000):
        seen.add(1e-6 * 10 ** (9 * i / 100_000))
    assert len(seen._buckets) < 1_100


@pytest.mark.parametrize("number", [-1.0, math.nan, math.inf])
def test_what_is_no_latency_is_refused(number):
    """A clock that runs backwards must not spoil what was measured."""
    with pytest.raises(ValueError, match="not a number from 0 on"):
        Quantiles().add(number)


@given(st.lists(st.tuples(st.integers(0, 10_000), st.floats(0, 100)), max_size=50), st.integers(0, 9))
def test_a_monitor_counts_what_a_stream_tells(batches, retries):
    """Every batch, its rows and its latency; every retry by its trouble; what is waited for on purpose."""
    with PerformanceMonitor("load") as monitor:
        stream = Stream(monitor)
        for rows, seconds in batches:
            stream(Batch("nodes", rows, seconds))
        for _ in range(retries):
            stream(Retry("contention", 5, 0.1, "deadlock"))
        stream(Waiting("the database", 2.5))
        stream(Phase("nodes", 1, 2))
    found = monitor.performance
    assert (found.batches, found.rows, found.retries) == (len(batches), sum(rows for rows, _ in batches), retries)
    assert found.retries_by_trouble == ({"contention": retries} if retries else {})
    assert found.waited_seconds == 2.5
    assert (found.latency is None) == (not batches)
    if found.latency is not None:
        assert found.latency.count == len(batches)
        assert found.latency.max == max(seconds for _, seconds in batches)
        assert found.latency.p50 <= found.latency.p99 <= found.latency.max


def test_a_monitor_measures_time_memory_and_processor():
    """From `with` to its end, and not after it."""
    with PerformanceMonitor("mine") as monitor:
        monitor.record_items(1000)
        with monitor.measure_query():
            time.sleep(0.05)
        held = bytearray(64_000_000)
        held[::4096] = b"x" * len(held[::4096])
        monitor._memory._look()
        del held
    found = monitor.performance
    time.sleep(0.05)
    assert monitor.performance == found
    assert found.seconds >= 0.05
    assert found.rows_per_second == pytest.approx(1000 / found.seconds)
    assert found.latency is not None
    assert found.latency.count == 1
    assert found.latency.max >= 0.05
    assert found.client_peak_bytes > 64_000_000
    assert found.client_cpu_seconds > 0
    assert found.server_peak_bytes is None


def test_a_query_that_fails_is_no_latency():
    """What failed says nothing about how long an answer takes; the error is the caller's."""
    with PerformanceMonitor("mine") as monitor, pytest.raises(RuntimeError), monitor.measure_query():
        raise RuntimeError
    assert monitor.performance.latency is None


def test_the_most_memory_of_a_server_is_kept():
    """What could not be read is passed over; the watching thread ends with the work."""
    readings = iter([None, 5, 9, 7])
    with PerformanceMonitor("load", server_memory=lambda: next(readings, None)) as monitor:
        for _ in range(3):
            monitor._memory._look()
    assert monitor.performance.server_peak_bytes == 9
    assert "synthgen-memory" not in {thread.name for thread in threading.enumerate()}


@given(runs=st.lists(ran, min_size=1, max_size=6))
def test_a_metrics_file_adds_up(tmp_path_factory, runs):
    """Counters and histograms are the sums of all runs; gauges are the last run's."""
    path = tmp_path_factory.mktemp("metrics") / "synthgen.prom"
    for one in runs:
        check_textfile(path)
        add_run(path, one)
    found = samples_of(path)
    for work in {one.performance.work for one in runs}:
        own = [one for one in runs if one.performance.work == work]
        key = frozenset({("work", work)})
        done = sum(one.outcome == "done" for one in own)
        assert found.get(("scaling_jobs_completed_total", key), 0) == done
        assert found.get(("scaling_jobs_failed_total", key), 0) == len(own) - done
        assert found["scaling_rows_total", key] == sum(one.performance.rows for one in own)
        assert found["scaling_jobs_duration_seconds_sum", key] == pytest.approx(
            sum(one.performance.seconds for one in own))
        border = key | {("le", "60.0")}
        assert found["scaling_jobs_duration_seconds_bucket", border] == sum(
            one.performance.seconds <= 60 for one in own)
        assert found["scaling_memory_usage", key | {("process", "client")}] == own[-1].performance.client_peak_bytes
        assert ("scaling_operation_duration_count" in {name for name, labels in found if ("work", work) in labels}) == (
            work != "generate")


def test_runs_side_by_side_lose_nothing(tmp_path):
    """Twenty threads name the same file; all are counted."""
    path = tmp_path / "synthgen.prom"
    with PerformanceMonitor("generate") as monitor:
        monitor.record_items(1)
    threads = [threading.Thread(target=add_run, args=(path, Ran(monitor.performance, "", "done", 1.0)))
               for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert samples_of(path)["scaling_rows_total", frozenset({("work", "generate")})] == 20


@pytest.mark.parametrize("text", ["# Changelog\n\nwords\n", "up 1\n", "scaling_rows_total{ 1\n", "\x00\n"])
def test_somebody_elses_file_is_left_alone(tmp_path, text):
    """A wrong name must not cost a file."""
    path = tmp_path / "README.md"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError, match="not a file of this program's metrics"):
        check_textfile(path)
    assert path.read_text("utf-8") == text


def test_a_folder_that_is_missing_is_said_beforehand(tmp_path):
    """Before any work, not after it."""
    with pytest.raises(UsageError, match="does not exist"):
        check_textfile(tmp_path / "nowhere" / "synthgen.prom")


def test_a_file_that_somebody_holds_is_an_error(tmp_path, monkeypatch):
    """Metrics that are not written are not passed over."""
    from filelock import FileLock  # noqa: PLC0415

    monkeypatch.setattr("synthgen.metrics.LOCK_SECONDS", 0.05)
    path = tmp_path / "synthgen.prom"
    with PerformanceMonitor("generate") as monitor:
        pass
    with FileLock(tmp_path / ".synthgen.prom.lock"), pytest.raises(LockedError, match="another run"):
        add_run(path, Ran(monitor.performance, "", "done", 1.0))


def test_the_docs_name_every_metric():
    """And no other."""
    page = (DOCS / "metrics.md").read_text("utf-8")
    named = {line.split("`")[1].partition("{")[0] for line in page.splitlines() if line.startswith("| `scaling_")}
    assert named == {name + ("_total" if kind == "counter" else "") for name, (kind, _) in FAMILIES.items()}
