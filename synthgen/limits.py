"""How much may be made or loaded, and who has to agree: the table [limits], judged; knows no graph and no server.

    [limits]
    max_nodes = 50_000_000
    max_relationships = 200_000_000
    max_bytes = 100_000_000_000
    auto_approval_nodes = 1_000_000
    auto_approval_relationships = 5_000_000
    quota_nodes = "none"
    quota_relationships = "none"

Flag (`--limit max_nodes=80000000`) > environment (`SYNTHGEN_MAX_NODES`) > `synthgen.toml` > default; `none` is no
limit.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from synthgen.config import section
from synthgen.errors import RefusedError, UsageError

NO_LIMIT = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one operation may be, and what a database may be loaded with in a month; None is no limit.

    Attributes:
        max_nodes, max_relationships, max_bytes: More is refused; bytes are those of the operation's files.
        auto_approval_nodes, auto_approval_relationships: More has to be agreed to.
        quota_nodes, quota_relationships: Of all loads into one database within a calendar month (UTC).
    """

    max_nodes: int | None = 50_000_000
    max_relationships: int | None = 200_000_000
    max_bytes: int | None = 100_000_000_000
    auto_approval_nodes: int | None = 1_000_000
    auto_approval_relationships: int | None = 5_000_000
    quota_nodes: int | None = None
    quota_relationships: int | None = None

    @property
    def has_quota(self) -> bool:
        """Whether it has to be known what was loaded before."""
        return self.quota_nodes is not None or self.quota_relationships is not None


NAMES = tuple(one.name for one in fields(Limits))


@dataclass(frozen=True, slots=True)
class Used:
    """What was loaded into a database within a month, such as `2026-11`."""

    month: str
    nodes: int
    relationships: int


@dataclass(frozen=True, slots=True)
class Excess:
    """A limit that is exceeded.

    Attributes:
        limit: Its name.
        allowed: Its value.
        value: What would be; with a quota, what was loaded before included.
    """

    limit: str
    allowed: int
    value: int

    @property
    def by(self) -> int:
        """How much too much it is."""
        return self.value - self.allowed

    @property
    def text(self) -> str:
        """The same in words."""
        kind, _, what = self.limit.rpartition("_")
        month = " this month, with what was loaded before," if kind == "quota" else ""
        return (f"{self.value:,} {what}{month} are {self.by:,} more than {self.limit}, which is {self.allowed:,}")

    def as_document(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return {**asdict(self), "by": self.by}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What limits say of an operation.

    Attributes:
        exceeded: Limits and quotas that it exceeds.
        to_approve: Thresholds above which somebody has to agree.
        other_reasons: Why it cannot be done for all that.
        way_out: What can be done about these.
    """

    exceeded: tuple[Excess, ...] = ()
    to_approve: tuple[Excess, ...] = ()
    other_reasons: tuple[str, ...] = ()
    way_out: str = ""

    @property
    def is_within_limits(self) -> bool:
        """Whether no limit and no quota is exceeded."""
        return not self.exceeded

    @property
    def requires_approval(self) -> bool:
        """Whether somebody has to agree."""
        return bool(self.to_approve)

    @property
    def rejection_reasons(self) -> list[str]:
        """Why it would be refused, a sentence each."""
        return [*(one.text for one in self.exceeded), *self.other_reasons]


def judge(
    limits: Limits, *, nodes: int, relationships: int, bytes_: int, used: Used | None = None,
    other_reasons: Sequence[str] = (), way_out: str = "",
) -> Judgement:
    """Compare an operation with limits. What is just as much as a limit is within it."""
    sizes = {"nodes": nodes, "relationships": relationships, "bytes": bytes_}
    before = {"nodes": used.nodes, "relationships": used.relationships} if used is not None else {}

    def over(kind: str, added: Mapping[str, int]) -> tuple[Excess, ...]:
        found = ((f"{kind}_{what}", sizes[what] + more) for what, more in added.items())
        return tuple(Excess(name, allowed, value) for name, value in found
                     if (allowed := getattr(limits, name)) is not None and value > allowed)

    nothing = dict.fromkeys(sizes, 0)
    return Judgement((*over("max", nothing), *over("quota", before)),
                     over("auto_approval", {"nodes": 0, "relationships": 0}), tuple(other_reasons), way_out)


def require_admission(judgement: Judgement, what: str, *, agree: Callable[[str], bool] | None) -> None:
    """Make sure that something may be done.

    Args:
        judgement: What the limits say.
        what: What is to be done, such as `loading scale-…`.
        agree: Is told what is to be agreed to, as a question, and says whether somebody does; None when nobody can be
            asked.

    Raises:
        RefusedError: It exceeds a limit or cannot be done, or nobody has agreed; `facts["exceeded"]` says what.
    """
    reasons = judgement.rejection_reasons
    exceeded = [one.as_document() for one in judgement.exceeded]
    if reasons:
        names = [one.limit for one in judgement.exceeded]
        hint = (f"make less, or change {' and '.join(names)} with --limit {names[0]}=…, SYNTHGEN_{names[0].upper()}, or"
                " in the table [limits] of synthgen.toml" if names else judgement.way_out)
        raise RefusedError(f"{what} is refused: {'; '.join(reasons)}", hint=hint, exceeded=exceeded, reasons=reasons)
    if not judgement.requires_approval:
        return
    said = "; ".join(one.text for one in judgement.to_approve)
    asked_for = [one.as_document() for one in judgement.to_approve]
    if agree is None:
        raise RefusedError(f"{what} has to be agreed to: {said}",
                           hint="give --yes (from Python: approve=…), or raise the threshold in the table [limits] of"
                                " synthgen.toml; there is no terminal to ask on", exceeded=asked_for)
    if not agree(f"{what}: {said}. Go on?"):
        raise RefusedError(f"{what} was not agreed to: {said}", hint="nothing was done; give less, or agree",
                           exceeded=asked_for)


def read_limits(flags: Sequence[str] = ()) -> Limits:
    """Find the limits: flags such as `max_nodes=80000000`, else environment, else `synthgen.toml`, else defaults.

    Raises:
        UsageError: A name is none of a limit, or a value is neither a whole number nor `none`.
    """
    found = {name: _amount(f"[limits] of synthgen.toml: {name}", value)
             for name, value in section("limits").items() if _known("[limits] of synthgen.toml", name)}
    for name in NAMES:
        variable = f"SYNTHGEN_{name.upper()}"
        if text := os.environ.get(variable):
            found[name] = _amount(variable, text)
    for flag in flags:
        name, sign, text = flag.partition("=")
        if not sign:
            raise UsageError(f"--limit {flag!r} is not name=value", hint="such as --limit max_nodes=80000000")
        if _known("--limit", name):
            found[name] = _amount(f"--limit {name}", text)
    return Limits(**found)


def _known(where: str, name: str) -> bool:
    if name not in NAMES:
        raise UsageError(f"{where}: there is no limit {name!r}", hint="known: " + ", ".join(NAMES), name=name)
    return True


def _amount(where: str, value: Any) -> int | None:
    if value == NO_LIMIT:
        return None
    try:
        amount = int(value) if isinstance(value, str) else value
    except ValueError:
        amount = None
    if isinstance(amount, bool) or not isinstance(amount, int) or amount < 0:
        raise UsageError(f"{where} is {value!r}", hint=f"a whole number, not negative, or {NO_LIMIT!r} for no limit")
    return amount
