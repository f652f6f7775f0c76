"""Tables that a user wrote in TOML, YAML or JSON, with the line on which each part stands; knows not what they mean."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from synthgen.errors import UsageError
from synthgen.files import text_digest

Place = tuple[str | int, ...]
"""Keys and positions that lead to a part of a document, from the outside."""
SUFFIXES = (".toml", ".yaml", ".yml", ".json")

_MOST_VALUES = 10_000_000
_TOML_HEADER = re.compile(r"\s*\[(\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_TOML_KEY = re.compile(r"""\s*([A-Za-z0-9_-]+|"[^"]*"|'[^']*')\s*=""")
_TOML_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


@dataclass(frozen=True, slots=True)
class Source:
    """A document and where its parts stand.

    Attributes:
        said: What errors call it: its path, or a name.
        document: The table at its top.
        lines: Lines, from 1, of tables and keys; a part that stands in none of its own is missing.
        digest: BLAKE2b with 32 bytes of output over the text in UTF-8, in hex.
    """

    said: str
    document: Mapping[str, Any]
    lines: Mapping[Place, int]
    digest: str

    def at(self, *place: str | int) -> str:
        """Say where a part stands, as `file:line`: its own line, else that of the nearest part around it."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.lines:
                return f"{self.said}:{self.lines[place[:length]]}"
        return self.said


def read_source(path: Path) -> Source:
    """Read a file by its suffix.

    Raises:
        UsageError: It cannot be read, its suffix is none of `SUFFIXES`, or its text is not what the suffix says.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", hint="check the path") from error
    return parse_source(text, said=str(path), suffix=path.suffix.lower())


def parse_source(text: str, *, said: str, suffix: str) -> Source:
    """Understand a text; see `read_source`."""
    readers: dict[str, Callable[[str], Any]] = {
        ".toml": tomllib.loads, ".json": json.loads, ".yaml": yaml.safe_load, ".yml": yaml.safe_load,
    }
    if suffix not in readers:
        raise UsageError(f"{said}: files of kind {suffix!r} are not read", hint="use .toml, .yaml or .json")
    try:
        document = readers[suffix](text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:  # a value may be wrong too, such as a 13th month
        raise UsageError(f"{said} cannot be understood: {error}", hint="correct the line it names") from error
    if not isinstance(document, dict):
        raise UsageError(f"{said} holds no table", hint="write name: value pairs at the top")
    lines = dict(_toml_lines(text)) if suffix == ".toml" else _yaml_lines(text, said)
    return Source(said, document, lines, text_digest(text))


def _toml_lines(text: str) -> Iterator[tuple[Place, int]]:
    # tomllib says nothing of lines; headers and keys stand at the beginning of theirs, unless a text runs over several.
    table: Place = ()
    counts: dict[Place, int] = {}
    quotes: str | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if quotes is None:
            if header := _TOML_HEADER.match(line):
                table = _toml_table(header[2], counts, repeated=bool(header[1]))
                yield table, number
            elif key := _TOML_KEY.match(line):
                yield (*table, key[1].strip("\"'")), number
        for mark in re.findall(r'"""|\'\'\'', line):
            quotes = mark if quotes is None else None if quotes == mark else quotes


def _toml_table(header: str, counts: dict[Place, int], *, repeated: bool) -> Place:
    place: Place = ()
    parts = [part.strip("\"'") for part in _TOML_PART.findall(header)]
    for position, part in enumerate(parts):
        place = (*place, part)
        if repeated and position == len(parts) - 1:
            counts[place] = counts.get(place, -1) + 1
        if place in counts:
            place = (*place, counts[place])
    return place


def _yaml_lines(text: str, said: str) -> dict[Place, int]:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:  # JSON that is no YAML, such as one with tabs
        return {}
    lines: dict[Place, int] = {}
    seen: dict[int, yaml.Node] = {}
    due: list[tuple[Place, yaml.Node | None]] = [((), root)]
    while due:
        place, node = due.pop()
        if node is None or id(node) in seen:  # an alias: what it stands for has its line already
            continue
        seen[id(node)] = node
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                below = (*place, str(key.value))
                if below in lines:
                    raise UsageError(f"{said}:{key.start_mark.line + 1}: {key.value!r} is given twice",
                                     hint="remove one of the two")
                lines[below] = key.start_mark.line + 1
                due.append((below, value))
        elif isinstance(node, yaml.SequenceNode):
            for position, value in enumerate(node.value):
                lines[*place, position] = value.start_mark.line + 1
                due.append(((*place, position), value))
    _check_aliases(list(seen.values()), said)
    return lines


def _check_aliases(nodes: list[yaml.Node], said: str) -> None:
    """Refuse a file whose aliases stand for themselves, or for so much that whoever walks through it never ends."""
    sizes: dict[int, int] = {}
    known = {id(node) for node in nodes}  # all but keys, which count as one
    # What a node holds ends before it does, or with it and then begins later; so does what an alias can stand for.
    for node in sorted(nodes, key=lambda item: (item.end_mark.index, -item.start_mark.index)):
        below = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else (
            node.value if isinstance(node, yaml.SequenceNode) else [])
        where = f"{said}:{node.start_mark.line + 1}"
        if any(id(part) not in sizes and id(part) in known for part in below):
            raise UsageError(f"{where}: an alias stands for what it is part of", hint="write out what is meant")
        sizes[id(node)] = 1 + sum(sizes.get(id(part), 1) for part in below)
        if sizes[id(node)] > _MOST_VALUES:
            raise UsageError(f"{where}: its aliases stand for more than {_MOST_VALUES:,} values",
                             hint="use fewer aliases")
