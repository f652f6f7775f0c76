"""Servers with little memory for transactions: batches are cut, and what cannot be cut is named and undone."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace

import pytest

from importer.online import OnlineOptions
from importer.scaling.settings import Scaling
from synthgen.bundle.manifest import write_manifest
from synthgen.bundle.read import Bundle
from synthgen.errors import LoadFailedError
from synthgen.events import Event, Retry, Stream
from synthgen.files import file_digest
from tests.faults.breakable import Breakable, breakable, small

pytestmark = pytest.mark.neo4j

LARGE = OnlineOptions(Scaling.within((5_000, 10_000), (5, 5)))


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Breakable]:
    """A server with 4 MiB for a transaction and 10 MiB, the least there is, for all of them."""
    with breakable(tmp_path_factory.mktemp("narrow"), tmp_path_factory.mktemp("neo4j"),
                   db__memory__transaction__max="4m", dbms__memory__transaction__total__max="10m") as opened:
        yield opened


def test_batches_are_cut_until_they_fit(narrow):
    """Writers that ask for far more than there is: the load ends as one in small batches does, and is rolled back."""
    operation_id = narrow.bundle(20_000).manifest.operation_id
    narrow.load(operation_id, small())
    loaded = narrow.digest()
    narrow.rollback(operation_id)
    troubles = set()

    def listen(event: Event) -> None:
        if isinstance(event, Retry):
            troubles.add(event.trouble)

    narrow.load(operation_id, LARGE, Stream(listen))
    assert "too large" in troubles
    assert (narrow.digest(), narrow.traces()) == (loaded, 0)
    narrow.rollback(operation_id)
    assert (narrow.digest(), narrow.traces()) == (narrow.base, 0)


def with_long_text(bundle: Bundle, length: int) -> int:
    """Give the last node of the first part a name of so many characters; gives the row, from 1."""
    group = bundle.manifest.node_groups[0]
    part = group.parts[0]
    columns = (bundle.path / group.header).read_text(encoding="utf-8").strip().split(",")
    path = bundle.path / part.file
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    rows[-1][columns.index("name:string")] = "x" * length
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    made = replace(part, bytes=path.stat().st_size, longest_row=2 * length, digest=file_digest(path))
    write_manifest(bundle.path, replace(bundle.manifest, node_groups=(
        replace(group, parts=(made, *group.parts[1:])), *bundle.manifest.node_groups[1:])))
    return len(rows)


def test_a_row_that_no_transaction_has_room_for(narrow):
    """It is named, with its file and what the server says is too small, and the load is undone whole."""
    bundle = narrow.bundle(500, 1)
    row = with_long_text(bundle, 6_000_000)
    with pytest.raises(LoadFailedError, match="too large for a transaction") as failed:
        narrow.load(bundle.manifest.operation_id, small())
    assert f"row {row:,} of {bundle.manifest.node_groups[0].parts[0].file}" in failed.value.message
    assert (failed.value.facts["undone"], "memory.transaction" in failed.value.hint) == (True, True)
    assert (narrow.digest(), narrow.traces()) == (narrow.base, 0)
    ended = narrow.history(bundle.manifest.operation_id)[-1]
    assert (ended["event"], ended["undone"]) == ("load_failed", True)
