"""Whether the rows of a bundle are what its manifest and FORMAT.md say; knows no server.

Digests of files are checked by `synthgen.bundle.read`; this is for bundles that someone made or edited with right ones.
Some rows of a few parts are read at a time; memory holds these and a byte per node of the base.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from synthgen.ahead import ahead
from synthgen.bundle.columns import Check, at, checks_of
from synthgen.bundle.fields import Fields, check_header, file_error, places_of, read_fields
from synthgen.bundle.layout import Layout
from synthgen.bundle.manifest import ANCHORS, MANIFEST, NodeGroup, Part, RelationshipGroup
from synthgen.bundle.read import Bundle, layout_of, read_anchors
from synthgen.errors import BundleError, shown
from synthgen.forms import is_name
from synthgen.metadata import REQUIRED
from synthgen.progress import Progress, silent

_DIGITS = "^[0-9]{1,18}$"
_AT_ONCE = 2
"""Most of a check is done outside of Python, so that two parts take little more time than one."""
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Due:
    """A part that is to be checked, and by what; `first` is the import id of its first row, if it holds nodes."""

    group: NodeGroup | RelationshipGroup
    part: Part
    first: int
    width: int
    checks: Sequence[Check]
    places: set[int]


def check_rows(bundle: Bundle, progress: Progress = silent) -> None:
    """Check every row of a bundle: headers, columns, ids, ends, marks and the form of values.

    Raises:
        BundleError: Names the file, the line (from 1), the column and the value of what is wrong first.
    """
    _check_counts(bundle)
    anchored = _check_anchors(bundle)
    manifest = bundle.manifest
    for group in manifest.groups:
        check_header(bundle, group.header, layout_of(bundle, group))
    nodes = sum(group.rows for group in manifest.node_groups)
    done, due = 0, sum(part.rows for part in manifest.parts)

    def check_part(one: _Due) -> int:
        for fields in read_fields(bundle, one.part, one.width, one.places):
            if isinstance(one.group, NodeGroup):
                _check_ids(fields, one.first + fields.first)
            else:
                _check_ends(fields, one.group, nodes, anchored)
            _check_columns(fields, one.checks)
        return one.part.rows

    for rows in ahead(check_part, _due_parts(bundle), _AT_ONCE):
        done += rows
        progress("checking rows", done, due)


def _due_parts(bundle: Bundle) -> Iterator[_Due]:
    for group in bundle.manifest.groups:
        layout = layout_of(bundle, group)
        checks = checks_of(layout, bundle.manifest.operation_id if isinstance(group, NodeGroup) else None)
        width, places = places_of(layout).width, _places(layout, checks)
        first = group.first if isinstance(group, NodeGroup) else 0
        for part in group.parts:
            yield _Due(group, part, first, width, checks, places)
            first += part.rows


def _places(layout: Layout, checks: Sequence[Check]) -> set[int]:
    asked = {int(name) for check in checks for name in check.wrong.meta.root_names()}
    return asked | set(range(len(layout.ids)))


def _check_columns(fields: Fields, checks: Sequence[Check]) -> None:
    found = fields.frame.select(check.wrong.any().alias(f"{number}") for number, check in enumerate(checks))
    for check, is_wrong in zip(checks, found.row(0) if checks else (), strict=True):
        if is_wrong:
            row = _first(fields, check.wrong)
            value = fields.frame[f"{check.place}"][row]
            fields.refuse(row, check.says(value), column=check.column, value=value)


def _check_ids(fields: Fields, first: int) -> None:
    due = pl.int_range(first, first + pl.len(), dtype=pl.Int64)
    wrong = at(0).ne_missing(due.cast(pl.String))
    if fields.frame.select(wrong.any()).item():
        row = _first(fields, wrong)
        given, right = fields.frame["0"][row], first + row
        # All ids before this one are in order.
        is_repeated = given is not None and re.fullmatch(_DIGITS, given) and int(given) < right
        fields.refuse(row, f"the id {given} is there twice: an earlier row has it" if is_repeated else
                      f"the id is {shown(given)} and not {right}: ids count through the rows of all groups from 0",
                      column=":ID", value=given)


def _check_ends(fields: Fields, group: RelationshipGroup, nodes: int, anchored: Flags) -> None:
    for place, (column, space) in enumerate(((":START_ID", group.start_space), (":END_ID", group.end_space))):
        count = nodes if space == "operation" else len(anchored)
        ends = fields.frame.select(pl.when(at(place).str.contains(_DIGITS)).then(at(place)).cast(pl.Int64)).to_series()
        numbers = ends.fill_null(-1).to_numpy()
        wrong, why = (numbers < 0) | (numbers >= count), f"no node of the {space}, which has {count:,}, from 0"
        if space == "base" and not wrong.any():
            wrong, why = ~anchored[numbers], f"a node of the base that {ANCHORS} does not name"
        if wrong.any():
            row = int(wrong.argmax())
            value = fields.frame[f"{place}"][row]
            fields.refuse(row, f"{column} is {shown(value)}, {why}", column=column, value=value)


def _first(fields: Fields, wrong: pl.Expr) -> int:
    return int(fields.frame.select(wrong.fill_null(value=False).arg_true().first()).item())


def _check_anchors(bundle: Bundle) -> Flags:
    """Check that anchors are nodes of the base with digests; give for each node of the base whether it is one."""
    anchors = read_anchors(bundle)
    base = bundle.manifest.snapshot["nodes"]
    wrong = (~pl.col("node").is_between(0, base - 1).fill_null(value=False) | ~pl.col("node").is_first_distinct()
             | ~pl.col("digest").str.contains("^[0-9a-f]{32}$").fill_null(value=False))
    for row in anchors.select(wrong.arg_true()).to_series():
        node, digest = anchors.row(row)
        raise file_error(ANCHORS, f"node {node} with digest {digest!r} is there twice, or is none of the {base:,} of"
                         " the base, or this is no digest", row + 2, value=node)
    anchored = np.zeros(base, np.bool_)
    anchored[anchors["node"].to_numpy()] = True
    return anchored


def _check_counts(bundle: Bundle) -> None:
    """Check that the manifest's numbers add up, and that its names can be names."""
    manifest, first = bundle.manifest, 0
    labels: Counter[str] = Counter()
    types: Counter[str] = Counter()
    base = manifest.snapshot.get("nodes")
    if not isinstance(base, int) or base < 0:
        raise _manifest_error(f"the nodes of its snapshot are {base!r}, which is no number of nodes")
    for group in manifest.groups:
        if sum(part.rows for part in group.parts) != group.rows:
            raise _manifest_error(f"the parts of {group.header} do not have {group.rows:,} rows together")
        if isinstance(group, NodeGroup):
            if group.first != first:
                raise _manifest_error(f"the ids of {group.header} begin at {group.first:,} and not at {first:,}")
            if missing := [name for name in REQUIRED if name not in group.types]:
                raise _manifest_error(f"the nodes of {group.header} are not marked with {', '.join(missing)}")
            first += group.rows
            labels.update(dict.fromkeys(group.labels, group.rows))
        else:
            types[group.type] += group.rows
        _check_names(group)
    counted = {"nodes": first, "relationships": types.total(), "labels": +labels, "types": +types}
    for name, count in counted.items():
        said: Any = getattr(manifest.counts, name)
        if (+Counter(said) if isinstance(count, Counter) else said) != count:
            raise _manifest_error(f"its counts say of {name} {said!r}, and its groups {count!r}")


def _check_names(group: NodeGroup | RelationshipGroup) -> None:
    for name in (*group.types, *(group.labels if isinstance(group, NodeGroup) else (group.type,))):
        if not is_name(name):
            raise _manifest_error(f"{group.header} has the name {name!r}, which nothing in Neo4j can have")
    if isinstance(group, RelationshipGroup) and group.start_space == group.end_space == "base":
        raise _manifest_error(f"{group.header} ties nodes of the base to each other, which no rollback finds again")


def _manifest_error(what: str) -> BundleError:
    return file_error(MANIFEST, f"it does not add up: {what}")
