"""Replaces words of texts by made-up ones, the same word by the same one wherever it stands; pure.

The replacement is word by word, so that what quotes a name or an id goes on quoting it, in a path, a list or a JSON
text. A made-up word holds no word of the base, but for what is shared by all names of a kind: `vm-web-001` becomes
`vm-harbor-417` or, when asked to keep nothing, `harbor417`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Mapping

import numpy as np

from synthgen.privacy.pools import Pools
from synthgen.privacy.words import WORDS, Part, fine_words
from synthgen.seeding import permute

_CODE = re.compile(r"([a-z]{1,3}[-_]?)([0-9]+)")
_CONVENTIONS = frozenset((
    "vm", "vnet", "snet", "nsg", "nic", "rg", "pip", "kv", "st", "sql", "app", "asp", "func", "aks", "acr", "lb",
    "agw", "law", "id", "pe", "db", "cosmos", "redis", "apim", "rt", "bas", "fw", "vpn", "ergw", "disk", "snap",
    "img", "vmss", "avail", "la", "adf", "dbw", "synw", "srch", "ai", "log", "ag", "sp", "mg", "sub",
))
"""Abbreviations that resource names begin with (Microsoft's Cloud Adoption Framework), and the like."""
_NUMBERS = 900
_TRIES = 20
_SPECIAL_NETWORKS = ("0.", "127.", "255.", "169.254.", "224.", "168.63.129.16")
_MASK = re.compile(r"(255|254|252|248|240|224|192|128|0)(\.(255|254|252|248|240|224|192|128|0)){3}")


class Substitution:
    """The words of one base and what stands for them.

    Args:
        sensitive: Coarse words in lowercase that are replaced, in a settled order → the part of what they come from.
        taken: Fine words in lowercase that stand in the base.
        seed: Another seed, other words.
        given: Those of the words that are given names.
        integers: Ids that stand in texts, too.
    """

    def __init__(
        self, sensitive: Mapping[str, Part], taken: Collection[str], seed: int, *, given: Collection[str] = (),
        integers: Collection[int] = (),
    ) -> None:
        self._pools = Pools(seed, taken)
        self._taken = frozenset(taken)
        self._given: set[str] = set()
        self._made: dict[str, str] = {}
        self._forms: dict[tuple[str, str], str] = {}
        self._of_form: dict[str, Callable[[str], str]] = {
            "email": self._email, "guid": self._guid, "mac": self._mac, "ipv4": self._ipv4, "ipv6": self._ipv6,
            "phone": self._phone}
        self._numbers = _free_numbers(self._taken)
        self._names = len(self._pools.words) * len(self._numbers)
        for word, part in sensitive.items():
            self._made[word] = self._fresh(word, self._pools.given if word in given else self._pool_for(part))
        self._made |= {str(number): str(self.integer(number)) for number in integers}

    def text(self, text: str) -> str:
        """Replace what has to go in a text."""
        return WORDS.sub(self._replace, text)

    def replace_wholly(self, word: str) -> None:
        """Replace a coarse word from now on by one of which no part is the base's."""
        self._made[word] = self._free(word, self._names, lambda number: self._joined("", number))

    def address(self, text: str) -> str:
        """Give a street address for one."""
        for step in range(len(self._pools.addresses)):
            found = self._pools.picked(self._pools.addresses, "address", text.lower(), step)
            if not self._holds_base_words(found):
                return found
        return f"{self._pools.picked(self._pools.words, 'address', text.lower())} 1"

    def integer(self, number: int) -> int:
        """Give an id of 53 bits for an integer id."""
        return self._pools.number("integer", number) >> 10

    def _replace(self, found: re.Match[str]) -> str:
        text, form = found.group(), found.lastgroup or "word"
        if form == "word":
            made = self._made.get(text.lower())
            return text if made is None else _cased(made, text)
        key = (form, text.lower())
        if key not in self._forms:
            self._forms[key] = self._of_form[form](text)
        return self._forms[key]

    # ——— words ———

    def _pool_for(self, part: Part) -> list[str]:
        return self._pools.family if part is Part.PERSON else self._pools.words

    def _fresh(self, word: str, pool: list[str]) -> str:
        code = _CODE.fullmatch(word)
        if code is not None:
            return self._code(word, code[1], len(code[2]))
        if word.isdecimal():
            return self._code(word, "", len(word))
        if word.isalpha():
            return self._free(word, len(pool), lambda number: _stacked(pool, number))
        parts = fine_words(word)
        prefix = parts[0] if len(parts) > 1 and parts[0] in _CONVENTIONS and word.startswith(parts[0]) else ""
        between = "-" if "-" in word else "_" if "_" in word else ""
        begin = prefix + between if prefix else ""
        return self._free(word, self._names, lambda number: self._joined(begin, number, between), kept=prefix)

    def _joined(self, begin: str, number: int, between: str = "") -> str:
        count, chosen = divmod(number, len(self._pools.words))
        again, place = divmod(count, len(self._numbers))
        return f"{begin}{self._pools.words[chosen]}{between}{self._numbers[place]}{'x' * again}"

    def _free(self, word: str, span: int, candidate: Callable[[int], str], *, kept: str = "") -> str:
        number = self._pools.number("word", word) % span
        while (made := candidate(number)) in self._given or self._holds_base_words(made, kept=kept):
            number += 1
        self._given.add(made)
        return made

    def _code(self, word: str, letters: str, width: int) -> str:
        # Numbers that the base does not use for anything, as many digits if there are enough of them, else more.
        candidates = (self._numbered(word, letters, width, step) for step in itertools.count())
        made = next(made for made in candidates
                    if made not in self._given and not self._holds_base_words(made, kept=letters.rstrip("-_")))
        self._given.add(made)
        return made

    def _numbered(self, word: str, letters: str, width: int, step: int) -> str:
        digits = width + step // _TRIES
        return f"{letters}{self._pools.number('code', letters, word, step) % 10 ** digits:0{digits}d}"

    def _holds_base_words(self, made: str, *, kept: str = "") -> bool:
        return any(word in self._taken and word != kept for word in fine_words(made))

    # ——— forms ———

    def _guid(self, text: str) -> str:
        made = self._pools.guid(text)
        return made.upper() if text.isupper() else made

    def _email(self, text: str) -> str:
        domain = text.lower().rpartition("@")[2]
        end = next(word for word in ("example", "test", "invalid", self._pools.words[0]) if word not in self._taken)
        person = (self._pools.picked(pool, "email", kind, text.lower())
                  for kind, pool in (("given", self._pools.given), ("family", self._pools.family)))
        host = self._pools.picked(self._pools.words, "domain", domain)
        return f"{'.'.join(person)}{self._unused_number(text)}@{host}.{end}"

    def _unused_number(self, text: str) -> int:
        return next(number for step in range(10_000)
                    if str(number := 100 + self._pools.number("number", text.lower(), step) % 900_000)
                    not in self._taken)

    def _phone(self, text: str) -> str:
        return self._pools.picked(self._pools.phones, "phone", "".join(filter(str.isdigit, text)))

    def _mac(self, text: str) -> str:
        number = self._pools.number("mac", text.lower().replace("-", ":"))
        return ":".join(["02", *(f"{number >> shift & 255:02x}" for shift in range(0, 40, 8))])

    def _ipv4(self, text: str) -> str:
        if text.startswith(_SPECIAL_NETWORKS) or _MASK.fullmatch(text):
            return text
        # Octet by octet, each by a permutation that depends on those before it: networks go on containing addresses.
        octets = text.split(".")
        made = octets[:1]
        for place in range(1, 4):
            seed = self._pools.number("ipv4", *octets[:place])
            # 0 stays 0, because it is where networks begin.
            octet = int(octets[place])
            made.append(str(1 + int(permute(np.array([octet - 1]), seed, 255)[0]) if octet else 0))
        return ".".join(made)

    def _ipv6(self, text: str) -> str:
        number = self._pools.number("ipv6", text.lower())
        return "2001:db8::" + ":".join(f"{number >> shift & 0xFFFF:x}" for shift in (0, 16, 32))


def _free_numbers(taken: Collection[str]) -> list[str]:
    """Give the first numbers of three digits or more that the base does not use."""
    free = (str(number) for number in itertools.count(100) if str(number) not in taken)
    return list(itertools.islice(free, _NUMBERS))


def _stacked(pool: list[str], number: int) -> str:
    made = pool[number % len(pool)]
    while number >= len(pool):
        number //= len(pool)
        made += pool[number % len(pool)]
    return made


def _cased(made: str, like: str) -> str:
    if like.isupper() and any(letter.isalpha() for letter in like):
        return made.upper()
    return made[:1].upper() + made[1:] if like[:1].isupper() else made

