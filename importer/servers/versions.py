"""What differs between the lines of Neo4j, and between its editions, in one table; pure data, starts and asks nothing.

Sources: the Operations Manual (Import, "Full import" and "Import progress reporting"), the Upgrade and Migration Guide
("Changes from Neo4j 5.26 LTS"), the Cypher Manual ("Select Cypher version"), and `database import full --help` of
5.26.30 and 2026.09.0.
"""

from __future__ import annotations

from dataclasses import dataclass

from synthgen.database import OLDEST_SERVER, read_version

NEWEST_TRIED = (2026, 9)
BLOCK = "block"
ENTERPRISE = "enterprise"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of servers.

    Attributes:
        name: As people call it.
        since: Its first version; it ends where the next one begins.
        java: The versions of Java that run it.
        dialects: What Cypher it speaks; `CYPHER 5` at the head of a statement works on all of them.
        reports: Where an import that was not told writes what was wrong with its rows.
    """

    name: str
    since: tuple[int, int]
    java: str
    dialects: str
    reports: str


LINES = (
    Line("5.26 LTS", OLDEST_SERVER, "17, 21", "Cypher 5", "import.report in the current folder"),
    Line("2025.x", (2025, 1), "21; 25 since 2025.10", "Cypher 5; Cypher 25 since 2025.06",
         "import.report in the current folder"),
    Line("2026.x", (2026, 1), "21, 25", "Cypher 5, Cypher 25",
         "a folder per import: in data/imports since 2026.03, in logs since 2026.04"),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that not every server has or does.

    Attributes:
        what: What it is.
        since: The first version that has it.
        use: What is made of it, and why.
        arguments: What an import is told because of it.
        edition: `enterprise` when Community has it not.
    """

    what: str
    since: tuple[int, int]
    use: str
    arguments: tuple[str, ...] = ()
    edition: str = "community"


_VECTORS = Difference("vectors as values (--vector-delimiter)", (2025, 10),
                      "exported; in a store only with format block", edition=ENTERPRISE)
DIFFERENCES = (
    Difference("multi-line fields by file (--multiline-fields-format=v2)", (5, 26),
               "not used: v1, which reads them in every file, is said by --multiline-fields=true"),
    Difference("a folder for temporary files (--temp-path)", (2025, 4),
               "not used: by default they are within the new store, whose disk is looked at"),
    _VECTORS,
    Difference("any number of bad rows is passed over by default (before: 1,000)", (2025, 12),
               "never wanted: --bad-tolerance=0 is always said"),
    Difference("names of files as they are (--path-pattern-style)", (2026, 1),
               "used; before, names are regular expressions, which ours match as they are",
               ("--path-pattern-style=none",)),
    Difference("a dry run of the import itself (--dry-run)", (2026, 2), "not used: 5.26 has none"),
    Difference("; no longer separates fields", (2026, 6), "not concerned: --delimiter=, is always said"),
    Difference("incremental import", (5, 26), "not used: a full import of base and operations is what the digest check"
               " covers, and an incremental one has no way back once it has begun", edition=ENTERPRISE),
    Difference("indexes and constraints by the import itself (--schema)", (5, 26), "not used: the schema is created"
               " online, so that an item that fails undoes the load", edition=ENTERPRISE),
    Difference("store format block", (5, 26), "kept when the database has it (--format=block)", edition=ENTERPRISE),
)

_IMPORT_OPTIONS = (
    # Said aloud, because their defaults have changed between versions and losing rows silently is not an option.
    "--id-type=integer", "--strict=true", "--bad-tolerance=0", "--skip-bad-relationships=false",
    "--skip-duplicate-nodes=false", "--ignore-extra-columns=false", "--ignore-empty-strings=false",
    "--trim-strings=false", "--auto-skip-subsequent-headers=false", "--normalize-types=false",
    "--multiline-fields=true", "--delimiter=,", '--quote="', "--array-delimiter=U+001F", "--legacy-style-quoting=false",
    # The folder is new in any case; with this a failed import is tried once more to learn why (see AdminTool).
    "--overwrite-destination=true",
)


@dataclass(frozen=True, slots=True)
class Product:
    """What a server says that it is.

    Attributes:
        version: Such as 5.26.30 or 2026.09.0.
        edition: `community` or `enterprise`.
        store: The format of the database's store, such as `aligned` or `block`; empty when the server does not say.
    """

    version: str
    edition: str = "community"
    store: str = ""

    @property
    def line(self) -> Line:
        """The line that it belongs to: the last one that had begun."""
        return next(line for line in reversed(LINES) if line.since <= max(self._number, OLDEST_SERVER))

    @property
    def differences(self) -> list[Difference]:
        """What it has of the table."""
        return [one for one in DIFFERENCES if one.since <= self._number and one.edition in {"community", self.edition}]

    @property
    def _number(self) -> tuple[int, int]:
        return read_version(self.version) or OLDEST_SERVER


def import_options(product: Product) -> list[str]:
    """Give the options of `neo4j-admin database import full` that every import into such a server has."""
    further = [argument for one in product.differences for argument in one.arguments]
    return [*_IMPORT_OPTIONS, *further, *(["--format=block"] if keeps_block(product) else [])]


def keeps_block(product: Product) -> bool:
    """Say whether a new store has to be of format block to be like the present one."""
    return product.edition == ENTERPRISE and product.store.startswith(BLOCK)


def holds_vectors(product: Product) -> bool:
    """Say whether properties of a database can be vectors."""
    return keeps_block(product) and _VECTORS in product.differences


def note_newer(product: Product) -> str | None:
    """Say that a server is newer than what was tried; None when it is not."""
    number = read_version(product.version)
    if number is not None and number <= NEWEST_TRIED:
        return None
    newest = "{}.{:02}".format(*NEWEST_TRIED)
    return f"Neo4j {product.version} is newer than {newest}, the newest that was tried; it is treated like that one"


def notes(product: Product) -> list[str]:
    """Say what a user should know of such a server: that it is newer, and what is made of Enterprise's features."""
    newer = note_newer(product)
    features = [f"{one.what}: {one.use}" for one in product.differences if one.edition == ENTERPRISE]
    return [*([newer] if newer else []), *features]
