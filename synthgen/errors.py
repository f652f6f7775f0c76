"""The one error tree of both packages; knows words and exit codes, nothing else.

    SynthError                    1  failed
    ├── UsageError                2  the call is wrong
    ├── SnapshotError             1  a snapshot is missing, damaged or not what it says
    ├── ChangedMeanwhileError     1  the database was written to while it was read
    ├── BundleError               1  a bundle is missing, damaged or not what it says
    ├── StoreError                1  the store of a bundle's files does not give or take them
    ├── LoadFailedError           1  a load failed and was undone, or says what is left
    ├── LeakError                 1  ids or names of the base stand in what was to be anonymous
    ├── ServerError               1  a local server could not be started, stopped or fed
    ├── ValidationFailedError     3  validation found something
    ├── StoppedHalfwayError       4  stopped half-way; the same command goes on
    ├── RefusedError              5  refused before anything was touched
    ├── UnreachableError         10  no database answers
    ├── LockedError              11  another run holds the lock
    └── NotAllowedError          12  the database does not let us in

Exit code 130 is an interrupt, as in every shell. Any other exception is a defect and keeps its traceback.
"""

from __future__ import annotations

from typing import Any

SHOWN = 80


class SynthError(Exception):
    """What a person can be told: what went wrong, where, with which value, and the way out.

    Args:
        message: What, where and the value, in one sentence without a full stop.
        hint: The way out, as something the reader can do.
        facts: The same as data; kept in `facts` and shown by `--json`.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.facts = facts


class UsageError(SynthError):
    """The call itself is wrong: an option, a value, a file the user wrote."""

    exit_code = 2


class SnapshotError(SynthError):
    """A snapshot is missing, damaged, or not what it says."""


class ChangedMeanwhileError(SynthError):
    """The database was written to while it was read; nothing was kept of what was read."""


class BundleError(SynthError):
    """A bundle is missing, damaged, or not what it says."""


class StoreError(SynthError):
    """The store that a bundle's files are in, elsewhere, does not answer, does not let us in, or lacks something."""


class LoadFailedError(SynthError):
    """A load or rollback failed; `facts` say what was undone and what is left."""


class LeakError(SynthError):
    """Ids or names of the base stand in what was to be anonymous; `facts["leaks"]` says where."""


class ServerError(SynthError):
    """A local server could not be started, stopped or fed."""


class ValidationFailedError(SynthError):
    """Validation found something; `facts["checks"]` holds every check."""

    exit_code = 3


class StoppedHalfwayError(SynthError):
    """Stopped half-way; the same command goes on where it stopped."""

    exit_code = 4


class RefusedError(SynthError):
    """Refused before anything was touched."""

    exit_code = 5


class UnreachableError(SynthError):
    """No database answers at the address."""

    exit_code = 10


class LockedError(SynthError):
    """Another run holds the lock."""

    exit_code = 11


class NotAllowedError(SynthError):
    """The database does not let us in, or not do this."""

    exit_code = 12


def shown(value: object) -> str:
    """Give a value as messages show it, cut when it is long; None as `nothing`."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return repr(value) if len(value) <= SHOWN else f"{value[:SHOWN]!r}…"
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
