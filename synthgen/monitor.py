"""Measures a piece of work: time, rows, transactions, memory; knows events, no database and no file.

    with PerformanceMonitor("my load") as monitor:
        for rows in batches:
            with monitor.measure_query():
                session.run(text, rows=rows).consume()
            monitor.record_batch(len(rows))
    print(monitor.performance.rows_per_second)

A monitor is a listener, too: `synthgen.events.Stream(monitor)` counts the batches and retries that it is told of.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import psutil

from synthgen.events import Batch, Event, Retry, Waiting
from synthgen.performance import Latency, Performance
from synthgen.quantiles import Quantiles

SAMPLE_SECONDS = 0.25
ReadMemory = Callable[[], int | None]
"""Gives the bytes that a server has in use now; None when it cannot be read."""


class PerformanceMonitor:
    """Measures a piece of work, from `with` to its end; its methods may be called from any thread.

    Args:
        work: What it is called.
        server_memory: Reads the server's memory, when somebody can; called every quarter of a second.
    """

    def __init__(self, work: str, *, server_memory: ReadMemory | None = None) -> None:
        self._work = work
        self._turn = threading.Lock()
        self._latency = Quantiles()
        self._rows = 0
        self._batches = 0
        self._retries: Counter[str] = Counter()
        self._waited = 0.0
        self._memory = _MemoryWatch(server_memory)
        self._began = time.monotonic()
        self._began_cpu = time.process_time()
        self._ended: tuple[float, float] | None = None

    def __enter__(self) -> Self:
        """Begin to measure."""
        self._began, self._began_cpu = time.monotonic(), time.process_time()
        self._ended = None
        self._memory.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        """End: what `performance` says stays."""
        self._ended = (time.monotonic(), time.process_time())
        self._memory.stop()

    def __call__(self, event: Event) -> None:
        """Take note of an event: committed batches, retries and waiting count."""
        match event:
            case Batch(rows=rows, seconds=seconds):
                self.record_batch(rows, seconds=seconds)
            case Retry(trouble=trouble):
                self.record_retry(trouble)
            case Waiting(seconds=seconds):
                with self._turn:
                    self._waited += seconds

    def record_items(self, rows: int) -> None:
        """Count rows that no batch counts."""
        with self._turn:
            self._rows += rows

    def record_batch(self, rows: int = 0, *, seconds: float | None = None) -> None:
        """Count a committed transaction, its rows and, where known, how long it took."""
        with self._turn:
            self._batches += 1
            self._rows += rows
            if seconds is not None:
                self._latency.add(seconds)

    def record_retry(self, trouble: str = "contention") -> None:
        """Count a transaction that failed and is tried again."""
        with self._turn:
            self._retries[trouble] += 1

    @contextmanager
    def measure_query(self) -> Iterator[None]:
        """Measure how long the block takes, as the latency of one transaction; one that raises does not count."""
        began = time.monotonic()
        yield
        took = time.monotonic() - began
        with self._turn:
            self._latency.add(took)

    @property
    def performance(self) -> Performance:
        """What the work has cost so far, or did cost when it has ended."""
        now, cpu = self._ended or (time.monotonic(), time.process_time())
        seconds = now - self._began
        with self._turn:
            return Performance(
                work=self._work, seconds=seconds, rows=self._rows,
                rows_per_second=self._rows / seconds if seconds > 0 else 0.0,
                batches=self._batches, retries=sum(self._retries.values()), retries_by_trouble=dict(self._retries),
                waited_seconds=self._waited, latency=_latency(self._latency),
                client_peak_bytes=self._memory.client, client_cpu_seconds=cpu - self._began_cpu,
                server_peak_bytes=self._memory.server,
            )


class _MemoryWatch:
    """Remembers the most memory that this process and a server had while it was on."""

    def __init__(self, server_memory: ReadMemory | None) -> None:
        self.client = 0
        self.server: int | None = None
        self._read_server = server_memory
        self._process = psutil.Process(os.getpid())
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._ended.clear()
        self._look()
        self._thread = threading.Thread(target=self._watch, name="synthgen-memory", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._look()

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self._look()

    def _look(self) -> None:
        self.client = max(self.client, self._process.memory_info().rss)
        found = self._read_server() if self._read_server is not None else None
        if found is not None:
            self.server = max(self.server or 0, found)


def _latency(seen: Quantiles) -> Latency | None:
    quantiles = [seen.at(share) for share in (0.5, 0.9, 0.95, 0.99)]
    p50, p90, p95, p99 = (0.0 if one is None else one for one in quantiles)
    return Latency(seen.count, seen.total, p50, p90, p95, p99, seen.largest) if seen.count else None
