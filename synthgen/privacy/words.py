"""Texts as words, and the part that a property plays for privacy by its name; knows no graph.

A *coarse* word is what a name is usually made of, hyphens included (`vm-web-001`, `P-10432`); a *fine* word is a run of
letters and digits. Some forms are one word whatever stands in them: e-mail addresses, GUIDs, IP and MAC addresses,
phone numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from enum import Enum
from typing import Any

from synthgen.inference import words_of
from synthgen.profile import Profile

_EDGE, _END = r"(?<![\w.@-])", r"(?![\w@-])"
FORMS = {
    "email": r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)+",
    "guid": r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}" + _END,
    "mac": _EDGE + r"[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}" + _END,
    "ipv4": _EDGE + r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.-]*\w)",
    "ipv6": _EDGE + r"(?:[0-9a-fA-F]{1,4}:){2,7}(?::?[0-9a-fA-F]{1,4}){1,7}" + _END,
    "phone": r"(?<![\w+])\+\d(?:[ ()./-]?\d){6,14}" + _END,
}
WORDS = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in FORMS.items()) + r"|(?P<word>\w+(?:-+\w+)*)")
"""Everything in a text that may be replaced; which group matched says what it is."""

HOST = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^/@\s\"]*@)?([^/:?#\s\"',;<>\])}]+)")
"""The host of each URL in a text."""
_FINE = re.compile(r"[^\W_]+")


class Part(Enum):
    """The part that a property plays for privacy."""

    PERSON = "names people"
    NAME = "names things"
    ID = "tells things from each other"
    TAG = "a tag"
    ADDRESS = "where someone lives or works"
    KEPT = "a type or a location"
    PLAIN = "anything else"


_PERSON = frozenset(("owner", "creator", "author", "person", "people", "contact", "manager", "assignee", "approver",
                     "employee", "customer", "patient", "recipient", "username", "login", "nickname", "surname",
                     "firstname", "lastname", "givenname", "admin", "administrator", "user", "by"))
_NAME = frozenset(("name", "title", "caption", "heading", "alias", "hostname", "fqdn", "domain", "nickname", "username",
                   "surname", "mail", "email", "phone", "mobile"))
_ID = frozenset(("id", "uuid", "guid", "serial", "isbn", "ean", "imdb", "uri", "iri", "urn", "upn"))
_CATEGORY = frozenset(("sku", "type", "role", "kind", "tier", "size", "region", "location", "state", "status", "os",
                       "plan", "edition", "category", "class", "family", "version", "job"))
_ADDRESS = frozenset(("street", "address", "addr", "postcode", "zip"))
_NETWORK = frozenset(("prefix", "prefixes", "space", "ip", "mac", "pool", "pools", "range", "ranges", "mail", "email"))
_PEOPLE = _PERSON | {"users", "actor", "member", "members", "employees", "customers"}


def part_of(name: str, profile: Profile, *, labels: tuple[str, ...] = (), unique: bool = False) -> Part:
    """Say which part a property plays: by what the profile says of it, then by the words of its name and the labels.

    Args:
        name: The property, or a key in a JSON text.
        profile: Its id, name, type and location come before what words say.
        labels: Of the nodes that carry it; what stands on a tag is a tag, and a person's name is a person's.
        unique: Whether a uniqueness constraint covers it.
    """
    words, label_words = words_of(name), {word for label in labels for word in words_of(label)}
    parts = (
        (name in {profile.type, profile.location}, Part.KEPT),
        (unique or name in {profile.id, profile.tenant}, Part.ID),
        ("tag" in words | label_words or "tags" in words, Part.TAG),
        (name == profile.name_property and bool(label_words & _PEOPLE), Part.PERSON),
        (name == profile.name_property or name in profile.container_names, Part.NAME),
        (bool(words & _CATEGORY), Part.PLAIN),
        (bool(words & _NAME) and bool(label_words & _PEOPLE), Part.PERSON),
        (bool(words & _ID), Part.ID),
        (bool(words & _PERSON), Part.PERSON),
        (bool(words & _ADDRESS) and not words & _NETWORK, Part.ADDRESS),
        (bool(words & _NAME), Part.NAME),
    )
    return next((part for holds, part in parts if holds), Part.PLAIN)


def coarse_words(text: str) -> list[str]:
    """Give the words of a text outside all forms, in lowercase."""
    return [found.group().lower() for found in WORDS.finditer(text) if found.lastgroup == "word"]


def fine_words(text: str) -> list[str]:
    """Give the runs of letters and digits of a text, in lowercase."""
    return _FINE.findall(text.lower())


def form_of(text: str) -> str | None:
    """Name the form that the whole text has, if any."""
    found = WORDS.fullmatch(text)
    return None if found is None or found.lastgroup == "word" else found.lastgroup


def read_json(text: str) -> Any:
    """Read a text that is a JSON object or array; None for any other."""
    if text[:1] not in {"{", "["} or text[-1:] not in {"}", "]"}:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def write_json_like(document: Any, text: str) -> str:
    """Write a document as the JSON text it came from was written: its separators, its escapes."""
    wide = re.search(r"[\"\d\]}el], ?[\"\d\[{tfn-]|\": ", text)
    spaced = wide is not None and " " in wide.group()
    return json.dumps(document, ensure_ascii="\\u" in text, separators=(", ", ": ") if spaced else (",", ":"))


def walk_json(document: Any, leaf: Callable[[tuple[str, ...], Any], Any], *, at: tuple[str, ...] = (),
              key: Callable[[str], str] = str) -> Any:
    """Make a document anew: each value that is no table and no list is `leaf(keys, value)`, each key is `key(key)`."""
    if isinstance(document, dict):
        return {key(name): walk_json(value, leaf, at=(*at, name), key=key) for name, value in document.items()}
    if isinstance(document, list):
        return [walk_json(value, leaf, at=at, key=key) for value in document]
    return leaf(at, document)
