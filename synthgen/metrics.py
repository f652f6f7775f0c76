"""What runs cost, as a text file that Prometheus's node exporter collects; knows performance, no database.

Counters, histograms and sums go on from what the file holds, so it is a record of all runs that named it. The form:
https://prometheus.io/docs/instrumenting/exposition_formats/ (text, version 0.0.4). docs/metrics.md lists the names.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from synthgen.errors import LockedError, SynthError, UsageError
from synthgen.events import Event, Finished, ListenerError
from synthgen.files import write_text
from synthgen.performance import Performance

OPERATIONS = frozenset({"load", "rollback", "restore"})
"""Work that changes a database; all work is a job."""
DURATIONS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)
"""Upper borders of the histograms of durations, in seconds."""
QUANTILES = {"0.5": "p50", "0.9": "p90", "0.95": "p95", "0.99": "p99"}
LOCK_SECONDS = 10.0

FAMILIES: Mapping[str, tuple[str, str]] = {
    "scaling_operations": ("counter", "Loads, rollbacks and restores that ended, by outcome."),
    "scaling_operation_duration": ("histogram", "Seconds of loads, rollbacks and restores."),
    "scaling_request_count": ("unknown", "Transactions committed that wrote or deleted rows; only rises."),
    "scaling_request_latency": (
        "summary", "Seconds of these transactions: quantiles of the last run, sum and count of all."),
    "scaling_rows": ("counter", "Nodes and relationships read, made, written or deleted."),
    "scaling_retries": ("counter", "Transactions tried again, by what was wrong."),
    "scaling_cpu_usage": ("gauge", "Processors that our process kept busy in the last run, on average."),
    "scaling_memory_usage": ("gauge", "Most bytes of memory in the last run, of our process and of the server."),
    "scaling_jobs_completed": ("counter", "Work of any kind that was done."),
    "scaling_jobs_failed": ("counter", "Work of any kind that failed, was refused or stopped half-way."),
    "scaling_jobs_duration_seconds": ("histogram", "Seconds of work of any kind."),
    "scaling_checkpoints_saved": ("counter", "Records that online loads wrote into the database's ledger."),
    "scaling_last_run_timestamp_seconds": ("gauge", "When work of this kind ended last, in seconds since 1970."),
}
"""Each family's type and help; a counter's samples end in `_total`."""

Labels = tuple[tuple[str, str], ...]
Samples = dict[tuple[str, Labels], float]


@dataclass(frozen=True, slots=True)
class Ran:
    """A piece of work that ended.

    Attributes:
        performance: What it cost.
        mode: `offline` or `online`; empty where there is no such choice.
        outcome: As `synthgen.events.Finished` has it.
        at: When it ended, in seconds since 1970.
    """

    performance: Performance
    mode: str
    outcome: str
    at: float


class TextFile:
    """Adds each piece of work that ends to a file; is a `synthgen.events.Listener`.

    Args:
        path: The file.

    Raises:
        UsageError: As `check_textfile`.
    """

    def __init__(self, path: Path) -> None:
        check_textfile(path)
        self._path = path

    def __call__(self, event: Event) -> None:
        """Add what has finished.

        Raises:
            ListenerError: The file cannot be written; the work itself has ended as it says.
        """
        if not isinstance(event, Finished):
            return
        try:
            add_run(self._path, Ran(event.performance, event.mode or "", event.outcome, time.time()))
        except SynthError as error:
            raise ListenerError(f"{event.work} ended ({event.outcome}), but its metrics are not written:"
                                f" {error.message}", hint=error.hint, outcome=event.outcome, **error.facts) from error


def check_textfile(path: Path) -> None:
    """Make sure that metrics can be written to `path`, before any work is done.

    Raises:
        UsageError: Its folder is missing, or it is not a file of such metrics.
    """
    if not path.parent.is_dir():
        raise UsageError(f"the folder of {path} does not exist", hint="make it, or name another --metrics-textfile")
    _read(path)


def add_run(path: Path, ran: Ran) -> None:
    """Add a run to the file, which is made when it is missing; other runs may do so at the same time.

    Raises:
        UsageError: As `check_textfile`.
        LockedError: Another run has held the file for `LOCK_SECONDS`.
        SynthError: It cannot be written.
    """
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        with lock.acquire(timeout=LOCK_SECONDS):
            samples = _read(path)
            _add(samples, ran)
            write_text(path, _text(samples))
    except Timeout:
        raise LockedError(f"another run is writing {path}", hint="give each run a file of its own",
                          path=str(path)) from None
    except OSError as error:
        raise SynthError(f"{path} cannot be written: {error.strerror or error}",
                         hint="the work itself has ended as it says; mend the file for the next run",
                         path=str(path)) from error


def _add(samples: Samples, ran: Ran) -> None:
    cost = ran.performance
    work = {"work": cost.work}
    rise = _Rise(samples)
    if cost.work in OPERATIONS:
        kind = {**work, "mode": ran.mode}
        rise.by("scaling_operations_total", {**kind, "outcome": ran.outcome}, 1)
        rise.observe("scaling_operation_duration", kind, cost.seconds)
    rise.by("scaling_jobs_completed_total" if ran.outcome == "done" else "scaling_jobs_failed_total", work, 1)
    rise.observe("scaling_jobs_duration_seconds", work, cost.seconds)
    rise.by("scaling_rows_total", work, cost.rows)
    rise.by("scaling_request_count", work, cost.batches)
    for trouble, times in cost.retries_by_trouble.items():
        rise.by("scaling_retries_total", {**work, "trouble": trouble}, times)
    if (cost.work, ran.mode) == ("load", "online"):
        rise.by("scaling_checkpoints_saved_total", {}, cost.batches)
    if cost.latency is not None:
        for quantile, name in QUANTILES.items():
            rise.to("scaling_request_latency", {**work, "quantile": quantile}, getattr(cost.latency, name))
        rise.by("scaling_request_latency_sum", work, cost.latency.total)
        rise.by("scaling_request_latency_count", work, cost.latency.count)
    if cost.seconds > 0:
        rise.to("scaling_cpu_usage", work, cost.client_cpu_seconds / cost.seconds)
    rise.to("scaling_memory_usage", {**work, "process": "client"}, cost.client_peak_bytes)
    if cost.server_peak_bytes is not None:
        rise.to("scaling_memory_usage", {**work, "process": "server"}, cost.server_peak_bytes)
    rise.to("scaling_last_run_timestamp_seconds", work, ran.at)


class _Rise:
    """Changes samples."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def to(self, name: str, labels: Mapping[str, str], value: float) -> None:
        self._samples[name, tuple(sorted(labels.items()))] = value

    def by(self, name: str, labels: Mapping[str, str], value: float) -> None:
        key = (name, tuple(sorted(labels.items())))
        self._samples[key] = self._samples.get(key, 0.0) + value

    def observe(self, name: str, labels: Mapping[str, str], seconds: float) -> None:
        for border in (*DURATIONS, float("inf")):
            text = "+Inf" if border == float("inf") else f"{border}"
            self.by(f"{name}_bucket", {**labels, "le": text}, float(seconds <= border))
        self.by(f"{name}_sum", labels, seconds)
        self.by(f"{name}_count", labels, 1)


def _read(path: Path) -> Samples:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise _not_ours(path, str(error)) from error
    samples: Samples = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if _family_of(sample.name) is None:
                    raise _not_ours(path, f"it holds {sample.name}")
                samples[sample.name, tuple(sorted(sample.labels.items()))] = float(sample.value)
    except (ValueError, KeyError) as error:
        raise _not_ours(path, str(error)) from error
    if text.strip() and not samples:
        raise _not_ours(path, "it holds no sample")
    return samples


def _not_ours(path: Path, why: str) -> UsageError:
    return UsageError(f"{path} is not a file of this program's metrics: {why}",
                      hint="name another --metrics-textfile, or remove this one", path=str(path))


def _family_of(sample: str) -> str | None:
    return next((name for name in _families_of(sample) if name in FAMILIES), None)


def _families_of(sample: str) -> Iterable[str]:
    yield sample
    for ending in ("_total", "_bucket", "_sum", "_count"):
        if sample.endswith(ending):
            yield sample.removesuffix(ending)


class _Fixed(Collector):
    """Gives the samples to the library that writes them."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def collect(self) -> Iterable[Metric]:
        for name, (kind, told) in FAMILIES.items():
            family = Metric(name, told, kind)
            # Stable, so that a histogram's borders stay in the order in which they were added.
            own = [(key, value) for key, value in self._samples.items() if _family_of(key[0]) == name]
            for (sample, labels), value in sorted(own, key=lambda one: [pair for pair in one[0][1] if pair[0] != "le"]):
                family.add_sample(sample, dict(labels), value)
            if family.samples:
                yield family


def _text(samples: Samples) -> str:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Fixed(samples))
    return generate_latest(registry).decode("utf-8")
