"""Versions on real servers and real admin tools."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from importer.planning import plan_load, plan_restore
from importer.preflight import find_product
from importer.servers.admin import AdminTool
from importer.servers.local_target import find_local_target
from importer.servers.runtime import resolve
from importer.servers.settings import DEFAULT_VERSION
from importer.servers.versions import Product, import_options
from synthgen import database as server_side
from synthgen.errors import RefusedError
from synthgen.graph import Graph
from synthgen.snapshot.export import export_snapshot
from synthgen.snapshot.write import write_snapshot
from tests.bundles import NodeRows, write_bundle

pytestmark = pytest.mark.neo4j


@pytest.mark.parametrize("version", [DEFAULT_VERSION, "2026.09.0"])
def test_each_option_is_one_that_the_tool_of_its_line_knows(tmp_path, version):
    """The admin tool's own help lists every option that an import of its version is told, block format included."""
    said = AdminTool(resolve(version), tmp_path, heap="64m").run(["database", "import", "full", "--help"])
    known = set(re.findall(r"--[a-z-]+", said))
    told = import_options(Product(version, "enterprise", "block-block-1.1"))
    assert {option.split("=")[0] for option in told} <= known
    assert ("--path-pattern-style" in known) == ("--path-pattern-style=none" in told)


def test_a_server_says_what_it_is(database):
    """Version, edition and store format come from the server."""
    assert find_product(*database) == Product(DEFAULT_VERSION, "community", "record-aligned-1.1")


def test_a_server_that_is_too_old_is_refused_before_anything_is_touched(database, tmp_path, monkeypatch):
    """Export, offline and online loads and restores: exit code 5, the version and the way out, nothing written."""
    _, address = database
    target = find_local_target(address)
    snapshot = write_snapshot(Graph([], []), tmp_path / "base", created_at="2026-01-01T00:00:00+00:00", source={},
                              profile="auto")
    bundle = write_bundle(tmp_path, [NodeRows(["A"], {}, [()])], [])
    monkeypatch.setattr(server_side, "OLDEST_SERVER", (5, 27))
    for attempt in (
        lambda: export_snapshot(address, tmp_path / "exported", now=datetime(2026, 1, 1, tzinfo=UTC)),
        lambda: plan_load(bundle, address, mode="offline", base=snapshot.path, target=target),
        lambda: plan_load(bundle, address, mode="online", base=snapshot.path),
        lambda: plan_restore(snapshot, address, target),
    ):
        with pytest.raises(RefusedError, match=r"is Neo4j/5\.26\.30, older than 5\.27") as refused:
            attempt()
        assert "upgrade it" in refused.value.hint
    assert not (tmp_path / "exported").exists()
    assert [entry["event"] for entry in bundle.manifest.history] == ["generated"]
