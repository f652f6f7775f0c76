"""What a batch does when the server has no memory for it, with a made-up server."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from neo4j.exceptions import Neo4jError, TransientError

from importer import writing
from importer.batches import Batch, OpenPart
from importer.ledger import Range
from importer.writing import write_batch
from synthgen.errors import LoadFailedError

SHARED = "Neo.TransientError.General.MemoryPoolOutOfMemoryError"
OWN = "Neo.TransientError.General.TransactionOutOfMemoryError"


def refused(code: str) -> Neo4jError:
    error = TransientError("no memory")
    error._neo4j_code = code
    return error


class Server:
    """Stands for `Transactions`: refuses so many times; keeps how long it was waited for it."""

    def __init__(self, code: str, refusals: int) -> None:
        self.code, self.left, self.pauses = code, refusals, []

    def run(self, work: Any, *, rows: int, on_retry: Any) -> list[int]:
        if self.left:
            self.left -= 1
            raise refused(self.code)
        return list(range(rows))

    def count(self, error: BaseException) -> None:
        assert error.code == self.code

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


def one_row() -> Batch:
    return Batch(Range("nodes", 0, 0, 4, 1), OpenPart("CREATE", (), pl.DataFrame({"x": range(9)}), file="nodes.csv"))


def test_a_row_waits_for_memory_that_others_have():
    """It says nothing of the row that all transactions together have used up what there is."""
    server = Server(SHARED, 3)
    written = write_batch(one_row(), SimpleNamespace(parameters={}), server)
    assert (written.ids, written.transactions) == ([0], 1)
    assert server.pauses == list(writing._WAITS_S[:3])


@pytest.mark.parametrize(("code", "waits"), [(SHARED, len(writing._WAITS_S)), (OWN, 0)])
def test_a_row_that_is_too_large_is_named(code, waits):
    """At once when the transaction's own limit says so, else when waiting has not helped."""
    server = Server(code, 99)
    with pytest.raises(LoadFailedError, match=r"row 5 of nodes\.csv"):
        write_batch(one_row(), SimpleNamespace(parameters={}), server)
    assert len(server.pauses) == waits
