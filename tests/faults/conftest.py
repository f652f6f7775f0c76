"""Keeps a fault of the driver's out of the results: a connection cut in its making is not closed, but collected."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LEFT = [rf"ignore:Exception ignored in. {what}:pytest.PytestUnraisableExceptionWarning"
        for what in ("<function Bolt.__del__", r"<socket\.socket")]
"""What Python says of such a connection, in the driver's version 6.4 (`Bolt.__init__`, `Bolt.__del__`)."""


def pytest_collection_modifyitems(items):
    """Do not hold it against any test here, for only these cut connections."""
    for item in items:
        if HERE in item.path.parents:
            for left in LEFT:
                item.add_marker(pytest.mark.filterwarnings(left))


@pytest.fixture(autouse=True)
def collected():
    """Have it collected before other tests begin, which are held to having none."""
    yield
    gc.collect()
