"""Names as Cypher reads them, without a server."""

from __future__ import annotations

import pytest

from synthgen.database import quote
from synthgen.errors import UsageError


@pytest.mark.parametrize(("name", "quoted"), [
    ("plain", "`plain`"),
    ("a`b", "`a``b`"),
    ("\\u0060", "`\\u005Cu0060`"),
    ("a\\", "`a\\u005C`"),
])
def test_backticks_are_doubled_and_backslashes_escaped(name, quoted):
    """A name cannot end its own quoting, not even by an escape."""
    assert quote(name) == quoted


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_what_no_name_can_be_is_refused(name):
    """Neo4j has no empty names and none with U+0000."""
    with pytest.raises(UsageError):
        quote(name)
