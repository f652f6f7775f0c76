"""The gate: looks in all texts of a bundle for ids and names of its base, part by part; knows no server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import polars as pl

from synthgen.base import Base
from synthgen.bundle.read import Bundle, read_nodes, read_relationships
from synthgen.errors import LeakError
from synthgen.metadata import EVERY_NAME, OF_SCENARIO, SOURCE_ID
from synthgen.privacy.census import Census
from synthgen.privacy.search import Search, texts_in
from synthgen.progress import Progress, silent

SHOWN_LETTERS = 2
_SHOWN_LEAKS = 3


@dataclass(frozen=True, slots=True)
class Leak:
    """Where ids or names of the base stand in what was made.

    Attributes:
        where: Label set joined by colons, or relationship type.
        property: In which property.
        values: How many texts hold one; elements of lists count one by one.
        example: One of the ids and names, all but its first letters hidden.
    """

    where: str
    property: str
    values: int
    example: str


def find_leaks(
    base: Base, bundle: Bundle, *, fewest_owners: int, progress: Progress = silent
) -> list[Leak]:
    """Find the ids and names of the base that stand in a bundle's texts, most first.

    What counts as an id or a name: `synthgen.privacy.census.Census.protected`. What counts as standing in a text:
    `synthgen.privacy.search`. Synthetic metadata is left out but for `template_source_id`. Memory holds one part.
    """
    return leaks_of(Census(base, fewest_owners).protected, bundle, progress)


def leaks_of(protected: Sequence[str], bundle: Bundle, progress: Progress = silent) -> list[Leak]:
    """Find these ids and names in a bundle's texts; see `find_leaks`."""
    search = Search(protected)
    values: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for where, names, frame in _parts(bundle, progress):
        for texts in texts_in(frame, where, names):
            # Texts repeat, and rows are many.
            distinct = texts.values.value_counts(name="rows")
            found = search.find(distinct.to_series(0))
            rows = distinct["rows"]
            values[where, texts.name] += sum(rows[position] for position in {position for position, _ in found})
            for _, name in found[:1]:
                examples.setdefault((where, texts.name), name)
    return [Leak(where, name, values[where, name], _masked(examples[where, name]))
            for where, name in sorted(examples, key=lambda place: (-values[place], place))]


def refuse_leaks(protected: Sequence[str], bundle: Bundle, progress: Progress = silent) -> None:
    """Check that none of these ids and names stands in a bundle's texts.

    Raises:
        LeakError: Says where they stand.
    """
    leaks = leaks_of(protected, bundle, progress)
    if leaks:
        places = "; ".join(f"{leak.values:,} in {leak.property} of {leak.where}, such as {leak.example}"
                           for leak in leaks[:_SHOWN_LEAKS])
        raise LeakError(f"ids or names of the base stand in what was made: {places}",
                        hint="nothing was written; a name that is no secret can be told by a lower --fewest-owners, or"
                             " leave out --anonymise", leaks=[asdict(leak) for leak in leaks])


def _parts(bundle: Bundle, progress: Progress) -> Iterator[tuple[str, list[str], pl.DataFrame]]:
    manifest = bundle.manifest
    # Elsewhere these names are a graph's own.
    metadata = (EVERY_NAME if manifest.strategy == "scenario" else EVERY_NAME - OF_SCENARIO) - {SOURCE_ID}
    done, due = 0, len(manifest.parts)
    for group in manifest.node_groups:
        for part in group.parts:
            yield ":".join(group.labels), [*group.types.keys() - metadata], read_nodes(bundle, group, part)
            progress("looking for leaks", done := done + 1, due)
    for tied in manifest.relationship_groups:
        for part in tied.parts:
            if any("STRING" in kind for kind in tied.types.values()):
                yield tied.type, [*tied.types], read_relationships(bundle, tied, part)
            progress("looking for leaks", done := done + 1, due)


def _masked(name: str) -> str:
    return f"{name[:SHOWN_LETTERS]}… ({len(name)} letters)"
