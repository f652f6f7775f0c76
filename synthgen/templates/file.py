"""Reads template files and checks them, with the line of each mistake; knows neither the base graph nor rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from synthgen.errors import UsageError
from synthgen.metadata import EVERY_NAME, OF_SCENARIO
from synthgen.scenarios.topology import How
from synthgen.sources import Place, Source, read_source
from synthgen.templates.template import Entry, Rule, Template
from synthgen.templates.texts import NAMES, OF_LOCATIONS, Text, parse_name, parse_text
from synthgen.templates.values import Value, check_text, json_leaf, read_value

COLUMNS = ("sku", "kind", "plan", "zones", "identity", "properties")
"""What `template` may give besides name, location and tags: each a property of the node."""
_ENTRY = ("type", "count", "template", "name_prefix", "labels", "properties", "new")
_TEMPLATE = ("name_pattern", "location", "tags", *COLUMNS)
_CONFIG = ("random_locations", "resource_group_pattern", "tag_prefix")
_RULE: Mapping[str, str] = {"from": "from", "type": "type", "to": "to", "how": "how", "share": "share", "each": "each",
                            "source_type": "from", "relationship_type": "type", "target_type": "to",
                            "connection_ratio": "share"}
UNUSED: Mapping[str, tuple[str, ...]] = {
    "": ("scaling", "validation"), "config": ("batch_size", "max_parallel", "rate_limit_delay_ms"),
}
"""Settings of how another tool writes and checks; here they change nothing, and that is said."""


def read_template(path: Path) -> Template:
    """Read a template file.

    Raises:
        UsageError: It cannot be read, or something in it is unknown or of the wrong kind; says where.
    """
    return parse_template(read_source(path))


def parse_template(source: Source) -> Template:
    """Understand a template; see `read_template`."""
    document = source.document
    _check_names(source, (), document, ("metadata", "resources", "config", "relationships", *UNUSED[""]))
    entries = document.get("resources")
    if not isinstance(entries, list) or not entries:
        raise UsageError(f"{source.at('resources')}: `resources` is not a list of types",
                         hint='resources: [{type: "…", count: 3}]')
    config = _find(source, ("config",), document, dict) or {}
    _check_names(source, ("config",), config, (*_CONFIG, *UNUSED["config"]))
    locations = _find(source, ("config", "random_locations"), config, list) or []
    for position, location in enumerate(locations):
        _expect(source, ("config", "random_locations", position), location, str)
    prefix = _find(source, ("config", "tag_prefix"), config, str) or ""
    pattern = _find(source, ("config", "resource_group_pattern"), config, str)
    read = tuple(_entry(source, ("resources", position), entry, prefix) for position, entry in enumerate(entries))
    if not sum(entry.count for entry in read):
        raise UsageError(f"{source.at('resources')}: {source.said} asks for no resources",
                         hint="give at least one type a count above 0")
    rules = _find(source, ("relationships",), document, list) or []
    template = Template(
        read, tuple(_rule(source, ("relationships", position), rule, {entry.type for entry in read})
                    for position, rule in enumerate(rules)),
        tuple(locations),
        None if pattern is None else parse_name(pattern, source.at("config", "resource_group_pattern")),
        tuple([name for name in UNUSED[""] if name in document]
              + [f"config.{name}" for name in UNUSED["config"] if name in config]),
    )
    # A date in the metadata is no more than a text to JSON.
    return template if template.plain else replace(template, document=json.loads(json.dumps(document, default=str)))


def _entry(source: Source, place: Place, entry: Any, tag_prefix: str) -> Entry:
    where = source.at(*place)
    if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
        raise UsageError(f"{where}: entry {int(place[-1]) + 1} of resources has no type",
                         hint='write {type: "Microsoft.Compute/virtualMachines", count: 3}')
    _check_names(source, place, entry, _ENTRY)
    check_text(entry["type"], where)
    count = entry.get("count")
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise UsageError(f"{source.at(*place, 'count')}: the count of {entry['type']!r} is {count!r}",
                         hint="a whole number of at least 0")
    template = _find(source, (*place, "template"), entry, dict) or {}
    _check_names(source, (*place, "template"), template, _TEMPLATE,
                 also="other properties of the nodes stand in `properties` beside `template`")
    given: dict[str, tuple[Place, Any]] = {
        name: ((*place, "template", name), value) for name, value in template.items() if name != "name_pattern"}
    for name, value in (_find(source, (*place, "properties"), entry, dict) or {}).items():
        if name in given:
            raise UsageError(f"{source.at(*place, 'properties', str(name))}: {name!r} is given twice",
                             hint="give it in `template` or in `properties`")
        given[name] = ((*place, "properties", name), value)
    location, columns = _columns(source, given, tag_prefix)
    return Entry(entry["type"], count, where, _name(source, place, entry, template), location, columns,
                 _labels(source, place, entry), bool(_find(source, (*place, "new"), entry, bool)))


def _name(source: Source, place: Place, entry: Mapping[str, Any], template: Mapping[str, Any]) -> Text | None:
    prefix = _find(source, (*place, "name_prefix"), entry, str)
    pattern = _find(source, (*place, "template", "name_pattern"), template, str)
    if prefix is not None and pattern is not None:
        raise UsageError(f"{source.at(*place, 'name_prefix')}: name_prefix and name_pattern exclude each other",
                         hint="leave one out")
    if prefix is not None:
        return parse_name(prefix + "-{index}", source.at(*place, "name_prefix"))
    return None if pattern is None else parse_name(pattern, source.at(*place, "template", "name_pattern"))


def _columns(
    source: Source, given: Mapping[str, tuple[Place, Any]], tag_prefix: str
) -> tuple[Text | None, dict[str, Value]]:
    location, columns = None, {}
    for name, (place, value) in given.items():
        where = source.at(*place)
        if not isinstance(name, str) or not name or name.startswith(":"):
            raise UsageError(f"{where}: {name!r} is no name of a property", hint="it is a text that begins otherwise")
        check_text(name, where)
        if name in EVERY_NAME - OF_SCENARIO:
            raise UsageError(f"{where}: {name!r} cannot be given", hint="it is part of the synthetic metadata")
        if name == "location":
            _expect(source, place, value, str)
            check_text(value, where)
            location = parse_text(value, where, OF_LOCATIONS)
        elif name == "tags" and isinstance(value, dict):
            prefixed = {f"{tag_prefix}-{tag}" if tag_prefix else tag: text for tag, text in value.items()}
            columns[name] = _tags(read_value(source, place, prefixed, frozenset(NAMES)))
        else:
            columns[name] = read_value(source, place, value, frozenset(NAMES))
    return location, columns


def _tags(value: Value) -> Value:
    """Let the values of tags be texts, as Azure's are, also where they are numbers."""
    for tag, text in value.content.items():
        if isinstance(text, list | dict) or text is None:
            raise UsageError(f"{value.where}: the tag {tag!r} is no text", hint="put it between quotes")
    return replace(value, content={
        tag: Text((*text.pieces, "")) if isinstance(text, Text) else Text((json_leaf(text),))
        for tag, text in value.content.items()})


def _labels(source: Source, place: Place, entry: Mapping[str, Any]) -> tuple[str, ...]:
    labels = _find(source, (*place, "labels"), entry, list) or []
    for position, label in enumerate(labels):
        _expect(source, (*place, "labels", position), label, str)
        if not label:
            raise UsageError(f"{source.at(*place, 'labels', position)}: a label is not empty", hint="remove it")
        check_text(label, source.at(*place, "labels", position))
    return tuple(sorted(set(labels)))


def _rule(source: Source, place: Place, rule: Any, types: set[str]) -> Rule:
    where = source.at(*place)
    _expect(source, place, rule, dict)
    _check_names(source, place, rule, tuple(_RULE))
    told = {_RULE[name]: (name, value) for name, value in rule.items()}
    if len(told) < len(rule):
        raise UsageError(f"{where}: a relationship rule says one thing twice", hint="use from, type, to, how and share")
    values: dict[str, str] = {}
    for key in ("from", "type", "to"):
        name, value = told.get(key, (key, None))
        if not isinstance(value, str) or not value:
            raise UsageError(f"{source.at(*place, name)}: a relationship rule has no {key}",
                             hint="write {from: TYPE, type: USES, to: TYPE, how: one-to-one}")
        if key != "type" and value not in types:
            raise UsageError(f"{source.at(*place, name)}: {value!r} is none of the types under resources",
                             hint="types: " + ", ".join(sorted(types)))
        values[key] = value
    _, share = told.get("share", ("", 1.0))
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise UsageError(f"{source.at(*place, told['share'][0])}: the share is {share!r}", hint="a number in 0…1")
    _, each = told.get("each", ("", 2))
    if isinstance(each, bool) or not isinstance(each, int) or each < 1:
        raise UsageError(f"{source.at(*place, 'each')}: each is {each!r}", hint="a whole number of at least 1")
    return Rule(values["from"], values["type"], values["to"], _how(source, place, told, values), each, share, where)


def _how(source: Source, place: Place, told: Mapping[str, tuple[str, Any]], values: Mapping[str, str]) -> How:
    to_itself = values["from"] == values["to"]
    _, given = told.get("how", ("", (How.CHAIN if to_itself else How.MANY_TO_ONE).value))
    known = [how for how in How if how is How.MANY_TO_MANY or how.of_one_group == to_itself]
    for how in known:
        if how.value == given:
            return how
    raise UsageError(f"{source.at(*place, 'how')}: there is no how = {given!r} from a type to "
                     + ("itself" if to_itself else "another"), hint="known: " + ", ".join(how.value for how in known))


def _find(source: Source, place: Place, table: Mapping[str, Any], kind: type) -> Any:
    value = table.get(str(place[-1]))
    if value is not None:
        _expect(source, place, value, kind)
    return value


_SAID: Mapping[Any, str] = {str: "a text", list: "a list", dict: "a table", bool: "true or false"}


def _expect(source: Source, place: Place, value: Any, kind: Any) -> None:
    if not isinstance(value, kind):
        raise UsageError(f"{source.at(*place)}: {place[-1]} is {_SAID[kind]}, not {value!r:.60}",
                         hint="correct its kind, or put it between quotes")


def _check_names(
    source: Source, place: Place, table: Mapping[str, Any], known: Sequence[str], *, also: str = ""
) -> None:
    for name in table:
        if name not in known:
            raise UsageError(f"{source.at(*place, str(name))}: {name!r} is not understood"
                             + (f" in {place[-1] if isinstance(place[-1], str) else place[-2]}" if place else ""),
                             hint="known: " + ", ".join(known) + (f"; {also}" if also else ""))
