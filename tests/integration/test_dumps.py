"""Dumps into a local server's home and out of it, through the real commands, on both lines of the server."""

from __future__ import annotations

import io
import json
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path

import neo4j
import pyarrow as pa
import pytest
from neo4j.spatial import WGS84Point
from neo4j.time import Date, Duration

from importer.servers.local import LocalServer
from synthgen.database import Address, connect
from tests.conftest import HEAP, empty, free_port
from tests.workshop import Answer, Workshop

pytestmark = pytest.mark.neo4j

OLD = Path(__file__).parents[1] / "dumps" / "neo4j-5.1.0.dump"
NEWER = "2026.09.0"
MATRIX, RELOADED = "tt0133093", "tt0234215"
NODES = [
    (["Film"], {"imdb": MATRIX, "title": "The Matrix", "released": Date(1999, 3, 31), "rating": 8.7}),
    (["Film", "Sequel"], {"imdb": RELOADED, "title": "The Matrix Reloaded", "released": Date(2003, 5, 15),
                          "tags": ["a", "b,c", ""]}),
    (["Person"], {"name": "Carrie-Anne Moss", "active": True, "nothing": []}),
    (["Person"], {"name": "Keanu Reeves", "born": 1964, "home": WGS84Point((-118.24, 34.05)),
                  "seen": "2022-10-13T12:00:00.123456789+02:00[Europe/Berlin]"}),
    ([], {"alone": 2**63 - 1}),
]
RELATIONSHIPS = [
    ("Carrie-Anne Moss", "ACTED_IN", MATRIX, {"role": "Trinity"}),
    ("Carrie-Anne Moss", "ACTED_IN", RELOADED, {"role": "Trinity", "since": Duration(months=14)}),
    ("Keanu Reeves", "ACTED_IN", MATRIX, {"role": "Neo"}),
    ("Keanu Reeves", "ACTED_IN", RELOADED, {"role": "Neo"}),
    (RELOADED, "FOLLOWS", MATRIX, {}),
    (MATRIX, "IS", MATRIX, {}),
]
SCHEMA = {("acted_in", "RANGE"), ("film_imdb", "RANGE"), ("film_title", "TEXT"), ("person_name", "RANGE"),
          ("words", "FULLTEXT"), ("film_imdb", "UNIQUENESS")}
"""What `tests/dumps/films.cypher` plants, by hand."""


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for the homes of this module, whose servers are stopped at the end."""
    folder = tmp_path_factory.mktemp("homes")
    yield folder
    for record in folder.glob("*/server.json"):
        LocalServer(record.parent).stop()


def shop_of(home: Path) -> Workshop:
    """The commands, on a home whose server may not be there yet."""
    return Workshop(home.parent / "out", Address("", "neo4j", "", home=home), None)


def load(home: Path, dump: Path, *further: str) -> Answer:
    """Start the server of a home on a dump."""
    return shop_of(home).run("importer server start --json --heap", HEAP, "--load-dump", str(dump), *further)


def serving(home: Path) -> Address:
    """Where the server of a home is."""
    return Address(LocalServer(home).status().uri, "neo4j", LocalServer(home).password(), home=home)


def is_planted(driver: neo4j.Driver) -> None:
    """Check that the database holds what was planted, value for value, and its schema."""
    def rows(text: str) -> list[list[object]]:
        return [list(row) for row in driver.execute_query(text).records]

    assert rows("MATCH (n) RETURN labels(n), CASE WHEN n.seen IS NULL THEN properties(n) ELSE"
                " n {.*, seen: toString(n.seen)} END ORDER BY labels(n), coalesce(n.imdb, n.name, '~')") == sorted(
                    ([sorted(labels), properties] for labels, properties in NODES), key=lambda row: row[0])
    assert rows("MATCH (a)-[r]->(b) RETURN coalesce(a.imdb, a.name), type(r), b.imdb, properties(r)"
                " ORDER BY type(r), a.name, b.imdb") == [list(row) for row in RELATIONSHIPS]
    assert {tuple(row) for row in rows(
        "SHOW INDEXES YIELD name, type, state WHERE type <> 'LOOKUP' AND state = 'ONLINE' RETURN name, type")
        + rows("SHOW CONSTRAINTS YIELD name RETURN name, 'UNIQUENESS'")} == SCHEMA


def test_a_dump_of_an_older_neo4j(homes):
    """Killed while it is unpacked, nothing of it is there; the same command again serves what was dumped, migrated."""
    home = homes / "five"
    killed = shop_of(home).end_when(f"importer server start --load-dump {OLD}",
                                    lambda: any(home.glob("staging/*/data/databases/neo4j/*")), signal.SIGKILL)
    assert killed.code == -signal.SIGKILL, killed
    assert (LocalServer(home).status().state, (home / "data").exists()) == ("stopped", False)

    answer = load(home, OLD, "--port", str(free_port()))
    assert (answer.code, answer.document["loaded"]) == (0, {"nodes": 5, "relationships": 6}), answer
    assert [path.name for name in ("staging", "load.json", ".admin.*") for path in home.glob(name)] == []
    with connect(serving(home)) as driver:
        is_planted(driver)


def test_nothing_is_overwritten(homes):
    """A home that holds something is refused, and stays as it is; so is the dump of a server that runs."""
    home, target = homes / "five", homes / "new.dump"
    before = LocalServer(home).status()
    refused = load(home, OLD)
    assert (refused.code, refused.error["nodes"], refused.error["kind"]) == (5, 5, "RefusedError")
    assert "another --home" in refused.error["hint"]
    refused = shop_of(home).run("importer server dump --json", str(target))
    assert (refused.code, "importer server stop" in refused.error["hint"]) == (5, True)
    target.write_bytes(b"mine")
    assert shop_of(home).run("importer server dump", str(target)).code == 5
    assert target.read_bytes() == b"mine"
    target.unlink()
    assert LocalServer(home).status() == before
    with connect(serving(home)) as driver:
        is_planted(driver)


def test_dumps_in_the_newer_line_and_not_the_other_way_round(homes):
    """The old dump, and ours where a server runs empty, come back on a later Neo4j; what that dumps is refused here."""
    five, newer = homes / "five", homes / "newer"
    LocalServer(five).stop()
    first, second = homes / "first.dump", homes / "second, newer.dump"
    assert shop_of(five).do("importer server dump", str(first))["bytes"] == first.stat().st_size
    for dump, options in ((OLD, ["--port", str(free_port()), "--neo4j-version", NEWER]), (first, [])):
        assert load(newer, dump, *options).document["loaded"] == {"nodes": 5, "relationships": 6}
        with connect(serving(newer)) as driver:
            is_planted(driver)
            empty(driver, "neo4j")
    LocalServer(newer).stop()
    shop_of(newer).do("importer server dump", str(second))
    refused = load(homes / "none", second)
    assert (refused.code, "--neo4j-version" in refused.error["hint"]) == (5, True), refused
    assert not (homes / "none" / "data").exists()
    assert sorted(path.name for path in homes.iterdir() if path.is_file()) == [first.name, second.name]


def test_a_store_of_the_enterprise_edition(tmp_path):
    """A store in block format is refused in words; where nothing was, no store is."""
    home, dump = tmp_path / "home", tmp_path / "block.dump"
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as files:
        member = tarfile.TarInfo("./block.metadata.db")
        member.size = 8192
        files.addfile(member, io.BytesIO(bytes(member.size)))
    sizes = b"zstd" + (1).to_bytes(4, "big") + (1).to_bytes(8, "big") + (8192).to_bytes(8, "big")
    dump.write_bytes(b"DZV1" + pa.Codec("zstd").compress(sizes + tar.getvalue(), asbytes=True))
    refused = load(home, dump)
    assert (refused.code, refused.error["kind"]) == (5, "RefusedError"), refused
    assert "Community cannot read" in refused.error["message"]
    assert "aligned" in refused.error["hint"]
    assert not (home / "data").exists()


@pytest.mark.parametrize(("options", "code", "said"), [
    (["--port", "0"], 2, "0 is not a port"), (["--neo4j-version", "4.4.0"], 2, "too old"),
    (["--load-dump", "absent.dump"], 2, "absent.dump"), ([], 1, "is damaged"),
])
def test_what_is_wrong_is_said_before_a_home_is_made(tmp_path, options, code, said):
    """A damaged file, or another option that cannot be: no home, no file is made."""
    dump, home = tmp_path / "cut.dump", tmp_path / "home"
    dump.write_bytes(OLD.read_bytes()[:-100])
    answer = load(home, dump, *options)
    assert (answer.code, said in json.dumps(answer.error), bool(answer.error["hint"])) == (code, True, True), answer
    assert list(tmp_path.iterdir()) == [dump]
