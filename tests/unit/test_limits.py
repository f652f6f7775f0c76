"""What an import cannot carry is one table: in the code, in the docs, and in what a dry run says."""

from __future__ import annotations

from pathlib import Path

from importer.building import build_restore
from importer.explain import find_limits
from importer.limits import LIMITS
from importer.servers.versions import Product
from importer.stages import DropOldStore, SwapStore
from synthgen.graph import Graph
from synthgen.snapshot.write import write_snapshot

PAGE = Path(__file__).parents[2] / "docs" / "offline.md"


def test_the_docs_show_the_table_of_the_code():
    """Row by row, in the same words and order."""
    section = PAGE.read_text(encoding="utf-8").partition("## What does not come back\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    assert rows[2:] == [f"| {limit.what} | {limit.becomes} | {limit.way_out} |" for limit in LIMITS]
    assert len(rows) > 10


def test_what_imports_says_what_it_cannot_carry(tmp_path):
    """A restore tells the whole table; stages that import nothing tell nothing."""
    snapshot = write_snapshot(Graph([], []), tmp_path / "base", created_at="2026-01-01T00:00:00+00:00", source={},
                              profile="auto")
    assert find_limits(build_restore(snapshot, Product("5.26.30"), heap="1g")) == LIMITS
    assert find_limits([SwapStore(), DropOldStore()]) == ()
