"""A file of Cypher queries as data, and back; knows no server and not what a query means.

Such as this:

    // name: machines of a region
    // parameters: MATCH (r:Region) RETURN r.name AS region ORDER BY region LIMIT 20
    MATCH (n:Resource {location: $region}) RETURN n.id;
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from synthgen.errors import UsageError, shown

# As Cypher reads them: backslashes escape in texts, and a backtick in a quoted name is written twice.
_TOKEN = re.compile(
    r"(?P<quoted>'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`[^`]*`)|(?P<comment>//[^\r\n]*|/\*.*?\*/)|(?P<end>;)"
    r"|(?P<open>['\"`]|/\*)|(?P<space>\s+)|(?P<other>[^'\"`/;\s]+|/)", re.DOTALL)
_DIRECTIVE = re.compile(r"//[ \t]*(name|parameters)[ \t]*:[ \t]*(.*?)\s*", re.IGNORECASE)
_CONTINUED = re.compile(r"//(?:[ \t]{2,}|\t)(\S.*?)\s*")
_INDENT = "//     "


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a file.

    Attributes:
        name: Unique within its file; comparisons go by it.
        cypher: Its text, without semicolon and without the comments before and after it.
        parameters: Cypher each of whose rows gives the query's parameters for one run, by column; None for none.
        line: Where its text begins, from 1; 0 when it is of no file.
    """

    name: str
    cypher: str
    parameters: str | None = None
    line: int = field(default=0, compare=False)


@dataclass(slots=True)
class _Open:
    """A query that is being read: the comments before it, and what of its text is read."""

    comments: list[tuple[int, str]] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    length: int = 0
    line: int = 0

    @property
    def text(self) -> str:
        """The text without spaces and comments at its end, so that what is put behind it is in no comment."""
        return "".join(self.pieces[:self.length])


def read_queries(path: Path) -> tuple[Query, ...]:
    """Read a file of queries.

    Raises:
        UsageError: It cannot be read, or as `parse_queries`.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"the queries {path} cannot be read: {error.strerror}",
                         hint="--write-queries FILE writes some to begin with") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not text in UTF-8: {error}", hint="save it as UTF-8") from error
    return parse_queries(text, str(path))


def parse_queries(text: str, said: str) -> tuple[Query, ...]:
    """Understand a file's text; a semicolon in quotes or in a comment ends no query.

    Args:
        text: The text.
        said: What errors call it.

    Raises:
        UsageError: A quote or comment is not ended, two queries have one name, a comment that belongs to a query stands
            before none, or there is no query.
    """
    queries: dict[str, Query] = {}
    for opened in _split(text, said):
        named = _directives(opened.comments, said)
        if not opened.pieces:
            if named:
                raise UsageError(f"{said}:{opened.comments[-1][0]}: no query follows this comment",
                                 hint="write the query below it")
            continue
        name = named.get("name") or f"query {len(queries) + 1}"
        if name in queries:
            raise UsageError(f"{said}:{opened.line}: a second query is called {name!r}", hint="give it another name")
        queries[name] = Query(name, opened.text, named.get("parameters"), opened.line)
    if not queries:
        raise UsageError(f"{said} holds no query", hint="write queries in Cypher with a semicolon after each")
    return tuple(queries.values())


def queries_text(queries: Iterable[Query]) -> str:
    """Give queries as the text that `parse_queries` reads."""
    return "\n".join(_query_text(query) for query in queries)


def _query_text(query: Query) -> str:
    lines = [f"// name: {query.name}"]
    if query.parameters is not None:
        lines.append("// parameters: " + query.parameters.replace("\n", "\n" + _INDENT))
    return "\n".join([*lines, f"{query.cypher};", ""])


def _split(text: str, said: str) -> Iterator[_Open]:
    opened, line = _Open(), 1
    for token in _TOKEN.finditer(text):
        kind, piece = token.lastgroup, token[0]
        if kind == "open":
            raise UsageError(f"{said}:{line}: what begins with {piece} does not end: {shown(text[token.start():])}",
                             hint="end the quotes or the comment")
        if kind == "end":
            yield opened
            opened = _Open()
        elif kind == "comment" and not opened.pieces:
            opened.comments.append((line, piece))
        elif kind != "space" or opened.pieces:
            opened.line = opened.line or line
            opened.pieces.append(piece)
            if kind not in {"space", "comment"}:
                opened.length = len(opened.pieces)
        line += piece.count("\n")
    yield opened


def _directives(comments: list[tuple[int, str]], said: str) -> dict[str, str]:
    found: dict[str, str] = {}
    latest = ""
    for line, comment in comments:
        continued = _CONTINUED.fullmatch(comment)
        if latest == "parameters" and continued:
            found[latest] += "\n" + continued[1]
            continue
        directive = _DIRECTIVE.fullmatch(comment)
        latest = directive[1].lower() if directive else ""
        if directive is None:
            continue
        if latest in found or not directive[2]:
            wrong = "given twice" if latest in found else "empty"
            raise UsageError(f"{said}:{line}: {latest} of a query is {wrong}",
                             hint=f"write one line `// {latest}: …` before each query")
        found[latest] = directive[2]
    return found
