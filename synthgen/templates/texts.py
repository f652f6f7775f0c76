"""Texts with expressions in them, such as `10.{{ index // 256 }}.0.0/16`, checked; knows neither files nor graphs.

Jinja reads them, but only expressions of whole numbers and texts are let through: no attribute, no call, no statement,
no loop. Every expression's kind and bounds are known before anything is rendered, so none can fail or grow without end
later; `synthgen.templates.render` then lets Jinja's sandbox render them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from synthgen.errors import UsageError

LONGEST = 1_000
"""Characters of a text that holds expressions."""
MOST_INDEX = 10**9
LARGEST = 2**63 - 1
DEEPEST = 40
WIDEST = 20
"""Digits that `pad` gives."""

ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
ENVIRONMENT.filters = {"pad": lambda value, width: str(value).zfill(width), "lower": str.lower, "upper": str.upper}

_COMPARISONS = frozenset({"eq", "ne", "lt", "lteq", "gt", "gteq"})
_INDEX = re.compile(r"(?<!\{)\{index(?::0(\d{1,2})d)?\}(?!\})")
_SINGLE = re.compile(r"(?<!\{)\{([^{}]*)\}(?!\})")


class Kind(Enum):
    """What an expression gives."""

    NUMBER = "a whole number"
    TEXT = "a text"
    TRUTH = "true or false"


NAMES: Mapping[str, Kind] = {
    "index": Kind.NUMBER, "random_location": Kind.TEXT, "location": Kind.TEXT, "name": Kind.TEXT, "type": Kind.TEXT,
    "subscription_id": Kind.TEXT, "resource_group": Kind.TEXT, "tenant_id": Kind.TEXT,
}
"""What stands for a value of the row; `index` counts the resources of an entry from 0."""
OF_NAMES = frozenset({"index"})
OF_LOCATIONS = frozenset({"index", "random_location"})


@dataclass(frozen=True, slots=True)
class Expression:
    """What stands between braces; its value is at most `bound` away from 0 when it is a number."""

    node: nodes.Expr
    kind: Kind
    bound: int
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Text:
    """A text in pieces: plain ones, and expressions whose values stand between them."""

    pieces: tuple[str | Expression, ...]

    @property
    def plain(self) -> str | None:
        """The text itself when it holds no expression."""
        return "".join(map(str, self.pieces)) if all(isinstance(piece, str) for piece in self.pieces) else None

    @property
    def names(self) -> frozenset[str]:
        """The names that its expressions use."""
        return frozenset().union(*(piece.names for piece in self.pieces if isinstance(piece, Expression)))

    @property
    def only(self) -> Expression | None:
        """The expression that is all of the text."""
        return self.pieces[0] if len(self.pieces) == 1 and isinstance(self.pieces[0], Expression) else None

    @property
    def affixes(self) -> tuple[str, str] | None:
        """What stands before and after the index, when the text is that and no more: no two indexes give one text."""
        found = [position for position, piece in enumerate(self.pieces) if isinstance(piece, Expression)]
        if len(found) != 1 or not _counts(self.pieces[found[0]]):
            return None
        before, after = self.pieces[: found[0]], self.pieces[found[0] + 1:]
        return "".join(map(str, before)), "".join(map(str, after))


def parse_text(text: str, where: str, names: frozenset[str] = frozenset(NAMES)) -> Text:
    """Read a text.

    Args:
        text: With expressions between `{{` and `}}`.
        where: Said in errors: file and line.
        names: Those that may be used here.

    Raises:
        UsageError: An expression is not one, uses an unknown name, mixes kinds, or may become too big.
    """
    if "{{" not in text and "{%" not in text and "{#" not in text:
        return Text((text,)) if text else Text(())
    if len(text) > LONGEST:
        raise UsageError(f"{where}: a text with expressions is at most {LONGEST:,} characters, this has {len(text):,}",
                         hint="shorten it, or leave the expressions out")
    try:
        body = ENVIRONMENT.parse(text).body
    except (TemplateSyntaxError, RecursionError, ValueError) as error:  # such as a number of 5,000 digits
        raise UsageError(f"{where}: {text!r} is not understood: {error}",
                         hint="write expressions like {{ index // 256 }}") from None
    pieces: list[str | Expression] = []
    for statement in body:
        if not isinstance(statement, nodes.Output):
            raise UsageError(f"{where}: {text!r} holds a statement", hint="only expressions stand here: {{ … }}")
        pieces.extend(node.data if isinstance(node, nodes.TemplateData) else _Reading(text, where, names).read(node)
                      for node in statement.nodes)
    return Text(tuple(pieces))


def parse_name(text: str, where: str) -> Text:
    """Read a pattern of names, in which `{index}` and `{index:03d}` are allowed as well; only the index is known there.

    Raises:
        UsageError: As `parse_text`, or a name would be empty or hold a slash.
    """
    written = _INDEX.sub(lambda found: "{{ index | pad(" + found[1] + ") }}" if found[1] else "{{ index }}", text)
    for other in _SINGLE.finditer(written):
        raise UsageError(f"{where}: {other[0]!r} is not understood in {text!r}",
                         hint="write {index}, {index:03d}, or an expression such as {{ index + 1 }}")
    parsed = parse_text(written, where, OF_NAMES)
    if not parsed.pieces or any("/" in constant for constant in _constants(parsed)):
        raise UsageError(f"{where}: {text!r} is no name", hint="a name is not empty and has no slash: ids have those")
    return parsed


def _constants(text: Text) -> Iterator[str]:
    for piece in text.pieces:
        if isinstance(piece, str):
            yield piece
        else:
            yield from (str(constant.value) for constant in (piece.node, *piece.node.find_all(nodes.Const))
                        if isinstance(constant, nodes.Const))


class _Reading:
    """Reads one expression: its kind, its bound, and the names in it."""

    def __init__(self, text: str, where: str, names: frozenset[str]) -> None:
        self._text = text
        self._where = where
        self._known = names
        self._used: set[str] = set()
        self._depth = 0

    def read(self, node: nodes.Expr) -> Expression:
        """Check an expression that stands between braces."""
        kind, bound = self._read(node)
        if kind is Kind.TRUTH:
            raise self._wrong("is true or false, which is no text",
                              "choose by it: {{ 'a' if index % 2 == 0 else 'b' }}")
        if bound > LARGEST:
            raise self._wrong("may become greater than a whole number can be", "take a remainder: (…) % 1000")
        return Expression(node, kind, bound, frozenset(self._used))

    def _wrong(self, what: str, hint: str) -> UsageError:
        return UsageError(f"{self._where}: an expression of {self._text!r} {what}", hint=hint)

    def _read(self, node: nodes.Node) -> tuple[Kind, int]:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong("is nested too deeply", f"at most {DEEPEST} levels")
        found = self._part(node)
        self._depth -= 1
        return found

    def _part(self, node: nodes.Node) -> tuple[Kind, int]:  # noqa: C901, PLR0911, PLR0912  # one case for each part
        match node:
            case nodes.Const(value=bool() as value):
                return Kind.TRUTH, int(value)
            case nodes.Const(value=int() as value):
                return Kind.NUMBER, abs(value)
            case nodes.Const(value=str()) | nodes.TemplateData():
                return Kind.TEXT, 0
            case nodes.Name(name=name):
                return self._name(name)
            case nodes.Neg(node=inner):
                return Kind.NUMBER, self._number(inner)
            case nodes.Add(left=left, right=right) | nodes.Sub(left=left, right=right):
                return Kind.NUMBER, self._number(left) + self._number(right)
            case nodes.Mul(left=left, right=right):
                return Kind.NUMBER, self._number(left) * self._number(right)
            case nodes.FloorDiv(left=left, right=right):
                return Kind.NUMBER, self._number(left) if self._divisor(right) else 0
            case nodes.Mod(left=left, right=right):
                self._number(left)
                return Kind.NUMBER, self._divisor(right)
            case nodes.Concat(nodes=parts):
                for part in parts:
                    if self._read(part)[0] is Kind.TRUTH:
                        raise self._wrong("joins true or false to a text", "choose by it: 'a' if … else 'b'")
                return Kind.TEXT, 0
            case nodes.CondExpr(test=test, expr1=first, expr2=nodes.Node() as second):
                self._expect(test, Kind.TRUTH)
                return self._same(first, second)
            case nodes.Compare(expr=first, ops=[nodes.Operand(op=op, expr=second)]) if op in _COMPARISONS:
                self._same(first, second)
                return Kind.TRUTH, 1
            case nodes.And(left=left, right=right) | nodes.Or(left=left, right=right):
                self._expect(left, Kind.TRUTH)
                return self._expect(right, Kind.TRUTH), 1
            case nodes.Not(node=inner):
                return self._expect(inner, Kind.TRUTH), 1
            case nodes.Filter(name="lower" | "upper", node=nodes.Node() as inner, args=[], kwargs=[]):
                return self._expect(inner, Kind.TEXT), 0
            case nodes.Filter(name="pad", node=nodes.Node() as inner, args=[nodes.Const(value=int() as width)],
                              kwargs=[]) if 1 <= width <= WIDEST:
                self._expect(inner, Kind.NUMBER)
                return Kind.TEXT, 0
            case _:
                raise self._wrong(f"holds something that is not allowed: {_called(node)}",
                                  "whole numbers, texts, + - * // % ~, comparisons, … if … else …, and the filters"
                                  f" lower, upper and pad(1…{WIDEST}) are")

    def _name(self, name: str) -> tuple[Kind, int]:
        if name not in self._known:
            raise UsageError(f"{self._where}: there is no {name!r} here, in {self._text!r}",
                             hint="known: " + ", ".join(sorted(self._known)), name=name)
        self._used.add(name)
        return NAMES[name], MOST_INDEX if NAMES[name] is Kind.NUMBER else 0

    def _expect(self, node: nodes.Node, kind: Kind) -> Kind:
        found, _ = self._read(node)
        if found is not kind:
            raise self._wrong(f"has {found.value} where {kind.value} belongs", "numbers and texts are joined by ~")
        return kind

    def _number(self, node: nodes.Node) -> int:
        kind, bound = self._read(node)
        if kind is not Kind.NUMBER:
            raise self._wrong(f"reckons with {kind.value}", "reckon with whole numbers; texts are joined by ~")
        return bound

    def _divisor(self, node: nodes.Node) -> int:
        match node:
            case nodes.Const(value=int() as value) if not isinstance(value, bool) and value > 0:
                return value
            case _:
                raise self._wrong("divides by something that may be 0", "divide by a number above 0, such as 256")

    def _same(self, first: nodes.Node, second: nodes.Node) -> tuple[Kind, int]:
        (kind, bound), (other, other_bound) = self._read(first), self._read(second)
        if kind is not other:
            raise self._wrong(f"has {kind.value} and {other.value} where one kind belongs", "let both be texts")
        return kind, max(bound, other_bound)


_CALLED: Mapping[type[nodes.Node], str] = {
    nodes.Getattr: "an attribute", nodes.Call: "a call", nodes.Getitem: "a part in brackets", nodes.Pow: "**",
    nodes.Div: "/ (// gives whole numbers)",
}


def _called(node: nodes.Node) -> str:
    match node:
        case nodes.Filter(name=name) | nodes.Test(name=name):
            return f"the filter or test {name!r}"
        case nodes.Const(value=value):
            return repr(value)
        case _:
            return _CALLED.get(type(node), type(node).__name__.lower())


def _counts(piece: str | Expression) -> bool:
    """Say whether an expression is the index, or that and a number above 0, so that it never gives a value twice."""
    node = piece.node if isinstance(piece, Expression) else None
    if isinstance(node, nodes.Filter) and node.name == "pad":
        node = node.node
    match node:
        case nodes.Name(name="index"):
            return True
        case nodes.Add(left=nodes.Name(name="index"), right=nodes.Const(value=value)) | \
                nodes.Add(left=nodes.Const(value=value), right=nodes.Name(name="index")):
            return bool(value >= 0)
        case _:
            return False
