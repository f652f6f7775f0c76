"""How a text stands in a script as it is: one function for each shell, and one for Cypher files; knows no load."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import Literal

from synthgen.errors import UsageError

Shell = Literal["sh", "ps1"]
_PS1_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")


def quote_ps1(text: str) -> str:
    """Quote a text for PowerShell, where four typographic marks end a text just as `'` does; doubled they do not."""
    return "'" + _PS1_QUOTES.sub(r"\g<0>\g<0>", text) + "'"


QUOTE: Mapping[Shell, Callable[[str], str]] = {"sh": shlex.quote, "ps1": quote_ps1}
"""Gives a text, without U+0000, as one word of a shell's script."""


def check_shell(text: str) -> Shell:
    """Give the shell back.

    Raises:
        UsageError: There are no scripts for it.
    """
    if text == "sh":
        return "sh"
    if text == "ps1":
        return "ps1"
    raise UsageError(f"there are no scripts for {text!r}", hint="--emit-script sh, or ps1 for PowerShell")


def in_ascii(cypher: str) -> str:
    r"""Write Cypher in ASCII: other characters become `\uXXXX`, which Cypher reads first of all, in names as in texts.

    A cypher-shell reads files in the encoding that its Java is set to.
    """
    return "".join(one if one.isascii() else _escape(one) for one in cypher)


def literal(text: str) -> str:
    r"""Write a text as a Cypher string in ASCII, without any line end."""
    return "'" + "".join(map(_character, text)) + "'"


def _character(one: str) -> str:
    if one in "\\'":
        return "\\" + one
    return one if one.isascii() and one.isprintable() else _escape(one)


def _escape(character: str) -> str:
    # Cypher counts as Java does: beyond the basic plane a character is two of them.
    octets = character.encode("utf-16-be")
    return "".join(f"\\u{octets[at:at + 2].hex().upper()}" for at in range(0, len(octets), 2))
