"""Indexes and constraints of every kind that Community has: as they were after a restore, or refused beforehand.

The tests of this file follow each other: each server's graph is planted once, and those that follow use its snapshot.
"""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import asdict, replace
from typing import Any

import neo4j
import pytest
from neo4j.exceptions import ConstraintError

from importer.execute import Run
from importer.limits import LIMITS
from importer.schema import begin_schema
from importer.schema_choice import choose_schema
from importer.stages import CheckEmpty, CheckUnchanged
from synthgen.errors import LoadFailedError, RefusedError
from synthgen.graph import LOOKUPS, SchemaItem
from synthgen.snapshot.export import digest_database
from synthgen.snapshot.read import open_snapshot
from synthgen.snapshot.schema import read_schema
from tests.conftest import empty
from tests.planting import create_schema
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j

ODD = "`od``d \\u005Cu0060 \"'`"
SCHEMA = [
    "CREATE INDEX FOR (n:Thing) ON (n.k)",
    f"CREATE INDEX {ODD} FOR (n:{ODD}) ON (n.{ODD}, n.`имя`)",
    "CREATE INDEX `索引` FOR ()-[r:`связь`]-() ON (r.`имя`)",
    "CREATE TEXT INDEX text_old FOR (n:Thing) ON (n.text) OPTIONS {indexProvider: 'text-1.0'}",
    "CREATE TEXT INDEX text_new FOR ()-[r:TIE]-() ON (r.text)",
    ("CREATE POINT INDEX point_small FOR (n:Thing) ON (n.place) OPTIONS {indexConfig: {"
     "`spatial.cartesian.min`: [-10.5, -10.0], `spatial.cartesian.max`: [10.0, 1e3]}}"),
    "CREATE POINT INDEX point_plain FOR ()-[r:TIE]-() ON (r.place)",
    ("CREATE FULLTEXT INDEX words FOR (n:Thing|`a``b`|Zulu) ON EACH [n.text, n.`имя`] OPTIONS {indexConfig: {"
     "`fulltext.analyzer`: 'english', `fulltext.eventually_consistent`: true}}"),
    "CREATE FULLTEXT INDEX words_of_ties FOR ()-[r:TIE|`связь`]-() ON EACH [r.text]",
    "CREATE VECTOR INDEX vector_plain FOR (n:Thing) ON (n.vector)",
    ("CREATE VECTOR INDEX vector_exact FOR ()-[r:TIE]-() ON (r.vector) OPTIONS {indexConfig: {`vector.dimensions`: 3,"
     " `vector.similarity_function`: 'euclidean', `vector.quantization.enabled`: false, `vector.hnsw.m`: 8,"
     " `vector.hnsw.ef_construction`: 50}}"),
    "CREATE CONSTRAINT once FOR (n:Thing) REQUIRE n.id IS UNIQUE",
    f"CREATE CONSTRAINT twice FOR (n:{ODD}) REQUIRE (n.a, n.b) IS UNIQUE",
    "CREATE CONSTRAINT ties_once FOR ()-[r:TIE]-() REQUIRE (r.id, r.`имя`) IS UNIQUE",
]
OF_2026 = [
    ("CREATE VECTOR INDEX vector_scalar FOR (n:Thing) ON (n.w) OPTIONS {indexConfig: {`vector.dimensions`: 3,"
     " `vector.quantization.type`: 'SCALAR', `vector.default_search_expansion_factor`: 2.5}}"),
    ("CYPHER 25 CREATE VECTOR INDEX vector_wide FOR (n:Thing|Zulu) ON (n.u) WITH [n.k, n.text]"
     " OPTIONS {indexConfig: {`vector.dimensions`: 3}}"),
]
ENTERPRISE = [
    {"kind": "constraint", "type": "NODE_PROPERTY_EXISTENCE", "name": "must be", "properties": ["k"],
     "statement": "CREATE CONSTRAINT `must be` FOR (n:`Thing`) REQUIRE (n.`k`) IS NOT NULL"},
    {"kind": "constraint", "type": "NODE_PROPERTY_TYPE", "name": "typed", "properties": ["k"],
     "property_type": "INTEGER", "statement": "CREATE CONSTRAINT typed FOR (n:Thing) REQUIRE n.k IS :: INTEGER"},
    {"kind": "constraint", "type": "NODE_KEY", "name": "key", "properties": ["key"],
     "statement": "CREATE CONSTRAINT `key` FOR (n:`Thing`) REQUIRE (n.`key`) IS NODE KEY"},
    {"kind": "constraint", "type": "NODE_LABEL_EXISTENCE", "name": "graph type", "properties": [], "statement": ""},
    {"kind": "index", "type": "QUANTUM", "name": "of the future", "properties": ["k"],
     "statement": "CREATE QUANTUM INDEX `of the future` FOR (n:`Thing`) ON (n.`k`)"},
    {"kind": "index", "type": "FULLTEXT", "name": "klingon", "properties": ["k"],
     "options": {"fulltext.analyzer": "klingon"},
     "statement": "CREATE FULLTEXT INDEX `klingon` FOR (n:`Thing`) ON EACH [n.`k`] OPTIONS"
                  " {indexConfig: {`fulltext.analyzer`: 'klingon'}}"},
    {"kind": "index", "type": "RANGE", "name": "broken", "properties": ["long"], "failure": "Value too large",
     "statement": "CREATE RANGE INDEX `broken` FOR (n:`Thing`) ON (n.`long`)"},
]


def plant(shop: Workshop, statements: list[str]) -> None:
    """Make a small graph and its schema, with one lookup index under a name of its own and the other one gone."""
    empty(shop.driver, shop.address.database)
    shop.query("CREATE (a:Thing {id: 1, k: 1, text: 'a b'}), (b:Thing:Zulu {id: 2, empty: []}),"
               f" (a)-[:TIE {{id: 1, `имя`: 'x'}}]->(b), (:{ODD} {{a: 1, b: 2, {ODD}: 'y'}})")
    for name in shop.query("SHOW LOOKUP INDEXES YIELD name"):
        shop.query(f"DROP INDEX `{name[0]}`")
    for statement in (*statements, "CREATE LOOKUP INDEX `mein look``up` FOR (n) ON EACH labels(n)"):
        shop.query(statement if statement.startswith("CYPHER") else f"CYPHER 5 {statement}")
    shop.query("CALL db.awaitIndexes(60)")


def schema(shop: Workshop) -> list[tuple[Any, ...]]:
    """Give every index and constraint with all that a user can see of it; labels in order of their names."""
    [[version]] = shop.query("CALL dbms.components() YIELD versions, edition WHERE edition > '' RETURN versions[0]")
    dialect = "" if version.startswith("5.") else "CYPHER 25 "
    rows = [row for query in (
        ("SHOW INDEXES YIELD name, type, entityType, labelsOrTypes, properties, owningConstraint, options, state,"
        " createStatement RETURN *"),
        ("SHOW CONSTRAINTS YIELD name, type, entityType, labelsOrTypes, properties, ownedIndex, propertyType,"
        " createStatement RETURN *"),
    ) for row in shop.query(dialect + query)]
    return sorted(tuple(repr(sorted(value) if isinstance(value, list) else value) for value in row) for row in rows)


def there_and_back(shop: Workshop, statements: list[str]) -> None:
    """Export, empty the database, restore: every index and constraint is as it was, in use, and in force.

    What an import cannot carry is what docs/offline.md says, too.
    """
    empty(shop.driver, shop.address.database)
    shop.query("CREATE ({gone: 1})")
    plant(shop, statements)
    before, seen = schema(shop), look_around(shop)
    assert len(before) == len(statements) + 3 + 1
    assert [row for row in before if "ONLINE" not in str(row) and "UNIQUENESS" not in str(row)] == []
    shop.do("synthgen export --replace")
    empty(shop.driver, shop.address.database)
    done = shop.do("importer restore", str(shop.out / "base"))
    assert schema(shop) == before
    assert done["left_out_schema"] == []
    for twin in ("CREATE (:Thing {id: 1})", f"CREATE (:{ODD} {{a: 1, b: 2}})",
                 "MATCH (a:Thing {id: 1}), (b:Zulu) CREATE (a)-[:TIE {id: 1, `имя`: 'x'}]->(b)"):
        with pytest.raises(ConstraintError):
            shop.query(twin)
    found = look_around(shop)
    # A server writes them down some time after an index was made.
    assert not {*map(tuple, seen.pop("statistics"))} & {*map(tuple, found.pop("statistics"))}
    assert {name for name in seen if found[name] != seen[name]} == {"database id", "names"}
    assert "gone" in seen["names"] - found["names"]
    assert [name for name in found["names"] - seen["names"] if not name.startswith("__synthgen_")] == []


def look_around(shop: Workshop) -> dict[str, Any]:
    """Give what is beside the content: what stays, and what an import makes anew."""
    with shop.driver.session(database="system") as session:
        session.run("CREATE USER bob IF NOT EXISTS SET PASSWORD 'secret-of-bob' CHANGE NOT REQUIRED").consume()
        users = session.run("SHOW USERS").value("user")
        databases = [[row.get("name"), row.get("defaultLanguage"), row["databaseID"] if row["name"] == "system" else ""]
                     for row in session.run("SHOW DATABASES YIELD *")]
    with neo4j.GraphDatabase.driver(shop.address.uri, auth=("bob", "secret-of-bob")) as bob:
        bob.verify_connectivity()
    names = shop.query("CALL db.propertyKeys() YIELD propertyKey AS name RETURN name")
    return {
        "users": sorted(users), "databases": databases,
        "settings": shop.query("SHOW SETTINGS YIELD name, value, isExplicitlySet AS own WHERE own RETURN name, value"),
        "database id": shop.one("CALL db.info() YIELD id RETURN id"),
        "names": {name for name, in names},
        "statistics": shop.query("SHOW INDEXES YIELD trackedSince AS since, name WHERE since IS NOT NULL RETURN *"),
    }


def test_every_kind_comes_back(workshop):
    """5.26: all kinds of index and constraint, with their names and options, also where lookup indexes are gone."""
    there_and_back(workshop, SCHEMA)


def test_every_kind_of_the_newer_line_comes_back(newer_workshop):
    """2026: the same in a database of another language, with quantization, and an index that only Cypher 25 knows."""
    with newer_workshop.driver.session(database="system") as session:
        session.run("ALTER DATABASE neo4j SET DEFAULT LANGUAGE CYPHER 25").consume()
        try:
            there_and_back(newer_workshop, [*SCHEMA, *OF_2026])
        finally:
            session.run("ALTER DATABASE neo4j SET DEFAULT LANGUAGE CYPHER 5").consume()


def test_what_a_server_cannot_create_is_refused(newer_workshop, workshop):
    """2026 onto 5.26, with constraints of Enterprise and kinds of the future: all are named, and nothing is touched.

    What they offer as the way out is one: without these items the snapshot is restored, and that is said.
    """
    empty(newer_workshop.driver, newer_workshop.address.database)
    plant(newer_workshop, [*SCHEMA, *OF_2026])
    newer_workshop.do("synthgen export --replace")
    folder = newer_workshop.out / "edited"
    shutil.copytree(newer_workshop.out / "base", folder)
    document = json.loads((folder / "snapshot.json").read_text(encoding="utf-8"))
    document["schema"] += [{"labels": ["Thing"], **item} for item in ENTERPRISE]
    (folder / "snapshot.json").write_text(json.dumps(document), encoding="utf-8")
    unfit = {item["name"] for item in ENTERPRISE} | {"vector_plain", "vector_scalar", "vector_wide"}
    empty(workshop.driver, workshop.address.database)
    before = workshop.files(), schema(workshop)

    refused = workshop.run("importer restore --json", str(folder))
    assert (refused.code, refused.error["kind"]) == (5, "RefusedError"), refused
    reasons = {item["name"]: item["reason"] for item in refused.error["schema"]}
    assert set(reasons) == unfit
    for name, said in {"must be": "Enterprise", "typed": "Enterprise", "key": "Enterprise", "graph type": "graph type",
                       "of the future": "Invalid input", "klingon": "analyzer 'klingon'", "broken": "too large",
                       "vector_plain": "`vector.quantization.type` ('BINARY')", "vector_wide": "Cypher 25"}.items():
        assert said in reasons[name], name
        assert f"`{name}`" in refused.error["message"]
    assert (workshop.files(), schema(workshop)) == before

    options = refused.error["hint"].partition(": ")[2]
    planned = workshop.do("importer restore --dry-run", str(folder), *shlex.split(options))
    assert any("leave out" in line and "klingon" in line for line in planned["stages"])
    assert planned["not_carried"] == [asdict(limit) for limit in LIMITS]
    done = workshop.do("importer restore", str(folder), *shlex.split(options))
    assert set(done["left_out_schema"]) == unfit
    kept = {item.name: item for item in read_schema(workshop.driver, workshop.address)}
    assert set(kept) == {item["name"] for item in document["schema"]} - unfit
    assert kept["vector_exact"].options["vector.quantization.enabled"] is False
    assert kept["vector_exact"].options["vector.hnsw.m"] == 8


def test_a_snapshot_of_the_older_line_is_restored_on_the_newer(newer_workshop, workshop):
    """5.26 onto 2026: everything that 5.26 can have is there, vector indexes in the newer server's own words."""
    empty(newer_workshop.driver, newer_workshop.address.database)
    newer_workshop.do("importer restore", str(workshop.out / "base"))
    found = {item.name: item for item in read_schema(newer_workshop.driver, newer_workshop.address)}
    assert set(found) == {item.name for item in open_snapshot(workshop.out / "base").schema}
    assert [found[name].options["vector.quantization.type"] for name in ("vector_exact", "vector_plain")] == [
        "NONE", "BINARY"]


def test_a_name_that_is_not_there_cannot_be_left_out(workshop):
    """A misspelt name is a wrong call, and the right ones are listed; online loads do not touch the schema at all."""
    wrong = workshop.run("importer restore --json --leave-out-schema onec", str(workshop.out / "base"))
    assert (wrong.code, "'onec'" in wrong.error["message"], "once" in wrong.error["hint"]) == (2, True, True)


def test_an_index_that_cannot_be_filled_is_named(database):
    """A text that is too long for its index, a value that is there twice: the item, the reason and the way out."""
    driver, address = database
    with driver.session(database=address.database) as session:
        session.run("CREATE (:Big {long: $long, twice: 1}), (:Big {twice: 1})", long="x" * 20_000).consume()
    for item, said in (
        (SchemaItem("index", "RANGE", "too big", "CREATE INDEX `too big` FOR (n:Big) ON (n.long)"), "FAILED"),
        (SchemaItem("constraint", "NODE_PROPERTY_UNIQUENESS", "only once",
                    "CREATE CONSTRAINT `only once` FOR (n:Big) REQUIRE n.twice IS UNIQUE"), "twice"),
    ):
        with pytest.raises(LoadFailedError, match=f"`{item.name}`.*{said}") as caught:
            create_schema(driver, address, choose_schema([item, *LOOKUPS]))
        assert caught.value.hint.endswith(f"--leave-out-schema '{item.name}'")
    assert {item.name: bool(item.failure) for item in read_schema(driver, address) if item.type != "LOOKUP"} == {
        "too big": True}


def test_what_a_server_refuses_beside_a_schema_is_left_out_alone(database):
    """Indexes of ours that cannot be created are no trouble of the base's, which has its own all the same."""
    driver, address = database
    mine = SchemaItem("index", "RANGE", "mine", "CREATE INDEX mine FOR (n:Mine) ON (n.id)")
    good = "CREATE RANGE INDEX __synthgen_good FOR (n:Mine) ON (n.type)"
    assert not begin_schema(driver, address, choose_schema([mine, *LOOKUPS]), [good, f"{good} AND MORE"])
    assert [item.name for item in read_schema(driver, address) if item.type != "LOOKUP"] == ["mine"]
    broken = SchemaItem("index", "RANGE", "broken", "CREATE INDEX broken FOR")
    with pytest.raises(LoadFailedError, match="`broken`"):
        begin_schema(driver, address, choose_schema([broken, *LOOKUPS]), [good])


def test_a_schema_that_would_be_lost_is_refused(database):
    """An index made since the snapshot, or on an empty database: the stages that only look refuse, and name it."""
    driver, address = database
    mine = choose_schema(LOOKUPS)
    unchanged = CheckUnchanged(digest_database(driver, address).digest, (), allow_changed=False, schema=mine)
    Run(address).run([CheckEmpty(mine), unchanged])
    with driver.session(database=address.database) as session:
        session.run("CREATE INDEX precious FOR (n:A) ON (n.k)").consume()
    for stage in (CheckEmpty(mine), unchanged):
        with pytest.raises(RefusedError, match="`precious`"):
            Run(address).run([stage])
    Run(address).run([replace(unchanged, allow_changed=True)])
    snapshot = read_schema(driver, address)
    with driver.session(database=address.database) as session:
        session.run("DROP INDEX precious").consume()
    with pytest.raises(RefusedError, match=r"`precious` .* is missing"):
        Run(address).run([replace(unchanged, schema=choose_schema(snapshot))])
    Run(address).run([CheckEmpty(choose_schema(snapshot)),
                      replace(unchanged, schema=choose_schema(snapshot, ["precious"]))])
