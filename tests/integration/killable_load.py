"""A load in a process of its own, so that a test can kill it: address as JSON, bundle, anchors, kind of work."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl

from importer.online import OnlineOptions, load_online
from importer.rollback import delete_operation
from synthgen.bundle.read import open_bundle
from synthgen.database import Address, connect


def main() -> None:
    """Load or roll back in small batches and print the progress."""
    address = Address(**json.loads(sys.argv[1]))
    bundle = open_bundle(Path(sys.argv[2]))
    anchors = pl.DataFrame(json.loads(sys.argv[3]), schema={"node": pl.Int64, "id": pl.Int64})

    def report(phase: str, done: int, due: int) -> None:
        sys.stdout.write(f"{phase} {done} {due}\n")
        sys.stdout.flush()

    with connect(address) as driver:
        if sys.argv[4] == "load":
            load_online(bundle, driver, address.database, anchors, progress=report,
                        options=OnlineOptions(batch_rows=(100, 200), writers=(1, 3)))
        else:
            delete_operation(driver, address.database, bundle.manifest.operation_id, progress=report, batch_rows=100)


if __name__ == "__main__":
    main()
