"""How a load bears a database that does not answer, is busy, or is shared: the settings, checked; does nothing itself.

They stand in `[resilience]` of synthgen.toml and are told by flags; docs/resilience.md has them all.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from importer.durations import read_duration
from importer.scaling.settings import FEWEST_ROWS
from synthgen.config import section
from synthgen.errors import UsageError, shown

T = TypeVar("T")


def _check(
    settings: Retries | CircuitBreaker | Resilience, where: str, ranges: Mapping[str, tuple[float, float]],
) -> None:
    """Make sure that every number is one, whole where it counts, and within its range, by default from 0 on."""
    for each in dataclasses.fields(settings):
        value = getattr(settings, each.name)
        if each.type not in {"int", "float"}:
            continue
        low, high = ranges.get(each.name, (0, math.inf))
        number = isinstance(value, int) or (isinstance(value, float) and each.type == "float" and math.isfinite(value))
        if isinstance(value, bool) or not number or not low <= value <= high:
            kind = "a whole number" if each.type == "int" else "a number"
            bounds = f"from {low:g} on" if high == math.inf else f"from {low:g} to {high:g}"
            name = each.name.removesuffix("_s")
            raise UsageError(f"{where}: {name} is {shown(value)}", hint=f"give {kind} {bounds}",
                             option=name, value=value)


@dataclass(frozen=True, slots=True)
class Retries:
    """How long and how often one transaction is tried again.

    Attributes:
        patience_s: Seconds from the first failure on; 0 never tries again.
        max_attempts: The most tries of one transaction, the first included; 0 leaves it to `patience_s`.
        first_delay_s: Seconds before the second try.
        longest_delay_s: The most seconds between two tries.
        factor: By what the delay grows from one try to the next.
        jitter: The share of each delay that is left to chance, so that writers do not come all at once; 0 to 1.

    Raises:
        UsageError: A number is out of its range.
    """

    patience_s: float = 60.0
    max_attempts: int = 0
    first_delay_s: float = 0.05
    longest_delay_s: float = 5.0
    factor: float = 2.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        _check(self, "retries", {"jitter": (0, 1), "factor": (1, math.inf)})


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """When a database that does not answer is left alone; see `importer.breaker`.

    Attributes:
        failures: How many times in a row it must not answer.
        open_s: Seconds for which nothing is sent then.
        trials: How many trials have to be answered, one after the other, before all writers go on.

    Raises:
        UsageError: A number is out of its range.
    """

    failures: int = 10
    open_s: float = 5.0
    trials: int = 1

    def __post_init__(self) -> None:
        _check(self, "circuit_breaker", {"failures": (1, math.inf), "trials": (1, math.inf)})


@dataclass(frozen=True, slots=True)
class Resilience:
    """How a load or a rollback bears what may happen to it.

    Attributes:
        time_limit_s: Seconds that writing may take altogether, then it stops half-way; 0 is no limit.
        batch_time_limit_s: Seconds that one transaction may take, then the server ends it and its rows are tried in
            halves; 0 is no limit.
        grace_s: Seconds more that its answer is awaited; then the connection counts as dead and is closed.
        rate_limit: Rows per second, all writers together; 0 is no limit.
        retries: Of one transaction.
        circuit_breaker: Around the database.

    Raises:
        UsageError: A number is out of its range.
    """

    time_limit_s: float = 0.0
    batch_time_limit_s: float = 45.0
    grace_s: float = 10.0
    rate_limit: float = 0.0
    retries: Retries = field(default_factory=Retries)
    circuit_breaker: CircuitBreaker = field(default_factory=CircuitBreaker)

    def __post_init__(self) -> None:
        _check(self, "resilience", {})

    def cap(self, rows: int) -> int:
        """Give the rows of a batch that may have so many: with a rate limit, no more than a second's, or 100."""
        # Larger ones would be bursts with long pauses between them.
        return min(rows, max(FEWEST_ROWS, int(self.rate_limit))) if self.rate_limit else rows


DEFAULTS = Resilience()
NO_BREAKER = CircuitBreaker(failures=sys.maxsize)
"""For a transaction that stands alone: nobody else learns from what it meets."""


def find_resilience(
    *, time_limit: str | None = None, batch_time_limit: str | None = None, rate_limit: float | None = None,
    max_attempts: int | None = None,
) -> Resilience:
    """Find the settings: what flags say, else `[resilience]` of synthgen.toml, else the defaults.

    Args:
        time_limit: A text such as `10m`, as `--time-limit` takes it.
        batch_time_limit: Likewise.
        rate_limit: Rows per second.
        max_attempts: Tries of one transaction.

    Raises:
        UsageError: A setting is unknown or out of its range.
    """
    found = read_resilience(section("resilience"))
    given: dict[str, Any] = {}
    if time_limit is not None:
        given["time_limit_s"] = read_duration(time_limit, "--time-limit")
    if batch_time_limit is not None:
        given["batch_time_limit_s"] = read_duration(batch_time_limit, "--batch-time-limit")
    if rate_limit is not None:
        given["rate_limit"] = rate_limit
    if max_attempts is not None:
        given["retries"] = dataclasses.replace(found.retries, max_attempts=max_attempts)
    return dataclasses.replace(found, **given)


def read_resilience(table: Mapping[str, Any]) -> Resilience:
    """Read the settings as synthgen.toml has them; a time is a number of seconds or a text such as `90s`.

    Raises:
        UsageError: A setting is unknown, of the wrong kind or out of its range.
    """
    tables: dict[str, type[Retries | CircuitBreaker]] = {"retries": Retries, "circuit_breaker": CircuitBreaker}
    rest = {name: value for name, value in table.items() if name not in tables}
    below: dict[str, Any] = {name: _read(kind, table[name], f"resilience.{name}")
                             for name, kind in tables.items() if name in table}
    return dataclasses.replace(_read(Resilience, rest, "resilience", beside=tuple(tables)), **below)


def _read(kind: type[T], values: object, where: str, beside: tuple[str, ...] = ()) -> T:
    if not isinstance(values, Mapping):
        raise UsageError(f"{where} in synthgen.toml is a table, not {shown(values)}",
                         hint=f"write [{where}] and its settings below it")
    # A name in the file says no unit, since a time there may have any.
    names = {each.name.removesuffix("_s"): each.name
             for each in dataclasses.fields(kind) if each.name not in beside}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(names))
    if unknown:
        raise UsageError(f"synthgen.toml: unknown setting {unknown[0]!r} in [{where}]",
                         hint="known: " + ", ".join([*names, *(f"[{where}.{name}]" for name in beside)]))
    return kind(**{
        names[name]: read_duration(value, f"{where}.{name}") if names[name].endswith("_s") else value
        for name, value in values.items()})
