"""What a transaction that failed is taken for, with a made-up driver that fails as the real one does."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from neo4j.exceptions import ResultFailedError, TransientError

from importer.resilience import Resilience
from importer.transactions import Transactions, is_too_large


class Driver:
    """Its transactions hide why they failed behind a failure to read their results to the end, so many times."""

    def __init__(self, code: str, failures: int) -> None:
        self.left = failures
        self.failure = TransientError("refused")
        self.failure._neo4j_code = code

    @contextmanager
    def session(self, **_):
        yield self

    @contextmanager
    def begin_transaction(self, **_):
        try:
            yield self
        except TransientError as error:
            raise ResultFailedError(None, "The result has failed.") from error

    def run(self):
        if self.left:
            self.left -= 1
            raise self.failure

    def commit(self):
        pass


def test_a_failure_that_the_driver_hides_is_tried_again():
    driver = Driver("Neo.TransientError.Transaction.DeadlockDetected", 2)
    transactions = Transactions(driver, "neo4j", Resilience())
    assert transactions.run(lambda transaction: transaction.run() or "done", rows=1) == "done"
    assert transactions.retries_by_trouble.total() == 2


def test_a_batch_is_too_large_also_when_the_driver_hides_it():
    driver = Driver("Neo.TransientError.General.MemoryPoolOutOfMemoryError", 1)
    with pytest.raises(TransientError) as failed:
        Transactions(driver, "neo4j", Resilience()).run(lambda transaction: transaction.run(), rows=9)
    assert is_too_large(failed.value)
