"""Scripts that are run for real, on a home laid out like the distribution's: what they load, refuse and put back.

The tests of this file follow each other on one server: a base is restored by script, then an operation loaded.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import neo4j
import polars as pl
import pytest

from importer.scripts.quoting import in_ascii, literal
from synthgen.database import quote
from synthgen.graph import END, START, Graph, SchemaItem
from synthgen.snapshot.write import write_snapshot
from tests.conftest import free_port
from tests.distribution import Distribution, running_distribution
from tests.graphs import Draft
from tests.tiny import tiny_graph
from tests.unit.test_script_quoting import NASTY
from tests.workshop import Answer, Workshop

pytestmark = pytest.mark.neo4j

ODD = "o'ne \"zwei\" $x `y` \\ имя 😀"
ODD_FOLDER = "o'ne, \"zwei\" $x `y` \\ имя 😀"
DAMAGED, WHOLE = "damaged", "whole"


def odd_graph() -> Graph:
    """The tiny tenant, and resources whose names have everything in them, also what a script marks its folder with."""
    tiny, draft = tiny_graph(), Draft()
    types = {ODD: "STRING", "none": "LIST<STRING>"}
    labels, same = ["Resource", ODD, "@folder@"], {"type": "Odd/thing", "none": []}
    nodes = [draft.add(labels, {"id": f"odd-{value}", ODD: value, **same}, types) for value in NASTY]
    for number, node in enumerate(nodes[1:]):
        draft.tie(nodes[number], ODD, node, {"note": "c", "zones": []})
    odd, first = draft.graph(), sum(table.frame.height for table in tiny.nodes)
    moved = [replace(table, frame=table.frame.with_columns(pl.col(START, END) + first)) for table in odd.relationships]
    name = quote(ODD)
    index = SchemaItem("index", "RANGE", ODD, f"CREATE RANGE INDEX {name} FOR (n:{name}) ON (n.{name})", labels=(ODD,),
                       properties=(ODD,))
    by_label = SchemaItem("index", "LOOKUP", "by label", "CREATE LOOKUP INDEX `by label` FOR (n) ON EACH labels(n)")
    kept = [item for item in tiny.schema if item.type != "LOOKUP"]
    return Graph([*tiny.nodes, *odd.nodes], [*tiny.relationships, *moved], [*kept, index, by_label])


@dataclass(frozen=True)
class Place:
    """A server that a database administrator looks after, and the workshop of somebody who reaches it."""

    made: Distribution
    workshop: Workshop

    def script(self, folder: Path) -> Answer:
        """Run a folder's script as that administrator does."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("NEO4J_", "HEAP_SIZE"))}
        done = subprocess.run([str(folder / "load.sh")], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, env={
                                  **kept, "NEO4J_HOME": str(self.made.home), "NEO4J_PASSWORD": self.made.password,
                                  "HEAP_SIZE": "512m"})
        return Answer(done.returncode, done.stdout, done.stderr)

    def emit(self, text: str, folder: Path | None = None) -> Path:
        """Run a command that writes a script, and give the script's folder."""
        named = () if folder is None else ("--script-folder", str(folder))
        return Path(self.workshop.do(text, "--emit-script", "sh", *named)["script"]).parent


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A running server, and a snapshot of the odd graph in the out folder, which no database holds yet."""
    folder = tmp_path_factory.mktemp("scripts")
    write_snapshot(odd_graph(), folder / "out" / "base", created_at="2026-01-01T00:00:00+00:00", source={},
                   profile="azure")
    with running_distribution(folder / "home", port=free_port()) as made:
        address = made.address
        with neo4j.GraphDatabase.driver(address.uri, auth=(address.user, address.password), liveness_check_timeout=0.5,
                                        notifications_min_severity="OFF") as driver:
            yield Place(made, Workshop(folder / "out", address, driver, {
                "NEO4J_URI": address.uri, "NEO4J_USER": address.user, "NEO4J_PASSWORD": address.password}))


@pytest.fixture(scope="module")
def restored(place: Place) -> str:
    """The base, restored by a script whose folder was moved; its digest."""
    shutil.move(place.emit(f"importer restore {place.workshop.out / 'base'}"), place.workshop.out / ODD_FOLDER)
    ran = place.script(place.workshop.out / ODD_FOLDER)
    assert ran.code == 0, ran
    return place.workshop.do(f"importer digest {place.workshop.out / 'base'}")["digest"]


@pytest.fixture(scope="module")
def operation(place: Place, restored: str) -> str:
    """An operation on that base."""
    return place.workshop.do("synthgen generate --strategy template --scale-factor 2")["operation_id"]


def test_texts_arrive_in_cypher_as_they_are(place):
    """What stands in ASCII in a Cypher file is read as what it was, in texts and in names."""
    assert place.workshop.one(f"RETURN [{', '.join(map(literal, NASTY))}]") == NASTY
    assert place.workshop.one(in_ascii(f"WITH {{{quote(ODD)}: 1}} AS map RETURN keys(map)")) == [ODD]


def test_a_base_is_restored_by_a_script(place, restored):
    """From a folder that was moved, whose path has everything in it, with its schema and its empty arrays."""
    assert place.workshop.digest() == restored
    assert ("index", "RANGE", ODD, (ODD,)) in place.workshop.schema()
    assert lookups(place) == ["by label"]


def lookups(place: Place) -> list[str]:
    """Name the lookup indexes: one of its own name, and none for relationships."""
    return place.workshop.one("SHOW INDEXES YIELD name, type WHERE type = 'LOOKUP' RETURN collect(name)")


def test_a_load_that_fails_puts_the_old_database_back(place, restored, operation):
    """A part that cannot be imported: found by its checksum before the server is touched; without that, undone."""
    folder = place.emit(f"importer load {operation} --mode offline", place.workshop.out / DAMAGED)
    part = next((folder / "operations" / operation).glob("relationships-*.part-*.csv"))
    before = hashlib.sha256(part.read_bytes()).hexdigest()
    text = part.read_text(encoding="utf-8")
    part.unlink()  # it may be the bundle's own file by another name
    part.write_text(text + "999999,999999\n", encoding="utf-8")
    refused = place.script(folder)
    assert (refused.code, "stopping" in refused.stdout, "are damaged" in refused.stderr) == (5, False, True)

    checksums = folder / "checksums"
    after = hashlib.sha256(part.read_bytes()).hexdigest()
    checksums.write_text(checksums.read_text(encoding="ascii").replace(before, after), encoding="ascii")
    failed = place.script(folder)
    assert (failed.code, "999999" in failed.stdout + failed.stderr) == (1, True), failed
    assert "as it was before" in failed.stdout
    assert place.workshop.digest() == restored
    assert not (folder / "way-back").exists()


def test_an_operation_is_loaded_by_a_script(place, restored, operation):
    """Afterwards it is as if it had been loaded by the command: listed, valid, removable, with the base untouched."""
    workshop = place.workshop
    folder = place.emit(f"importer load {operation} --mode offline")
    assert folder == workshop.out / "scripts" / operation
    assert workshop.do("importer list")["operations"][0]["state"] == "scripted"
    workshop.query("CREATE (:Resource {id: 'extra'})")
    changed = place.script(folder)
    assert (changed.code, "Resource" in changed.stderr, "stopping" in changed.stdout) == (5, True, False)
    workshop.query("MATCH (n:Resource {id: 'extra'}) DELETE n")

    assert place.script(folder).code == 0
    [listed] = workshop.do("importer list")["operations"]
    assert (listed["state"], listed["nodes_in_database"]) == ("loaded", listed["nodes"])
    assert workshop.do("importer validate")["passed"]
    assert workshop.events(operation) == ["generated", "script_emitted", "script_emitted", "loaded", "validated"]
    assert workshop.do("importer digest --base-only")["digest"] == restored
    assert ("index", "RANGE", ODD, (ODD,)) in workshop.schema()
    assert lookups(place) == ["by label"]
    again = place.script(folder)
    assert (again.code, "already; nothing was done" in again.stdout) == (0, True)
    workshop.do(f"importer rollback {operation}")
    assert (workshop.digest(), workshop.traces()) == (restored, 0)
