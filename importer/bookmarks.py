"""Which transaction a bookmark stands for; knows no server."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection

from synthgen.errors import RefusedError

_PREFIX = "FB:"
# A structure of one graph: its id as 16 bytes, its last transaction as a PackStream integer; then no further graphs.
_BOOKMARK = re.compile(rb"\x91\xcc\x10.{16}(?P<integer>.+)\x90", re.DOTALL)
_WIDTHS = {0xC8: 1, 0xC9: 2, 0xCA: 4, 0xCB: 8}
_LARGEST_TINY = 0x7F


def transaction_of(bookmarks: Collection[str]) -> int:
    """Give the number of the last transaction that a session's bookmarks have seen.

    Neo4j calls bookmarks opaque. This is how 5.26 and 2026 write one: `FB:` and, in base64, the PackStream (Neo4j's
    Bolt documentation, "PackStream") of the graph's id and the transaction's number, which is the one that
    `neo4j-admin database info` gives of the store at rest.

    Raises:
        RefusedError: They are not one bookmark of that form.
    """
    [text, *others] = bookmarks or ("",)
    number = None if others or not text.startswith(_PREFIX) else _number(text.removeprefix(_PREFIX))
    if number is None:
        raise RefusedError(
            f"the server's bookmark is of a form that is not known: {' '.join(bookmarks) or 'none'}; a write between"
            " the last look at the database and its stop would not be noticed",
            hint="stop what writes to it and load with --allow-changed, or with --mode online")
    return number


def _number(text: str) -> int | None:
    try:
        found = _BOOKMARK.fullmatch(base64.b64decode(text, validate=True))
    except binascii.Error:
        return None
    if found is None:
        return None
    first, *rest = found["integer"]
    if not rest and first <= _LARGEST_TINY:
        return int(first)
    return int.from_bytes(rest, "big", signed=True) if len(rest) == _WIDTHS.get(first) else None
