"""A rollback with a hub that a third of all relationships end on, on a server with little memory for transactions."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.workshop import LONGEST_SECONDS, ROOT

pytestmark = pytest.mark.neo4j

NODES, RELATIONSHIPS = 100_000, 300_000


def test_a_hub_of_a_hundred_thousand_is_rolled_back_in_little_memory():
    """64 MiB for all transactions: all is deleted, and our own process stays small."""
    said = subprocess.run(
        [sys.executable, "-m", "benchmarks", "hub", "--nodes", str(NODES), "--relationships", str(RELATIONSHIPS),
         "--memory", "64m", "--heap", "512m", "--json"],
        check=True, stdout=subprocess.PIPE, text=True, timeout=LONGEST_SECONDS,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'scripts'}{os.pathsep}{ROOT}"}).stdout
    [figure] = json.loads(said)["figures"]
    figures = figure["facts"]
    assert (figures["nodes"], figures["relationships"], figures["left"]) == (NODES, RELATIONSHIPS, 0)
    assert figures["peak_memory_mb"] < 400
