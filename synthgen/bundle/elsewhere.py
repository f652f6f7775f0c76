"""The part files of one operation at a URL, such as in an object store; the only place that knows fsspec.

Credentials and addresses are those of the environment and of fsspec's own configuration: none is in a URL, and none is
said. A folder at a URL belongs to one operation, which an object of its own there says: its claim. FORMAT.md, "Parts
elsewhere", says what lies where.
"""

from __future__ import annotations

import errno
import os
import re
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthgen.ahead import ahead
from synthgen.bundle.stored import TORN
from synthgen.errors import StoreError, SynthError, UsageError

CLAIM = "claim.json"
AT_ONCE = 8
"""Requests; a store answers many as soon as one."""
_OURS = re.compile(r"(nodes|relationships)-\d+\.(header|part-\d+)\.csv(\.gz)?")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s?#]+", re.IGNORECASE)
_WITH_PORT = re.compile(r"[^:]*(:\d*)?")
_QUERY = re.compile(r"(\w+://[^\s?]*)\?\S*")
_SECRET = re.compile(r"secret|password|token|key|credential", re.IGNORECASE)
_UNSAID = re.compile(r"Credential|Authentication")
"""In the names of what the clients of stores raise when nobody says who asks."""
_WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "memory"})
"""Stores in which a file appears when all of it is there; elsewhere it is written under another name first."""
_EXTRAS = {"s3": "pip install '.[s3]'", "s3a": "pip install '.[s3]'"}
_SPARING: Mapping[str, Mapping[str, int]] = {"s3": {"chunksize": 2**24, "max_concurrency": 2}}
"""How a large file goes in pieces, where its client would hold half a gigabyte of each at once."""
_SAID = 300
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


def check_url(url: str) -> str:
    """Check that a text is the URL of a folder that can be written down anywhere; gives it without a slash at its end.

    Raises:
        UsageError: It is none, or has a user and a password, a query or a fragment, which may be secrets.
    """
    scheme, separator, rest = url.partition("://")
    host = rest.partition("/")[0]
    # Not shown: whatever is wrong with it, it may hold a secret.
    if separator and (not _WITH_PORT.fullmatch(host) or (":" in rest and "@" in rest.rpartition(":")[2])):
        raise UsageError(f"the {scheme}:// URL of the files has a user and a password in it",
                         hint="leave them out: they come from the environment, such as AWS_ACCESS_KEY_ID and"
                         " AWS_SECRET_ACCESS_KEY, or from fsspec's configuration")
    if not _URL.fullmatch(url) or "::" in url:
        raise UsageError("the URL of the files is none that files can be put to",
                         hint="such as s3://bucket/prefix or file:///folder, with no query, fragment or blank in it")
    return url.rstrip("/")


def find_store(url: str) -> str:
    """Check a URL as `check_url`, and that what it needs is installed.

    Raises:
        UsageError: It is none, or its protocol is not known, or the package for it is not installed.
    """
    checked = check_url(url)
    _filesystem(checked)
    return checked


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A folder of one operation's files at a URL."""

    url: str

    def claim(self, text: str, *, again: bool) -> None:
        """Make the folder one operation's; with `again` it may be so already.

        Raises:
            UsageError: There are files in it that are none of this operation's, or it was begun by another run.
            StoreError: The store cannot be asked.
        """
        found = self.sizes()
        foreign = sorted(name for name in found if name != CLAIM and not _is_ours(name))
        if found and (foreign or not again or self._claimed() != text):
            raise UsageError(f"{self.url} holds {len(found):,} files already, such as {(foreign or sorted(found))[0]}",
                             hint="choose another URL with --files or another --operation-id; nothing was changed"
                             " there", url=self.url, files=len(found))
        if not found:
            with _asked("written", self._at(CLAIM)):
                fs, root = _filesystem(self.url)
                _make_folder(fs, root)
                fs.pipe_file(f"{root}/{CLAIM}", text.encode())

    def put(self, path: Path, name: str) -> None:
        """Put a local file there under a name; readers see all of it or nothing.

        Raises:
            StoreError: The store does not take it.
        """
        with _asked("written", self._at(name)):
            fs, root = _filesystem(self.url)
            if not _is_whole(fs):
                _make_folder(fs, root)
                # Two that make the same part do it in folders of different names.
                torn = f"{root}/{TORN}{path.parent.name}.{name}"
                fs.put_file(str(path), torn)
                fs.mv(torn, f"{root}/{name}")
                return
            fs.put_file(str(path), f"{root}/{name}", **_pieces(fs))

    def put_part(self, path: Path, name: str) -> None:
        """Put a part there, unless the operation was given up meanwhile: then nothing of it stays.

        Raises:
            StoreError: The store does not take it, or the operation was given up.
        """
        self.put(path, name)
        if self._claimed() is None:
            self.remove([name])
            raise StoreError(f"the operation whose files are at {self.url} was given up meanwhile",
                             hint="generate it again", url=self.url)

    def get(self, name: str, path: Path) -> None:
        """Write a file there into a local one, whose folder is there.

        Raises:
            StoreError: It is not there, or the store does not give it.
            OSError: The local disk is full or not writable.
        """
        with _asked("read", self._at(name)):
            fs, root = _filesystem(self.url)
            fs.get_file(f"{root}/{name}", str(path), **_pieces(fs))

    def size_of(self, name: str) -> int | None:
        """Give the bytes of a file there; None when there is none.

        Raises:
            StoreError: The store cannot be asked.
        """
        with _asked("read", self._at(name)), suppress(FileNotFoundError):
            fs, root = _filesystem(self.url)
            return int(fs.info(f"{root}/{name}")["size"])
        return None

    def sizes(self) -> dict[str, int]:
        """Give the bytes of each file there by its name, also of those in folders below.

        Raises:
            StoreError: The store cannot be asked.
        """
        with _asked("listed", self.url):
            fs, root = _filesystem(self.url)
            found: Mapping[str, Mapping[str, Any]] = {}
            with suppress(FileNotFoundError):
                found = fs.find(root, detail=True)
            return {path.removeprefix(f"{root}/"): int(about["size"]) for path, about in found.items()}

    def remove(self, names: Collection[str]) -> None:
        """Remove files there; those that are gone already do not matter.

        Raises:
            StoreError: The store does not do it.
        """
        fs, root = _filesystem(self.url)

        def remove_one(name: str) -> None:
            with _asked("removed", self._at(name)), suppress(FileNotFoundError):
                fs.rm_file(f"{root}/{name}")

        deque(ahead(remove_one, names, AT_ONCE), maxlen=0)

    def give_up(self, text: str) -> None:
        """Remove all that an operation has put there, if the folder is claimed with this text.

        Raises:
            StoreError: The store does not do it.
        """
        if self._claimed() != text:
            return
        self.remove(list(filter(_is_ours, self.sizes())))
        self.remove([CLAIM])
        # What a worker put meanwhile; from here on it finds no claim.
        self.remove(list(filter(_is_ours, self.sizes())))
        self._remove_folder()

    def remove_torn(self) -> None:
        """Remove what writers that were killed have left half-written."""
        self.remove([name for name in self.sizes() if name.startswith(TORN)])

    def remove_operation(self, names: Collection[str]) -> None:
        """Remove the files of an operation that is not needed any more, and its claim.

        Raises:
            StoreError: The store does not do it; the same call goes on.
        """
        self.remove(names)
        self.remove([CLAIM])
        self._remove_folder()

    def _claimed(self) -> str | None:
        with _asked("read", self._at(CLAIM)), suppress(FileNotFoundError):
            fs, root = _filesystem(self.url)
            return str(fs.cat_file(f"{root}/{CLAIM}").decode(errors="replace"))
        return None

    def _remove_folder(self) -> None:
        fs, root = _filesystem(self.url)
        if not _is_whole(fs):
            with suppress(Exception):  # others' files may be in it, and an empty folder harms nobody
                fs.rmdir(root)

    def _at(self, name: str) -> str:
        return f"{self.url}/{name}"


def _is_ours(name: str) -> bool:
    return name.startswith(TORN) or _OURS.fullmatch(name) is not None


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def _is_whole(fs: Any) -> bool:
    return not _WHOLE.isdisjoint(_protocols(fs))


def _pieces(fs: Any) -> Mapping[str, int]:
    return next((_SPARING[name] for name in _protocols(fs) if name in _SPARING), {})


def _make_folder(fs: Any, root: str) -> None:
    # Object stores have no folders, and would make a bucket that was mistyped.
    if not _is_whole(fs):
        fs.makedirs(root, exist_ok=True)


def _filesystem(url: str) -> tuple[Any, str]:
    """Open what a URL names; give it and the path of the URL in it."""
    import fsspec  # noqa: PLC0415 - commands that put no files elsewhere start without it

    protocol = url.partition("://")[0].lower()
    try:
        fs, root = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise UsageError(f"files at {protocol}:// need a package that is not installed: {error}",
                         hint=_EXTRAS.get(protocol, f"install fsspec's package for {protocol}"), url=url) from error
    except ValueError as error:
        raise UsageError(f"{url} is at no store that fsspec knows: {error}",
                         hint="such as s3://bucket/prefix or file:///folder", url=url) from error
    except Exception as error:
        raise _failed(error, "reached", url) from error
    # Others write there, too.
    fs.invalidate_cache()
    return fs, str(root).rstrip("/")


@contextmanager
def _asked(done: str, where: str) -> Iterator[None]:
    """Say in our words what a store's client raises; `FileNotFoundError` as it comes where the block expects it.

    A disk that is full is nothing that a store says, and is passed on.
    """
    try:
        yield
    except SynthError:
        raise
    except OSError as error:
        if error.errno in _DISK:
            raise
        raise _failed(error, done, where) from error
    except Exception as error:  # each store's client raises its own
        raise _failed(error, done, where) from error


def _failed(error: Exception, done: str, where: str) -> StoreError:
    said = _without_secrets(" ".join(str(error).split()) or type(error).__name__)[:_SAID]
    if isinstance(error, FileNotFoundError):
        return StoreError(f"{where} cannot be {done}, for it or what it is in is not there: {said}", url=where,
                          hint="check the URL; a bucket or container has to be there already")
    if isinstance(error, PermissionError) or _UNSAID.search(type(error).__name__):
        return StoreError(f"{where} cannot be {done}, for the store does not let us: {said}", url=where,
                          hint="check what the environment or fsspec's configuration says of who asks, such as"
                          " AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_PROFILE, and what they may do there")
    return StoreError(f"{where} cannot be {done}: {said}", url=where,
                      hint="see that the store runs and where it is, such as AWS_ENDPOINT_URL; then the same call goes"
                      " on, or begins anew")


def _without_secrets(text: str) -> str:
    """Leave out what a store's words may repeat: secrets of the environment and the configuration, and signed URLs."""
    import fsspec  # noqa: PLC0415 - likewise

    settings = [os.environ, *(table for table in fsspec.config.conf.values() if isinstance(table, dict))]
    for table in settings:
        for name, value in table.items():
            if _SECRET.search(name) and isinstance(value, str) and value:
                text = text.replace(value, "…")
    return _QUERY.sub(r"\1?…", text)
