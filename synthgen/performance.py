"""What one piece of work cost, as data; measures nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from the begin of a transaction to the answer to its commit: quantiles within one percent, and sums."""

    count: int
    total: float
    p50: float
    p90: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Performance:
    """What a piece of work cost.

    Attributes:
        work: What it was.
        seconds: From its begin to its end, or until now.
        rows: Nodes and relationships read, made, written or deleted.
        rows_per_second: `rows` by `seconds`.
        batches: Transactions committed that wrote or deleted rows.
        retries: Failed transactions that were tried again.
        retries_by_trouble: The same by what was wrong: `too large`, `contention`, `unreachable`.
        waited_seconds: Seconds spent waiting for the database or the rate limit on purpose, of all writers together.
        latency: Of the transactions; None when there was none.
        client_peak_bytes: The most memory (resident set) that this process had meanwhile.
        client_cpu_seconds: Processor seconds that this process used meanwhile, all its threads together.
        server_peak_bytes: The most memory that the server had meanwhile; None where it cannot be read.
    """

    work: str
    seconds: float
    rows: int
    rows_per_second: float
    batches: int
    retries: int
    retries_by_trouble: Mapping[str, int]
    waited_seconds: float
    latency: Latency | None
    client_peak_bytes: int
    client_cpu_seconds: float
    server_peak_bytes: int | None

    def as_document(self) -> dict[str, Any]:
        """Give it as JSON has it; numbers of seconds are rounded to microseconds."""
        return {name: _rounded(value) for name, value in asdict(self).items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return value
