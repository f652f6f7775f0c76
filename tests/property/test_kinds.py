"""Graphs of the size of real ones that have nothing to do with Azure: films and a bill of materials grow as exactly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from synthgen.graph import END, Graph
from tests.graphs import stored
from tests.kinds.films import film_database
from tests.kinds.parts import bill_of_materials

KINDS = [film_database, bill_of_materials]


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_what_it_says(kind: Callable[..., Graph]) -> None:
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
