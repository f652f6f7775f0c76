"""The number of a transaction is read from a bookmark, or a load is refused."""

from __future__ import annotations

import base64

import pytest

from importer.bookmarks import transaction_of
from synthgen.errors import RefusedError

GRAPH = bytes(range(16))


def bookmark(integer: bytes, *, end: bytes = b"\x90") -> str:
    """Write a bookmark with this as its integer."""
    return "FB:" + base64.b64encode(b"\x91\xcc\x10" + GRAPH + integer + end).decode()


@pytest.mark.parametrize(("integer", "number"), [
    (b"\x00", 0), (b"\x7f", 127), (b"\xc9\x00\x80", 128), (b"\xc9\x7f\xff", 32_767), (b"\xca\x00\x00\x90\x00", 36_864),
    (b"\xcb\x00\x00\x01\x00\x00\x00\x00\x90", 2**40 + 0x90)])
def test_a_transaction_of_any_size_is_read(integer, number):
    """PackStream writes an integer in one, two, three, five or nine bytes."""
    assert transaction_of([bookmark(integer)]) == number


@pytest.mark.parametrize("bookmarks", [
    [], ["FB:"], ["FB:kcw"], ["FB:???"], ["neo4j:v1:tx12"], [bookmark(b"\x05"), bookmark(b"\x06")],
    [bookmark(b"\xc9\x05")], [bookmark(b"\x80")], [bookmark(b"")], [bookmark(b"\x05", end=b"\x91\x05")],
    [bookmark(b"\x05").removeprefix("FB:")]])
def test_a_bookmark_of_another_form_is_refused(bookmarks):
    """What is not known is not guessed; the way out is named."""
    with pytest.raises(RefusedError, match="form that is not known") as caught:
        transaction_of(bookmarks)
    assert "--allow-changed" in caught.value.hint
