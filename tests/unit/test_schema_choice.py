"""Which indexes and constraints are created where, and what counts as a difference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from importer.schema_choice import SchemaChoice, choose_schema
from importer.schema_fit import find_obstacle, statement_on
from synthgen.database import Server
from synthgen.errors import UsageError
from synthgen.graph import LOOKUPS, SchemaItem
from tests.kinds.drawing import unique

OLD, NEW = Server("5.26.30", "community"), Server("2026.09.0", "community", ("5", "25"))
ENTERPRISE = Server("2026.09.0", "enterprise", ("5", "25"))
VECTOR = SchemaItem("index", "VECTOR", "v`1", "CREATE VECTOR INDEX …", labels=("a`b",), properties=("p\\q",), options={
    "vector.dimensions": 3, "vector.similarity_function": "COSINE", "vector.hnsw.m": 16,
    "vector.default_search_expansion_factor": 1.0, "vector.quantization.type": "NONE"})
OLD_VECTOR = replace(VECTOR, options={"vector.dimensions": 3, "vector.similarity_function": "COSINE",
                                      "vector.hnsw.m": 16, "vector.quantization.enabled": False})
KEY = unique("Film", "id")


def differences(mine: SchemaItem, other: SchemaItem) -> list[str]:
    """Compare two items."""
    return SchemaChoice((mine,)).find_differences([other])


@pytest.mark.parametrize("change", [
    {"type": "NODE_KEY"}, {"entity": "RELATIONSHIP"}, {"labels": ("Other",)}, {"properties": ("id", "k")},
    {"property_type": "STRING"},
])
def test_each_difference_is_named(change):
    """Whatever an item is in the snapshot it has to be in the database; another name is another item."""
    [said] = differences(KEY, replace(KEY, **change))
    assert f"`{KEY.name}`" in said
    assert len(differences(KEY, replace(KEY, name="other"))) == 2


def test_options_have_to_be_the_same():
    """A value that differs or is missing is named with both; what an older server did not name may be anything."""
    [said] = differences(VECTOR, replace(VECTOR, options={**VECTOR.options, "vector.hnsw.m": 8}))
    assert "`vector.hnsw.m` 8 instead of 16" in said
    assert differences(VECTOR, replace(VECTOR, options={**VECTOR.options, "vector.new": 1})) == []
    assert len(differences(VECTOR, replace(VECTOR, options={}))) == len(VECTOR.options)
    assert differences(KEY, replace(KEY, statement="other")) == []


def test_labels_have_no_order_and_properties_have():
    """A server gives labels in an order of its own; of an index on several properties their order is its nature."""
    both = replace(VECTOR, labels=("A", "B"), properties=("p", "q"))
    assert differences(both, replace(both, labels=("B", "A"))) == []
    assert differences(both, replace(both, properties=("q", "p"))) != []


def test_lines_call_the_same_quantization_differently():
    """None is none on both lines; some is some in one direction; what 5.26 cannot say is not what it can."""
    quantized = {**VECTOR.options, "vector.quantization.type": "BINARY", "vector.default_search_expansion_factor": 3.0}
    old_quantized = replace(OLD_VECTOR, options={**OLD_VECTOR.options, "vector.quantization.enabled": True})
    assert differences(OLD_VECTOR, VECTOR) == differences(VECTOR, OLD_VECTOR) == []
    assert differences(old_quantized, replace(VECTOR, options=quantized)) == []
    assert differences(replace(VECTOR, options=quantized), old_quantized) != []
    assert differences(old_quantized, VECTOR) != []
    assert differences(VECTOR, old_quantized) != []


def test_lookup_indexes_are_known_by_what_they_are_for():
    """Their names count only where a user chose one; there is one at most for nodes, and one for relationships."""
    mine, _ = LOOKUPS
    assert differences(mine, replace(mine, name="index_1b9dcc97")) == []
    assert differences(replace(mine, name="mine"), mine) != []
    assert differences(mine, replace(mine, name="mine")) != []
    assert SchemaChoice(()).find_differences(LOOKUPS) != []
    assert SchemaChoice(()).find_losses(LOOKUPS) == []
    assert SchemaChoice(()).find_losses([replace(mine, name="mine")]) != []


def test_what_is_left_out_does_not_count():
    """Neither as missing nor as there; a name that the snapshot does not have is refused with those that it has."""
    choice = choose_schema([KEY, *LOOKUPS], [KEY.name])
    assert (choice.items, choice.left_out) == (LOOKUPS, (KEY.name,))
    assert choice.find_differences(LOOKUPS) == choice.find_differences([KEY, *LOOKUPS]) == []
    with pytest.raises(UsageError, match="'nothing'") as caught:
        choose_schema([KEY], ["nothing"])
    assert KEY.name in caught.value.hint


def test_vectors_that_are_not_quantized_go_to_the_older_line():
    """In its own words, names quoted; what has no equal there is refused with the option and its value."""
    assert find_obstacle(VECTOR, OLD, ()) == ""
    assert statement_on(VECTOR, OLD.version) == (
        "CYPHER 5 CREATE VECTOR INDEX `v``1` FOR (e:`a``b`) ON (e.`p\\u005Cq`) OPTIONS {indexConfig: {"
        '`vector.dimensions`: 3, `vector.similarity_function`: "COSINE", `vector.hnsw.m`: 16,'
        " `vector.quantization.enabled`: false}}")
    assert statement_on(VECTOR, NEW.version) == "CYPHER 5 CREATE VECTOR INDEX …"
    for server in (NEW, OLD):
        assert statement_on(OLD_VECTOR, server.version) == "CYPHER 5 CREATE VECTOR INDEX …"
    for change in ({"vector.quantization.type": "SCALAR"}, {"vector.default_search_expansion_factor": 2.0}):
        assert next(iter(change)) in find_obstacle(replace(VECTOR, options={**VECTOR.options, **change}), OLD, ())
        assert find_obstacle(replace(VECTOR, options={**VECTOR.options, **change}), NEW, ()) == ""


@pytest.mark.parametrize("kind", ["NODE_PROPERTY_EXISTENCE", "RELATIONSHIP_PROPERTY_EXISTENCE", "NODE_PROPERTY_TYPE",
                                  "RELATIONSHIP_PROPERTY_TYPE", "NODE_KEY", "RELATIONSHIP_KEY"])
def test_constraints_of_enterprise_are_for_enterprise(kind):
    """Community is said not to have them; Enterprise gets them, and keys keep values apart like uniqueness does."""
    item = replace(KEY, type=kind)
    assert "Enterprise" in find_obstacle(item, NEW, ())
    assert find_obstacle(item, ENTERPRISE, ()) == ""
    assert item.makes_unique({"Film", "Other"}) == (kind in {"NODE_KEY", "RELATIONSHIP_KEY"})
    assert not item.makes_unique({"Other"})
