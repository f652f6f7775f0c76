"""Which indexes of its own the product needs, and when the user's own serve."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.indexes import Index, cover, needed_indexes, serving
from synthgen.graph import SchemaItem
from synthgen.profile import AZURE, Profile

MARKS = ("synthetic", "scale_operation_id", "generation_strategy", "template_source_id")
LABELS = st.sampled_from("ABCDE")


def item(type_: str, labels=("Resource",), properties=("id",), **further) -> SchemaItem:
    """An item of a user's schema."""
    return SchemaItem("index", type_, "theirs", "", further.get("entity", "NODE"), tuple(labels), tuple(properties), {},
                      "", "")


def test_azure_needs_six():
    """Id, type and the four marks of its resources, by the one label that all of them have."""
    assert {(one.label, one.property_name) for one in needed_indexes([AZURE])} == {
        ("Resource", name) for name in ("id", "type", *MARKS)}


def test_what_a_profile_leaves_open_needs_no_index():
    """A graph without ids and types is found by its marks alone; two profiles of one label need no more than one."""
    plain = Profile("films", resource_labels=("Film",))
    assert {one.property_name for one in needed_indexes([plain])} == set(MARKS)
    assert len(needed_indexes([plain, plain, replace(plain, id="imdb")])) == 5
    assert needed_indexes([]) == ()
    assert needed_indexes([Profile("nothing", resource_label_sets=((),))]) == ()


@given(st.lists(LABELS, max_size=3, unique=True), st.lists(st.lists(LABELS, max_size=4, unique=True), max_size=6))
def test_each_resource_with_a_label_is_covered(all_of, label_sets):
    """Whatever a profile calls resources has one of the labels; none of these is needless."""
    profile = Profile("any", tuple(all_of), tuple(tuple(sorted(one)) for one in label_sets))
    labels = cover(profile)
    required = [set(one) for one in (all_of, *label_sets) if one]
    assert all(one & set(labels) for one in required)
    assert all(any(label in one for one in required) for label in labels)
    assert len(labels) <= len(required)
    assert labels == cover(replace(profile, resource_label_sets=profile.resource_label_sets[::-1]))


@given(st.lists(st.tuples(st.text("a_ 1", min_size=1), st.text("a_ 1", min_size=1)), unique=True))
def test_names_are_ours_and_never_the_same(pairs):
    """Labels and properties that only differ in where one ends and the other begins have different indexes."""
    names = [Index(*pair).name for pair in pairs]
    assert len(set(names)) == len(pairs)
    assert all(name.startswith("__synthgen_") for name in names)


@pytest.mark.parametrize(("there", "serves"), [
    (item("RANGE"), True),
    (item("NODE_PROPERTY_UNIQUENESS"), True),
    (item("NODE_KEY"), True),
    (item("NODE_PROPERTY_EXISTENCE"), False),
    (item("TEXT"), False),
    (item("FULLTEXT"), False),
    (item("RANGE", properties=("id", "name")), False),
    (item("RANGE", labels=("Other",)), False),
    (item("RANGE", entity="RELATIONSHIP"), False),
])
def test_an_index_of_the_user_serves_when_it_finds_the_same(there, serves):
    """A range index on the same label and property, also that of a constraint: then ours would only cost."""
    index = Index("Resource", "id")
    assert serving([index, Index("Resource", "type")], [there]) == ({index: "theirs"} if serves else {})


def test_odd_names_are_quoted():
    """A label cannot end its quoting."""
    assert "`__synthgen_a``b_c" in Index("a`b", "c").statement
    assert "FOR (n:`a``b`) ON (n.`c`)" in Index("a`b", "c").statement
