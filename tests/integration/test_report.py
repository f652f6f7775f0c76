"""The report of what was loaded: the same figures as of the files, from the real server, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.planting import plant_sample
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j


def test_the_report_of_a_loaded_operation(workshop: Workshop) -> None:
    """Scores in the database are those of the files; the database stays as it is; a page is there."""
    plant_sample(workshop)
    operation = workshop.do("synthgen generate", "--strategy", "template", "--scale-factor", "2")["operation_id"]
    refused = workshop.run("synthgen report --in-database --json")
    assert (refused.code, operation in refused.error["message"]) == (2, True)
    workshop.do(f"importer load {operation} --mode online")
    before = workshop.digest()
    files = workshop.do("synthgen report")
    database = workshop.do(f"synthgen report {operation} --in-database", "--out", str(workshop.out / "loaded.html"))
    assert (files["measured"], database["measured"]) == ("files", "database")
    # Scores have six digits, and sums depend on the order of rows in the last of them.
    assert [(one["key"], pytest.approx(one["score"], abs=2e-6)) for one in files["measures"]] == [
        (one["key"], one["score"]) for one in database["measures"]]
    assert database["passed"]
    assert workshop.digest() == before
    assert all(operation in Path(document["page"]).read_text("utf-8") for document in (files, database))
