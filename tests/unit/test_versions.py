"""The table of server lines and editions: what an import is told, and what a user is told, of each."""

from __future__ import annotations

import pytest

from importer.explain import explain
from importer.servers.versions import DIFFERENCES, ENTERPRISE, LINES, Product, import_options, note_newer, notes
from importer.stages import CheckServer
from synthgen.database import OLDEST_SERVER, read_version

ENTERPRISE_BLOCK = Product("2026.09.0", ENTERPRISE, "block-block-1.1")


@pytest.mark.parametrize(("version", "line", "literal"), [
    ("5.26.30", "5.26 LTS", False),
    ("5.27-aura", "5.26 LTS", False),
    ("2025.01.0", "2025.x", False),
    ("2025.12.1", "2025.x", False),
    ("2026.01.0", "2026.x", True),
    ("2026.09.0", "2026.x", True),
    ("2027.03.0", "2026.x", True),
])
def test_each_version_is_told_what_its_line_wants(version, line, literal):
    """File names are said to be literal where an import can be told; bad rows are never passed over, on any line."""
    product = Product(version)
    options = import_options(product)
    assert product.line.name == line
    assert ("--path-pattern-style=none" in options) is literal
    assert {"--bad-tolerance=0", "--skip-bad-relationships=false", "--delimiter=,"} <= set(options)
    assert not [option for option in options if option.startswith(("--format", "--schema"))]


def test_a_block_store_stays_one():
    """A store of Enterprise's block format is made anew in it; any other, and any of Community, in the default one."""
    assert "--format=block" in import_options(ENTERPRISE_BLOCK)
    for other in (Product("2026.09.0", ENTERPRISE, "record-aligned-1.1"), Product("2026.09.0", "community", "block")):
        assert "--format=block" not in import_options(other)


def test_what_enterprise_has_is_named_with_a_reason():
    """Incremental import and --schema are recognised; a dry run says why neither is used, and that block is kept."""
    [line] = explain([CheckServer(ENTERPRISE_BLOCK)])
    for words in ("incremental import: not used: a full import", "--schema): not used: the schema is created online",
                  "store format block: kept", "Neo4j 2026.09.0 enterprise (2026.x"):
        assert words in line
    assert notes(Product("5.26.30")) == []
    assert all(one.use for one in DIFFERENCES)


def test_a_newer_server_gets_a_note():
    """It is not refused: it is said that nobody has tried it."""
    assert note_newer(Product("2026.09.3")) is None
    assert "2026.10.0 is newer than 2026.09" in str(note_newer(Product("2026.10.0")))
    assert "newer" in explain([CheckServer(Product("2027.01.0"))])[0]


def test_the_table_is_in_order():
    """Lines follow each other, and the first one is the oldest server there may be."""
    assert [line.since for line in LINES] == sorted(line.since for line in LINES)
    assert LINES[0].since == OLDEST_SERVER


@pytest.mark.parametrize(("said", "version"), [
    ("Neo4j/5.26.30", (5, 26)), ("Neo4j/2026.09.0", (2026, 9)), ("Neo4j/5.27-aura", (5, 27)), ("Neo4j/dev", None)])
def test_a_server_says_its_version(said, version):
    """As the driver passes it on."""
    assert read_version(said) == version
