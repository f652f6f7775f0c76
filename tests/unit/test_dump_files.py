"""Which files are dumps, and whole: told before anything is unpacked."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from importer.dump_files import check_dump
from synthgen.errors import ServerError, UsageError

DUMP = Path(__file__).parents[1] / "dumps" / "neo4j-5.1.0.dump"
WHOLE = DUMP.read_bytes()


def test_a_dump_is_known_by_its_content(tmp_path):
    """Whatever its name, with Neo4j's mark or without, as those from before 5.0; its store's size is what is told."""
    size = check_dump(DUMP)
    assert 1_100_000 < size < 1_200_000
    for content, due in ((WHOLE, size), (WHOLE[4:], size), (b"DGV1" + gzip.compress(b"x" * 5000), 5000),
                         (gzip.compress(b"x" * 5000), 5000)):
        file = tmp_path / "my graph, of May"
        file.write_bytes(content)
        assert check_dump(file) == due


@pytest.mark.parametrize("content", [
    WHOLE[:4], WHOLE[:5000], WHOLE[:-1], WHOLE[:5000] + bytes([WHOLE[5000] ^ 1]) + WHOLE[5001:], WHOLE + b"\n",
    b"DZV1 and then something else",
], ids=["empty", "cut", "cut by a byte", "changed by a bit", "longer", "garbage"])
def test_a_damaged_dump_is_said_to_be_so(tmp_path, content):
    """Exit code 1 and the file's name."""
    file = tmp_path / "neo4j.dump"
    file.write_bytes(content)
    with pytest.raises(ServerError, match="is damaged") as caught:
        check_dump(file)
    assert str(file) in caught.value.message
    assert "copy or make the dump again" in caught.value.hint


@pytest.mark.parametrize(("content", "said"), [
    (b"", "not a dump"), (b"id,name\n1,x\n", "not a dump"), (b"BZV2 and more", "a backup of Neo4j Enterprise"),
    (None, "cannot be read"),
])
def test_what_is_no_dump_is_said_to_be_none(tmp_path, content, said):
    """An empty file, another format, a backup, or none at all: usage, with what to name instead."""
    file = tmp_path / "neo4j.dump"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=said) as caught:
        check_dump(file)
    assert "neo4j-admin database dump" in caught.value.hint
