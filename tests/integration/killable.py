"""Loads and rollbacks in a process of their own, so that a test can kill them; as a module it is that process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import polars as pl

from importer.online import OnlineOptions, load_online
from importer.rollback import delete_operation
from importer.scaling.settings import Scaling
from synthgen.bundle.read import open_bundle
from synthgen.database import Address, connect
from tests.listening import on_phases


def query(database, text, **parameters):
    """Run a statement and give its rows."""
    driver, address = database
    with driver.session(database=address.database) as session:
        return session.run(text, parameters).data()


def run_killable(database, bundle, anchors, work, until):
    """Do the `work` in a child until its progress says `until`, then kill it; whether it was killed before its end."""
    address = {key: value for key, value in asdict(database[1]).items() if key != "home"}
    command = [sys.executable, "-m", "tests.integration.killable", json.dumps(address), str(bundle.path),
               json.dumps(anchors.to_dict(as_series=False)), work]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as child:
        for line in child.stdout:
            phase, done, _ = line.rsplit(maxsplit=2)
            if phase == until[0] and int(done) >= until[1]:
                child.send_signal(signal.SIGKILL)
                break
        child.stdout.close()
        return child.wait() == -signal.SIGKILL


def main() -> None:
    """Load or roll back in small batches and print the progress: address and anchors come as JSON."""
    address = Address(**json.loads(sys.argv[1]))
    bundle = open_bundle(Path(sys.argv[2]))
    anchors = pl.DataFrame(json.loads(sys.argv[3]), schema={"node": pl.Int64, "id": pl.Int64})

    def report(phase: str, done: int, due: int) -> None:
        sys.stdout.write(f"{phase} {done} {due}\n")
        sys.stdout.flush()

    with connect(address) as driver:
        if sys.argv[4] == "load":
            load_online(bundle, driver, address.database, anchors, events=on_phases(report),
                        options=OnlineOptions(Scaling.within((100, 200), (1, 3))))
        else:
            delete_operation(driver, address.database, bundle.manifest.operation_id, events=on_phases(report),
                             batch_rows=100)


if __name__ == "__main__":
    main()
