"""Graphs of the size of real ones that have nothing to do with Azure: films and a bill of materials grow as exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.base import Base
from synthgen.generate import grow
from synthgen.graph import END, START, Graph
from synthgen.growth import Growth
from synthgen.inference import infer_profile, words_of
from synthgen.parameters import Parameters, RandomParameters, TemplateParameters
from synthgen.profile import read_profile, write_profile
from synthgen.seeding import I64
from tests.graphs import Draft, stored
from tests.growths import OPERATION, identities, largest_remainder
from tests.kinds.films import film_database
from tests.kinds.parts import bill_of_materials

Kind = Callable[..., Graph]
KINDS = [film_database, bill_of_materials]
REQUESTS: list[Parameters] = [TemplateParameters(scale_factor=2.0), TemplateParameters(scale_factor=1.3),
                              TemplateParameters(scale_factor=3.0), RandomParameters(count=5_000)]
SHARED = {film_database: {("Studio",), ("Genre",), ("Country",)}, bill_of_materials: {("Supplier",), ("Plant",)}}
KEYS = {film_database: {"filmId", "personId"}, bill_of_materials: {"number"}}

Degrees = Counter[tuple[tuple[str, ...], str, tuple[str, ...], str, int]]
"""How many nodes of a pattern's end have so many relationships of it: (start, type, end, side, degree)."""


@cache
def based(kind: Kind) -> Base:
    """Make a kind of graph a base under the profile inferred for it."""
    with stored(kind(), profile="auto") as snapshot:
        return Base(snapshot, infer_profile(snapshot))


@dataclass(frozen=True)
class Tied:
    """The relationships of a pattern, ends numbered; those of a negative number are not among the nodes counted."""

    pattern: tuple[tuple[str, ...], str, tuple[str, ...]]
    start: I64
    end: I64


def ties_of_base(base: Base) -> list[Tied]:
    """Split the base's relationships by pattern."""
    labels = [table.labels for table in base.nodes]
    return [Tied((labels[first], table.type, labels[last]), table.start[chosen], table.end[chosen])
            for table in base.relationships
            for first in range(len(labels)) for last in range(len(labels))
            if (chosen := (base.table_of[table.start] == first) & (base.table_of[table.end] == last)).any()]


def ties_of(growth: Growth) -> list[Tied]:
    """Make all relationships of a growth; base nodes are numbered below 0."""
    tied = []
    for block in growth.relationships:
        frame = block.make(0, block.rows)
        ends = {START: frame[START].to_numpy(), END: frame[END].to_numpy()}
        for side, space in ((START, block.start_space), (END, block.end_space)):
            if space == "base":
                ends[side] = -1 - ends[side]
        tied.append(Tied((block.start_labels, block.type, block.end_labels), ends[START], ends[END]))
    return tied


def degrees(ties: list[Tied], sizes: Counter[tuple[str, ...]], counted: set[tuple[str, ...]]) -> Degrees:
    """Count degrees per pattern and side, zeros included, of the label sets in `counted`."""
    found: Degrees = Counter()
    ends: dict[tuple[tuple[tuple[str, ...], str, tuple[str, ...]], str], list[I64]] = {}
    for tied in ties:
        for side, numbers in ((START, tied.start), (END, tied.end)):
            if tied.pattern[0 if side == START else 2] in counted:
                ends.setdefault((tied.pattern, side), []).append(numbers)
    for (pattern, side), numbers in ends.items():
        each = np.unique(np.concatenate(numbers), return_counts=True)[1]
        for degree, nodes in Counter(each.tolist()).items():
            found[*pattern, side, degree] = nodes
        found[*pattern, side, 0] = sizes[pattern[0 if side == START else 2]] - len(each)
    return +found


def sizes_of(base: Base) -> Counter[tuple[str, ...]]:
    sizes: Counter[tuple[str, ...]] = Counter()
    for table in base.nodes:
        sizes[table.labels] += table.frame.height
    return sizes


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_what_it_says(kind: Kind) -> None:
    """The same arguments give the same snapshot, another seed another of the same size; degrees have a long tail."""
    with stored(kind(), profile="auto") as one, stored(kind(), profile="auto") as same, \
            stored(kind(seed=2), profile="auto") as other:
        assert one.fingerprint == same.fingerprint
        assert one.digest != other.digest
        assert one.counts["nodes"] == other.counts["nodes"] == 4_000
    assert sum(table.frame.height for table in kind(300).nodes) == 300
    busiest = max(np.bincount(table.frame[END]).max() / np.median(np.bincount(table.frame[END])[table.frame[END]])
                  for table in kind().relationships)
    assert busiest > 3


# ——— growth ———


@pytest.mark.parametrize("parameters", REQUESTS, ids=repr)
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_grows(kind: Kind, parameters: Parameters) -> None:
    """Exact counts per label set, unique new keys, no dangling end, no pattern that the base has not."""
    base = based(kind)
    growth = grow(base, parameters, operation_id=OPERATION, seed=3)
    sizes = {labels: size for labels, size in sorted(sizes_of(base).items()) if labels not in SHARED[kind]}
    if isinstance(parameters, RandomParameters):
        total = parameters.count
    else:
        total = round((parameters.scale_factor - 1) * sum(sizes.values()))
    made: Counter[tuple[str, ...]] = Counter()
    for block in growth.nodes:
        made[block.labels] += block.rows
    assert made == dict(zip(sizes, largest_remainder(total, list(sizes.values())), strict=True))
    for key in KEYS[kind]:
        values = [value for block in growth.nodes if key in block.types for value in block.make(0, block.rows)[key]]
        assert len(set(values)) == len(values)
        assert not set(values) & {value for table in base.nodes if key in table.types for value in table.frame[key]}
    patterns = {tied.pattern for tied in ties_of_base(base)}
    resources = base.resources
    for tied in ties_of(growth):
        assert tied.pattern in patterns
        for numbers in (tied.start, tied.end):
            assert numbers.max(initial=0) < total
            assert not resources[-1 - numbers[numbers < 0]].any()


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_whole_factors_keep_each_degree(kind: Kind, factor: int) -> None:
    """A copy has as many relationships of each pattern as its original: distributions are the base's, times copies."""
    base = based(kind)
    sizes, resources = sizes_of(base), set(sizes_of(base)) - SHARED[kind]
    growth = grow(base, TemplateParameters(scale_factor=float(factor)), operation_id=OPERATION, seed=3)
    made = Counter({labels: (factor - 1) * size for labels, size in sizes.items()})
    expected = degrees(ties_of_base(base), sizes, resources)
    assert degrees(ties_of(growth), made, resources) == Counter(
        {key: (factor - 1) * count for key, count in expected.items()})


@pytest.mark.parametrize("kind", KINDS)
def test_random_keeps_the_degrees_about(kind: Kind) -> None:
    """In a random graph of the base's size each pattern's mean degree is the base's, within a twentieth."""
    base = based(kind)
    growth = grow(base, RandomParameters(count=int(base.resources.sum())), operation_id=OPERATION, seed=3)
    wanted: Counter[object] = Counter()
    for tied in ties_of_base(base):
        wanted[tied.pattern] += len(tied.start)
    found: Counter[object] = Counter()
    for tied in ties_of(growth):
        found[tied.pattern] += len(tied.start)
    assert set(found) == set(wanted)
    assert all(found[pattern] == pytest.approx(count, rel=0.05) for pattern, count in wanted.items())


@settings(max_examples=10)
@given(st.sampled_from(KINDS), st.integers(200, 400), st.integers(0, 9), st.integers(101, 400))
def test_any_size_and_seed_of_a_kind_grows(kind: Kind, nodes: int, seed: int, hundredths: int) -> None:
    """Counts are exact and a seed repeats, also for small ones of other seeds and odd factors."""
    with stored(kind(nodes, seed=seed), profile="auto") as snapshot:
        base = Base(snapshot, infer_profile(snapshot))
        parameters = TemplateParameters(scale_factor=hundredths / 100)
        one, same = (grow(base, parameters, operation_id=OPERATION, seed=seed) for _ in range(2))
    assert sum(block.rows for block in one.nodes) == ((hundredths - 100) * int(base.resources.sum()) + 50) // 100
    assert identities(one) == identities(same)


# ——— the inferred profile ———


@pytest.mark.parametrize(("kind", "id_", "name"), [(film_database, "personId", "name"),
                                                   (bill_of_materials, "number", "name")])
def test_the_inferred_profile_is_sensible(kind: Kind, id_: str, name: str) -> None:
    """What everything is tied to is shared, all else may be multiplied; id and name are what a person would say."""
    profile = based(kind).profile
    sets = set(sizes_of(based(kind)))
    assert set(profile.resource_label_sets) == sets - SHARED[kind]
    assert (profile.id, profile.name_property) == (id_, name)


def inferred(draft: Draft) -> tuple[set[tuple[str, ...]], str | None]:
    with stored(draft.graph(), profile="auto") as snapshot:
        profile = infer_profile(snapshot)
    return set(profile.resource_label_sets), profile.id


def test_what_many_relationships_begin_at_is_not_shared() -> None:
    """A product that consists of twenty parts is a resource; the plant that all of them come from is shared."""
    draft = Draft()
    plant = draft.add(["Plant"], {"name": "Graz"})
    for product in range(5):
        top = draft.add(["Product"], {"name": f"product {product}"})
        draft.tie(top, "MADE_AT", plant)
        for part in range(20):
            made = draft.add(["Part"], {"name": f"part {part}"})
            draft.tie(top, "CONTAINS", made)
            draft.tie(made, "MADE_AT", plant)
    assert inferred(draft)[0] == {("Product",), ("Part",)}


def test_a_few_of_a_kind_are_of_that_kind() -> None:
    """Celebrities with many followers are users like others: they carry the same label."""
    draft = Draft()
    star = draft.add(["Celebrity", "User"], {"userName": "star"})
    for number in range(50):
        draft.tie(draft.add(["User"], {"userName": f"u{number}"}), "FOLLOWS", star)
    assert inferred(draft)[0] == {("User",), ("Celebrity", "User")}


def test_an_id_is_told_by_words_and_constraints_not_by_letters() -> None:
    """`width` holds the letters of `id` and is none, `part_no` is one, and so is what a constraint makes unique."""
    draft = Draft()
    for number in range(4):
        draft.add(["Part"], {"width": f"{number} mm", "video": f"v{number}", "part_no": f"n{number}"})
    assert inferred(draft)[1] == "part_no"
    assert words_of("partNo") == words_of("PartNo") == words_of("part_no") == {"part", "no"}
    assert words_of("ISBNCode") == {"isbn", "code"}


@pytest.mark.parametrize("kind", KINDS)
def test_an_inferred_profile_can_be_written_and_read(kind: Kind, tmp_path: Path) -> None:
    """The file gives the same profile again."""
    write_profile(based(kind).profile, tmp_path / "p.toml")
    assert read_profile(tmp_path / "p.toml") == based(kind).profile
