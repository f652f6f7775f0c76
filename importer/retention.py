"""Which bundles have had their time and may go, and why the others stay; pure, touches no file and asks no database.

What a bundle's history says of where its operation is counts, place by place: one that was loaded into two databases
and rolled back from one of them is in use. What may be in use is never old.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from synthgen.config import section
from synthgen.errors import UsageError

Place = tuple[str, str]
"""Address and database."""

_NAMES = ("keep_days", "keep_last", "compress")


@dataclass(frozen=True, slots=True)
class Rules:
    """What is kept for its age.

    Attributes:
        keep_days: Operations of which something happened in so many days; None is no rule.
        keep_last: So many operations of which something happened last; None is no rule.
        compress: Whether what is kept and at rest is compressed.
    """

    keep_days: int | None
    keep_last: int | None
    compress: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one bundle.

    Attributes:
        operation_id: Whose.
        history: Its manifest's; None when the manifest cannot be read.
        changed_at: When the manifest was written last.
        bytes: What it takes on disk.
        compressed: Whether its parts are.
        worked_on: Whether a run holds it now.
    """

    operation_id: str
    history: Sequence[Mapping[str, Any]] | None
    changed_at: datetime
    bytes: int
    compressed: bool = False
    worked_on: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one bundle, and why.

    Attributes:
        at_rest: Whether nothing is loaded from it, so that it may be removed or compressed.
        events: How many entries its history had when it was judged.
    """

    operation_id: str
    remove: bool
    reason: str
    bytes: int
    at_rest: bool
    events: int


def read_rules(*, keep_days: int | None, keep_last: int | None, compress: bool | None) -> Rules:
    """Complete what a command was given with the table [retention] of `synthgen.toml`.

    When one of the two numbers is given, the other of the file does not count.

    Raises:
        UsageError: There is neither number, or one is below 0, or the table has an unknown or odd setting.
    """
    found = section("retention")
    unknown = sorted(set(found) - set(_NAMES))
    if unknown:
        raise UsageError(f"synthgen.toml: unknown setting 'retention.{unknown[0]}'",
                         hint="known: " + ", ".join(f"retention.{name}" for name in _NAMES))
    if keep_days is None and keep_last is None:
        keep_days, keep_last = _number(found, "keep_days"), _number(found, "keep_last")
    if compress is None:
        compress = found.get("compress", False)
        if not isinstance(compress, bool):
            raise UsageError(f"synthgen.toml: retention.compress is {compress!r}", hint="write true or false")
    if keep_days is None and keep_last is None:
        raise UsageError("nothing says which bundles are to be kept", hint="give --keep-days or --keep-last, or write"
                         " keep_days or keep_last under [retention] in synthgen.toml")
    for option, value in (("keep-days", keep_days), ("keep-last", keep_last)):
        if value is not None and value < 0:
            raise UsageError(f"--{option} is {value}", hint="give 0 or more", value=value)
    return Rules(keep_days, keep_last, compress)


def _number(found: Mapping[str, Any], name: str) -> int | None:
    value = found.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise UsageError(f"synthgen.toml: retention.{name} is {value!r}", hint="write a whole number, 0 or more")


def judge(
    seen: Sequence[Seen], rules: Rules, now: datetime, *, held: Mapping[str, int] | None = None,
    asked: Place | None = None, forget_absent: bool = False,
) -> list[Verdict]:
    """Say of each bundle whether it goes, newest first.

    Args:
        seen: The bundles.
        rules: What is kept for its age; what two rules say is kept when one of them keeps it.
        now: The time.
        held: Operations that the database asked holds something of (nodes, or records of a load), with how many nodes;
            None when none was asked.
        asked: Which database that is.
        forget_absent: What was loaded into the database asked and is not there any more does not count as loaded.
    """
    gone_from = asked if forget_absent and held is not None else None
    verdicts = []
    for place, one in enumerate(sorted(seen, key=lambda one: (last_event(one), one.operation_id), reverse=True)):
        in_use = _in_use(one, held or {}, gone_from)
        is_young = _is_young(one, place, rules, now)
        verdicts.append(Verdict(
            one.operation_id, remove=not in_use and not is_young,
            reason=in_use or is_young or f"not loaded, last touched {last_event(one):%Y-%m-%d}",
            bytes=one.bytes, at_rest=not in_use, events=len(one.history or ())))
    return verdicts


def _is_young(one: Seen, place: int, rules: Rules, now: datetime) -> str:
    """Say by which rule a bundle, the one in this place of all, is kept for its age; nothing when by none."""
    if rules.keep_last is not None and place < rules.keep_last:
        return f"one of the last {rules.keep_last}"
    if rules.keep_days is not None and last_event(one) > now - timedelta(days=rules.keep_days):
        return f"younger than {rules.keep_days} days"
    return ""


def _in_use(one: Seen, held: Mapping[str, int], gone_from: Place | None) -> str:
    """Say why nothing may be done with a bundle; nothing when it is at rest."""
    if one.history is None:
        return "damaged: its manifest cannot be read"
    if one.worked_on:
        return "another run is at work on it"
    if one.operation_id in held:
        return f"the database holds {held[one.operation_id]:,} nodes of it, or records of its load"
    return next(iter(uses_of(one.history, () if gone_from is None else (gone_from,))), "")


def uses_of(history: Sequence[Mapping[str, Any]], gone_from: Collection[Place] = ()) -> list[str]:
    """Say where an operation is or may be, by its history; nothing when it is nowhere.

    Args:
        history: The manifest's.
        gone_from: Databases that hold nothing of it, whatever the history says.
    """
    places: dict[Place, str] = {}
    scripted = False
    for entry in history:
        place = (str(entry.get("uri")), str(entry.get("database")))
        match entry.get("event"):
            case "load_started":
                places[place] = "being loaded, or stopped half-way, in"
            case "loaded":
                places[place] = "loaded in"
                scripted = scripted and entry.get("by") != "script"
            case "load_failed" if entry.get("undone") is True:
                places.pop(place, None)
            case "load_failed":
                places[place] = "failed and not undone in"
            case "rollback_started" | "rollback_failed":
                places[place] = "being rolled back, or stopped half-way, in"
            case "rolled_back":
                places.pop(place, None)
                scripted = False
            case "script_emitted":
                scripted = True
    found = [f"{what} {uri}, database {database!r}" for (uri, database), what in places.items()
             if (uri, database) not in gone_from]
    return [*found, *(["a script to load it was written, which may have been run"] if scripted else [])]


def last_event(one: Seen) -> datetime:
    """Say when something last happened to an operation: by its history or, when that is later, its manifest's time.

    A clock that was given to `synthgen generate` makes an operation look older than it is; its manifest is not.
    """
    times = [one.changed_at]
    for entry in one.history or ():
        try:
            found = datetime.fromisoformat(str(entry.get("at")))
        except ValueError:
            continue
        times.append(found if found.tzinfo else found.replace(tzinfo=UTC))
    return max(times)
