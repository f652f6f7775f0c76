"""A graph that is spoilt in one way scores lower in the measures of that, and not in the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest

from synthgen.fidelity.comparison import compare
from synthgen.fidelity.copies import COPIES
from synthgen.graph import END, Graph
from synthgen.profile import AZURE
from synthgen.sample import sample_tenant
from synthgen.seeding import shuffled
from tests.measured import pair

SAMPLE = sample_tenant(resources=300, seed=3)
COPIED = {measure.key for measure in COPIES}


def scores(spoilt: Graph) -> dict[str, float]:
    """Score a spoilt graph against the one it was."""
    found = {one.measure.key: one.outcome.score for one in compare(pair(SAMPLE, spoilt, AZURE))}
    return {key: score for key, score in found.items() if score is not None and key not in COPIED}


def with_resources(change: Callable[[pl.DataFrame], pl.DataFrame]) -> Graph:
    """Change the table of plain resources."""
    return replace(SAMPLE, nodes=[replace(table, frame=change(table.frame)) if table.labels == ("Resource",) else table
                                  for table in SAMPLE.nodes])


def with_ties(change: Callable[[pl.DataFrame], pl.DataFrame], *types: str) -> Graph:
    """Change the tables of some relationship types."""
    return replace(SAMPLE, relationships=[
        replace(table, frame=change(table.frame)) if table.type in types else table for table in SAMPLE.relationships])


def mixed(column: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Deal the values of a column out anew."""
    return lambda frame: frame.with_columns(frame[column][shuffled(frame.height, 1)])


def test_ends_tied_at_random_are_seen():
    """Who is tied to whom by chance ties together what the base never does; types and properties stay."""
    found = scores(with_ties(mixed(END), "CONTAINS"))
    assert found["pattern_mix"] < 0.9
    assert found["pattern_validity"] < 0.9
    assert found["joint_degree"] < 0.9
    assert found["type_mix"] == found["properties"] == found["pairs"] == 1


def test_types_dealt_out_anew_are_seen():
    """As many of each type, but at other places: the mix is the same, and nothing else."""
    found = scores(with_resources(mixed("type")))
    assert found["type_mix"] == found["clustering"] == 1
    assert max(found[key] for key in ("pattern_mix", "degree", "joint_degree", "properties", "pairs")) < 0.9


def test_fewer_ties_are_seen():
    """Every second tie to a region gone: fewer relationships, lower degrees, and the same values."""
    found = scores(with_ties(lambda frame: frame[::2], "LOCATED_IN"))
    assert max(found["degree"], found["density"], found["pattern_mix"], found["degree_wasserstein"]) < 0.95
    assert found["type_mix"] == found["properties"] == 1


def test_ties_to_one_region_are_seen():
    """All in one region: as many ties and degrees, but not to the same shared nodes."""
    found = scores(with_ties(lambda frame: frame.with_columns(pl.col(END).first()), "LOCATED_IN"))
    assert found["degree"] == found["pattern_mix"] == 1
    assert found["shared_ends"] < 0.8
    assert found["tie_pairs"] < 0.9


@pytest.mark.parametrize(("column", "keys"), [
    ("location", {"pairs", "tie_pairs"}), ("cost", {"properties", "null_rates"}), ("created_at", {"null_rates"}),
])
def test_values_dealt_out_anew_are_seen(column, keys):
    """Each column is as it was, but not with the other columns; structure is not touched."""
    found = scores(with_resources(mixed(column)))
    assert all(found[key] < 0.99 for key in keys)
    assert all(found[key] == 1 for key in ("type_mix", "pattern_mix", "degree", "joint_degree", "components"))


def test_values_left_out_or_made_up_are_seen():
    """A column of nulls, one of other numbers, one of longer names."""
    found = scores(with_resources(lambda frame: frame.with_columns(
        pl.lit(None, dtype=pl.String).alias("sku"), pl.col("cost") * 10, ("a/" + pl.col("name")).alias("name"))))
    assert found["null_rates"] < 1
    assert found["properties"] < 0.95
    assert found["text_lengths"] < 1
    assert found["text_forms"] < 0.9


def test_a_third_of_the_types_gone_is_seen():
    """Types that the base has and the other has not: mix and coverage are lower, validity is not."""
    kept = sorted(set(SAMPLE.nodes[-1].frame["type"].to_list()))[::3]
    renamed = scores(with_resources(lambda frame: frame.with_columns(
        pl.when(pl.col("type").is_in(kept)).then(pl.lit("Other/type")).otherwise("type").alias("type"))))
    assert renamed["type_mix"] < 0.9
    assert renamed["pattern_coverage"] < 0.9
    assert renamed["pattern_recall"] < renamed["pattern_coverage"] + 0.3
    assert renamed["pattern_validity"] < 0.9
