"""Bundles that are being written: their files, what was asked for, and which parts are done; knows no growth.

FORMAT.md, "Unfinished bundles", says what lies where. A part on record may be missing or torn after a crash of the
machine: whoever goes on compares its digest. When its files go to a URL, their folder there comes and goes with it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from synthgen.bundle.elsewhere import Elsewhere
from synthgen.bundle.hold import hold_bundle
from synthgen.bundle.manifest import Part
from synthgen.bundle.read import UNFINISHED, operations_folder
from synthgen.documents import build
from synthgen.errors import BundleError, StoppedHalfwayError, StoreError, SynthError, UsageError
from synthgen.events import ListenerError
from synthgen.files import write_json

WORTH_KEEPING = 1_000_000
"""Rows; fewer are made again within seconds, and an interrupt leaves nothing behind."""
_REQUEST = "request.json"
_PARTS = "parts.jsonl"
_FILES = "bundle"
_STOPS = (KeyboardInterrupt, SystemExit, ListenerError, StoppedHalfwayError, StoreError, OSError)
"""What ends a run, but not for good: the same run can be made later."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A bundle that is being written, or was."""

    path: Path

    @property
    def operation_id(self) -> str:
        """Of which operation."""
        return self.path.name.removeprefix(".").removesuffix(UNFINISHED)

    @property
    def files(self) -> Path:
        """The folder that will be the bundle."""
        return self.path / _FILES

    def request(self) -> Mapping[str, Any]:
        """Give what was asked for, as it was recorded.

        Raises:
            BundleError: It cannot be read.
        """
        try:
            document = json.loads((self.path / _REQUEST).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BundleError(f"{self.path / _REQUEST} cannot be read: {error}",
                              hint=f"`synthgen resume {self.operation_id} --discard` removes what is there",
                              path=str(self.path)) from error
        return document if isinstance(document, dict) else {}

    @property
    def files_at(self) -> str | None:
        """The URL of the folder that its files go to; None when they go into `files`.

        Raises:
            BundleError: As `request`.
        """
        found = self.request().get("files_at")
        return found if isinstance(found, str) else None

    @property
    def claim(self) -> str:
        """What says in that folder that it is this operation's.

        Raises:
            BundleError: As `request`.
        """
        return json.dumps({"operation_id": self.operation_id, "outline": self.request().get("outline")}) + "\n"

    def parts(self) -> dict[str, Part]:
        """Give the parts on record, by file; a line that was cut off by a crash is passed over."""
        found = {}
        try:
            lines = (self.path / _PARTS).read_text(encoding="utf-8", errors="replace").split("\n")
        except FileNotFoundError:
            return {}
        for line in lines:
            try:
                part = build(Part, json.loads(line))
            except (ValueError, TypeError):
                continue
            found[part.file] = part
        return found

    def record(self, part: Part) -> None:
        """Put a part on record whose file is written.

        Raises:
            OSError: The disk is full or not writable.
        """
        # A line of its own also after one that was cut off.
        with (self.path / _PARTS).open("a", encoding="utf-8") as stream:
            stream.write("\n" + json.dumps(asdict(part)))


def unfinished_bundles(out: Path) -> list[Unfinished]:
    """Find the bundles under the out folder that were not written to their end, sorted by operation id."""
    return [Unfinished(path) for path in sorted(operations_folder(out).glob(f".*{UNFINISHED}")) if path.is_dir()]


def find_unfinished(out: Path, operation_id: str | None) -> Unfinished:
    """Find the one that is meant: by its operation id, or the only one there is.

    Raises:
        UsageError: There is none, or more than one and none is named.
    """
    found = {one.operation_id: one for one in unfinished_bundles(out)}
    if operation_id is None and len(found) == 1:
        return next(iter(found.values()))
    if operation_id in found:
        return found[operation_id]
    what = "no operation" if not found else "several operations" if operation_id is None else "only others"
    raise UsageError(f"{what} in {operations_folder(out)} {'is' if not found else 'are'} unfinished",
                     hint=f"name one of {', '.join(found)}" if found else "`synthgen generate` begins one",
                     unfinished=list(found))


def discard(unfinished: Unfinished) -> None:
    """Remove what is there of a bundle that was not written to its end; of one that was, what the writing left.

    Raises:
        LockedError: A run is at work on it.
        StoreError: The store that its files went to does not remove them; nothing here is removed then.
        SynthError: It cannot be removed.
    """
    with hold_bundle(unfinished.path, "discard"):
        if not (unfinished.path.parent / unfinished.operation_id).exists():
            _give_up(unfinished)
        _remove(unfinished.path)


def _give_up(unfinished: Unfinished) -> None:
    if not (unfinished.path / _REQUEST).exists():
        return
    try:
        files_at = unfinished.files_at
    except BundleError:
        return  # who cannot say where files are has none there to remove
    if files_at is not None:
        Elsewhere(files_at).give_up(unfinished.claim)


@contextmanager
def being_written(final: Path, request: Mapping[str, Any]) -> Iterator[Unfinished]:
    """Give a folder for the files of a bundle, which is `final` when the block ends well.

    When the block is stopped and `WORTH_KEEPING` is on record, all stays, and the same request goes on with it; when it
    fails, or there is less, all vanishes. Whoever is killed leaves all that was on record.

    Args:
        final: The bundle's folder; not there yet.
        request: What was asked for, as JSON: all that the bytes of the bundle depend on, and in `files_at` the URL of
            the folder that its files go to, if they do.

    Raises:
        UsageError: `final` exists, or is unfinished since something else was asked for under the same operation id, or
            other files are at the URL.
        LockedError: Another run is at work on it.
        StoppedHalfwayError: The disk is full or not writable, or a store does not take files, and what was made is
            kept.
        StoreError: Likewise, and what was made was little: it was removed, unless the error says that it is still
            there.
        SynthError: The disk is full or not writable, and nothing was left.
    """
    unfinished = Unfinished(final.parent / f".{final.name}{UNFINISHED}")
    if final.exists():
        raise UsageError(f"there is already an operation {final.name} in {final.parent}",
                         hint="choose another --operation-id, or leave it out")
    with ExitStack() as held:
        goes_on = _begin(held, unfinished, final, json.loads(json.dumps(request)))
        _claim(unfinished, again=goes_on)
        try:
            yield unfinished
            unfinished.files.rename(final)
        except _STOPS as error:
            kept = sum(part.rows for part in unfinished.parts().values()) >= WORTH_KEEPING
            told = _way_on(final) if kept else _remove_all(unfinished)
            if isinstance(error, OSError):
                raise _stopped(final, error) if kept else _unwritable(final, error, told) from error
            if kept and isinstance(error, StoreError):
                raise StoppedHalfwayError(error.message, hint=f"{error.hint}; {told}", **error.facts) from error
            _tell(error, told)
            raise
        except BaseException as error:
            _tell(error, _remove_all(unfinished))
            raise
        _remove(unfinished.path)


def _claim(unfinished: Unfinished, *, again: bool) -> None:
    files_at = unfinished.files_at
    if files_at is None:
        return
    try:
        Elsewhere(files_at).claim(unfinished.claim, again=again)
    except BaseException:
        if not again:
            _remove(unfinished.path)
        raise


def _remove_all(unfinished: Unfinished) -> str:
    """Remove what was made, here and elsewhere; says so when a store does not do it, and leaves what is here then."""
    try:
        _give_up(unfinished)
    except StoreError as error:
        return (f"what was put to {unfinished.files_at} is still there ({error.message}); `synthgen resume"
                f" {unfinished.operation_id} --discard` removes it")
    _remove(unfinished.path)
    return ""


def _tell(error: BaseException, words: str) -> None:
    """Say something more with an error."""
    if words and isinstance(error, SynthError):
        error.hint = "; ".join(filter(None, (error.hint, words)))
    elif words:
        error.add_note(words)


def _begin(held: ExitStack, unfinished: Unfinished, final: Path, request: Mapping[str, Any]) -> bool:
    """Hold the folder of an unfinished bundle; say whether something was there before that this goes on with."""
    try:
        unfinished.path.mkdir(parents=True, exist_ok=True)
        unfinished.path.chmod(0o755)
        held.enter_context(hold_bundle(unfinished.path, "generate"))
        return _expect(unfinished, request)
    except (OSError, SynthError) as error:
        reason = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(reason, OSError):
            raise
        if not (unfinished.path / _REQUEST).exists():
            shutil.rmtree(unfinished.path, ignore_errors=True)
        raise _unwritable(final, reason) from error


def _expect(unfinished: Unfinished, request: Mapping[str, Any]) -> bool:
    """See that what is there was asked for like this, or that there is nothing; say which."""
    if (unfinished.path / _REQUEST).exists():
        if unfinished.request() == request:
            return True
        raise UsageError(
            f"something else was asked for under {unfinished.operation_id}, and is unfinished",
            hint=f"`synthgen resume {unfinished.operation_id}` goes on with it, with --discard removes it; or choose"
            " another --operation-id")
    unfinished.files.mkdir(exist_ok=True)
    unfinished.files.chmod(0o755)
    write_json(unfinished.path / _REQUEST, request)
    return False


def _stopped(final: Path, error: OSError) -> SynthError:
    return StoppedHalfwayError(f"{final} cannot be written: {error.strerror or error}",
                               hint=f"free space; then {_way_on(final)}", path=str(final), operation_id=final.name)


def _way_on(final: Path) -> str:
    return (f"`synthgen resume {final.name}` goes on with what is missing; with --discard it removes what is there")


def _unwritable(final: Path, error: OSError, left: str = "") -> SynthError:
    return SynthError(f"{final} cannot be written: {error.strerror or error}", path=str(final),
                      hint=f"free space or choose another folder with --out; {left or 'nothing was left behind'}")


def _remove(path: Path) -> None:
    try:
        shutil.rmtree(path)
    except OSError as error:
        raise SynthError(f"{path} cannot be removed: {error.strerror or error}", hint="remove it by hand",
                         path=str(path)) from error
