"""The stand-in for an installed Neo4j: what its scripts print and end with is what other tests rest on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import free_port
from tests.distribution import running_distribution

pytestmark = pytest.mark.neo4j


def test_a_home_like_the_distributions(tmp_path):
    """Status, start, stop and version by code and words; a shell that ends at the first error; data where conf says."""
    where = tmp_path / "the data"
    elsewhere = {"server.directories.data": str(where)}
    with running_distribution(tmp_path / "a home", port=free_port(), settings=elsewhere) as made:
        assert [made.run(name, "--version").stdout for name in ("neo4j", "neo4j-admin")] == ["5.26.30\n"] * 2
        status = made.run("neo4j", "status")
        assert (status.returncode, "running at pid" in status.stdout) == (0, True)
        assert made.run("neo4j", "start").returncode == 1
        script = tmp_path / "script.cypher"
        script.write_text("CREATE (:`a;b` {s: 'c;\"d'}); // not; this\nRETURN 1 / 0;\nCREATE (:Never);\n",
                          encoding="utf-8")
        shell = ("-a", made.address.uri, "-u", "neo4j", "-p", made.password, "-d", "neo4j", "--format", "plain")
        failed = made.run("cypher-shell", *shell, "-f", str(script))
        assert (failed.returncode, "by zero" in failed.stderr) == (1, True)
        asked = made.run("cypher-shell", *shell, "MATCH (n) RETURN labels(n) AS l, n.s AS s, true AS t, null AS n;")
        assert asked.stdout == 'l, s, t, n\n["a;b"], "c;\\"d", TRUE, NULL\n'
        assert made.run("neo4j", "stop").stdout == "Stopping Neo4j. stopped.\n"
        status = made.run("neo4j", "status")
        assert (status.returncode, status.stdout) == (3, "Neo4j is not running.\n")
        assert made.run("neo4j", "stop").returncode == 0
        assert (where / "databases" / "neo4j").is_dir()
        assert list(Path(made.home / "data").iterdir()) == []
