"""The settings of scaling, with their defaults and bounds; pure data, reads no file and decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, Literal, Self, get_args

from synthgen.errors import UsageError, shown

Mode = Literal["horizontal", "vertical", "hybrid"]
TriggerName = Literal["latency", "transient_errors", "server_memory", "client_memory", "cpu"]
MODES: tuple[Mode, ...] = get_args(Mode)
TRIGGERS: tuple[TriggerName, ...] = get_args(TriggerName)
FEWEST_ROWS, MOST_ROWS = 100, 10_000
FEWEST_WRITERS, MOST_WRITERS = 1, 5
BEST_ROWS, BEST_WRITERS = 3_000, 2
"""Where a load begins when nothing else is said: the best of a grid measured on two cores, see docs/scaling.md."""


def _number(default: float | None, least: float, most: float) -> Any:
    return field(default=default, metadata={"least": least, "most": most})


@dataclass(frozen=True, slots=True)
class Replicas:
    """How many writers, which are transactions at once.

    Attributes:
        min_replicas: The fewest.
        max_replicas: The most.
        target_replicas: How many at the start; None for 2, or what is nearest to it within the bounds.

    Raises:
        UsageError: A number is out of its bounds, or the fewest are more than the most, or the target lies outside.
    """

    min_replicas: int = _number(FEWEST_WRITERS, FEWEST_WRITERS, MOST_WRITERS)
    max_replicas: int = _number(MOST_WRITERS, FEWEST_WRITERS, MOST_WRITERS)
    target_replicas: int | None = _number(None, FEWEST_WRITERS, MOST_WRITERS)

    def __post_init__(self) -> None:
        _check_numbers("replicas", self)
        _check_order("replicas", ("min_replicas", self.min_replicas), ("max_replicas", self.max_replicas),
                     ("target_replicas", self.target_replicas))

    @property
    def start(self) -> int:
        """Writers at the start."""
        return _within(self.target_replicas or BEST_WRITERS, self.min_replicas, self.max_replicas)


@dataclass(frozen=True, slots=True)
class BatchRows:
    """How many rows one transaction writes.

    Attributes:
        min_rows: The fewest.
        max_rows: The most.
        target_rows: How many at the start; None for 3,000, or what is nearest to it within the bounds.

    Raises:
        UsageError: As `Replicas`.
    """

    min_rows: int = _number(FEWEST_ROWS, FEWEST_ROWS, MOST_ROWS)
    max_rows: int = _number(MOST_ROWS, FEWEST_ROWS, MOST_ROWS)
    target_rows: int | None = _number(None, FEWEST_ROWS, MOST_ROWS)

    def __post_init__(self) -> None:
        _check_numbers("batch", self)
        _check_order("batch", ("min_rows", self.min_rows), ("max_rows", self.max_rows),
                     ("target_rows", self.target_rows))

    @property
    def start(self) -> int:
        """Rows of a batch at the start."""
        return _within(self.target_rows or BEST_ROWS, self.min_rows, self.max_rows)


@dataclass(frozen=True, slots=True)
class Triggers:
    """At which readings something is amiss, and how often they are taken.

    Attributes:
        latency_threshold: Seconds from the begin of a batch to the answer to its commit; the median of a window counts.
        transient_error_threshold: Share of a window's batches that met a deadlock or the like.
        server_memory_threshold: Share of the server's heap that lives on.
        client_memory_threshold: Share of this machine's memory that is in use.
        cpu_threshold: Share of the processors' time that is in use, here or on the server, where that is more.
        evaluation_period: Seconds that a setting is measured at least before anything is decided.
        cooldown_period: Seconds of calm after trouble before anything is turned up again.

    Raises:
        UsageError: A number is out of its bounds.
    """

    latency_threshold: float = _number(10.0, 0.01, 600)
    transient_error_threshold: float = _number(0.3, 0.01, 1)
    server_memory_threshold: float = _number(0.9, 0.1, 1)
    client_memory_threshold: float = _number(0.9, 0.1, 1)
    cpu_threshold: float = _number(0.95, 0.1, 1)
    evaluation_period: float = _number(1.0, 0.1, 600)
    cooldown_period: float = _number(10.0, 0, 3_600)

    def __post_init__(self) -> None:
        _check_numbers("triggers", self)

    def threshold(self, name: TriggerName) -> float:
        """Give the threshold of a trigger."""
        return {"latency": self.latency_threshold, "transient_errors": self.transient_error_threshold,
                "server_memory": self.server_memory_threshold, "client_memory": self.client_memory_threshold,
                "cpu": self.cpu_threshold}[name]


@dataclass(frozen=True, slots=True)
class Policy:
    """What is made of readings.

    Attributes:
        triggers: Which ones count.
        priority_triggers: Which of these turn down at every evaluation, also while the cool-down lasts.
        scale_up_factor: By which rows are turned up; writers are by one.
        scale_down_factor: By which rows are turned down; writers are by one.
        scale_up_threshold: Nothing is turned up unless every reading is below this share of its threshold.
        scale_down_threshold: A reading turns down at this share of its threshold.
        least_gain: By how much rows per second must rise for a setting that was tried to be kept.
        exploration_share: Share of the time that tries which did not help may have cost; 0 tries nothing.

    Raises:
        UsageError: A number is out of its bounds, there is no such trigger, or a priority trigger does not count.
    """

    triggers: tuple[TriggerName, ...] = ("latency", "transient_errors", "server_memory", "client_memory")
    priority_triggers: tuple[TriggerName, ...] = ("transient_errors",)
    scale_up_factor: float = _number(1.5, 1.05, 10)
    scale_down_factor: float = _number(0.5, 0.1, 0.95)
    scale_up_threshold: float = _number(0.8, 0.05, 1)
    scale_down_threshold: float = _number(1.0, 0.1, 2)
    least_gain: float = _number(0.05, 0, 1)
    exploration_share: float = _number(0.03, 0, 0.5)

    def __post_init__(self) -> None:
        _check_numbers("policy", self)
        for setting, names, known in (("triggers", self.triggers, TRIGGERS),
                                      ("priority_triggers", self.priority_triggers, self.triggers)):
            if not isinstance(names, tuple):
                raise _wrong("policy", setting, names, f"give a list of {', '.join(known)}")
            for name in names:
                if name not in known:
                    raise _wrong("policy", setting, name, f"choose from {', '.join(known) or 'none'}"
                                 + ("" if known is TRIGGERS else ", the triggers that count"))
        if self.scale_up_threshold > self.scale_down_threshold:
            raise _wrong("policy", "scale_up_threshold", self.scale_up_threshold,
                         f"give no more than scale_down_threshold, which is {self.scale_down_threshold}")


@dataclass(frozen=True, slots=True)
class Scaling:
    """How a load may adapt itself.

    Attributes:
        mode: `horizontal` changes writers alone, `vertical` the rows of a batch alone, `hybrid` both.
        replicas: Writers.
        batch: Rows of a batch.
        triggers: Thresholds and periods.
        policy: What is made of readings.

    Raises:
        UsageError: There is no such mode.
    """

    mode: Mode = "hybrid"
    replicas: Replicas = field(default_factory=Replicas)
    batch: BatchRows = field(default_factory=BatchRows)
    triggers: Triggers = field(default_factory=Triggers)
    policy: Policy = field(default_factory=Policy)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise _wrong("", "mode", self.mode, f"choose from {', '.join(MODES)}")

    @classmethod
    def within(
        cls, batch_rows: tuple[int, int] | None = None, writers: tuple[int, int] | None = None, mode: Mode = "hybrid",
    ) -> Self:
        """Give the default within other bounds, each the least and the most; fixed where these are the same."""
        return cls(mode).narrowed(batch_rows, writers)

    def narrowed(self, batch_rows: tuple[int, int] | None = None, writers: tuple[int, int] | None = None) -> Self:
        """Give the same within other bounds; a target that lies outside of them becomes the nearest bound."""
        batch, replicas = self.batch, self.replicas
        if batch_rows is not None:
            batch = BatchRows(*batch_rows)
            if self.batch.target_rows is not None:
                batch = replace(batch, target_rows=_within(self.batch.target_rows, *batch_rows))
        if writers is not None:
            replicas = Replicas(*writers)
            if self.replicas.target_replicas is not None:
                replicas = replace(replicas, target_replicas=_within(self.replicas.target_replicas, *writers))
        return replace(self, batch=batch, replicas=replicas)


def bounds_of(setting: Field[Any]) -> tuple[float, float] | None:
    """Give the least and the most that a setting may be; None when it is no number."""
    return (setting.metadata["least"], setting.metadata["most"]) if setting.metadata else None


def _check_numbers(table: str, settings: Any) -> None:
    for one in fields(settings):
        bounds, value = bounds_of(one), getattr(settings, one.name)
        if bounds is None or (value is None and one.default is None):
            continue
        whole = str(one.type).startswith("int")
        kind = "a whole number" if whole else "a number"
        if (isinstance(value, bool) or not isinstance(value, int if whole else int | float)
                or not bounds[0] <= value <= bounds[1]):
            raise _wrong(table, one.name, value, f"give {kind} from {bounds[0]:,} to {bounds[1]:,}", bounds=bounds)


def _check_order(table: str, least: tuple[str, int], most: tuple[str, int], target: tuple[str, int | None]) -> None:
    if least[1] > most[1]:
        raise _wrong(table, *least, f"give no more than {most[0]}, which is {most[1]:,}", bounds=(least[1], most[1]))
    if target[1] is not None and not least[1] <= target[1] <= most[1]:
        raise _wrong(table, *target, f"give {least[1]:,} to {most[1]:,}, as {least[0]} and {most[0]} say",
                     bounds=(least[1], most[1]))


def _wrong(table: str, name: str, value: object, hint: str, **facts: object) -> UsageError:
    said = f"scaling.{table}.{name}" if table else f"scaling.{name}"
    return UsageError(f"{said} cannot be {shown(value)}", hint=hint, setting=said, value=value, **facts)


def _within(value: int, least: int, most: int) -> int:
    return min(max(value, least), most)


TABLES: Mapping[str, type[Any]] = {"replicas": Replicas, "batch": BatchRows, "triggers": Triggers, "policy": Policy}
"""The tables of a file, beside `mode`."""
