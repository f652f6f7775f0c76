"""A load in a process of its own that kills itself at one exact moment; as a module it is that process."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from importer.operations import load
from importer.requests import check_mode
from importer.servers.folders import Folders
from importer.stages import Stage
from synthgen.bundle.read import find_bundle
from synthgen.config import out_folder
from synthgen.database import find_address
from tests.forked import ROOT, run_module
from tests.workshop import LONGEST_SECONDS, Workshop


def load_until(workshop: Workshop, operation_id: str, moment: str, mode: str = "offline") -> int:
    """Load until `before` or `after` a stage, or the nth step with the store's files; gives the exit code.

    Args:
        workshop: Whose database.
        operation_id: What is loaded.
        moment: Such as `before SwapStore`, or `before Move 2`.
        mode: `offline` or `online`.
    """
    code, _, _ = run_module("tests.faults.dying", [operation_id, moment, mode], environment=workshop.environment,
                            folder=ROOT, timeout_s=LONGEST_SECONDS)
    return code


def die() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_step(side: str, kind: str, number: int) -> None:
    """Make the nth step of a kind that is done with the store's files the last thing this process does, or leaves."""
    do, seen = Folders._do, [0]

    def counting(self: Folders, step: object) -> None:
        seen[0] += type(step).__name__ == kind
        hit = type(step).__name__ == kind and seen[0] == number
        if hit and side == "before":
            die()
        do(self, step)
        if hit:
            die()

    Folders._do = counting


def main() -> None:
    """Load the operation, and die at the moment."""
    operation_id, moment, mode = sys.argv[1:]
    side, kind, *number = moment.split()
    if number:
        die_at_step(side, kind, int(number[0]))

    def at_boundary(stage: Stage, now: str) -> None:
        if not number and (now, type(stage).__name__) == (side, kind):
            die()

    out = out_folder()
    load(find_bundle(out, operation_id), find_address(out=out), mode=check_mode(mode), base=Path(out) / "base",
         on_boundary=at_boundary)


if __name__ == "__main__":
    main()
