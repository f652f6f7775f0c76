"""How much of the base may be seen in what is made, as data; knows no graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from synthgen.errors import UsageError

RAW, HASHED, NONE = "raw", "hashed", "none"
SOURCE_IDS = (RAW, HASHED, NONE)
FEWEST_OWNERS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    """How much of the base may be seen in what is made.

    Attributes:
        anonymise: Replace names, ids, contacts and tags, and generalise what few own; docs/privacy.md says how.
        fewest_owners: With `anonymise`: what so many own stays; at least 1.
        source_ids: `raw`, `hashed` or `none`; raw by default, and hashed with `anonymise`, which refuses raw.
    """

    anonymise: bool = False
    fewest_owners: int | None = None
    source_ids: str | None = None

    def __post_init__(self) -> None:
        """Check that the three go together.

        Raises:
            UsageError: They do not.
        """
        if self.source_ids not in {None, *SOURCE_IDS}:
            raise UsageError(f"--source-ids {self.source_ids!r} means nothing", hint="choose " + ", ".join(SOURCE_IDS))
        if self.anonymise and self.source_ids == RAW:
            raise UsageError("--source-ids raw would give away what --anonymise hides", hint="choose hashed or none")
        if self.fewest_owners is not None and not self.anonymise:
            raise UsageError("--fewest-owners is for --anonymise", hint="add --anonymise, or leave it out")
        if self.fewest_owners is not None and self.fewest_owners < 1:
            raise UsageError(f"--fewest-owners {self.fewest_owners} means nothing",
                             hint=f"give at least 1; {FEWEST_OWNERS} is the default")

    @property
    def owners(self) -> int:
        """The effective `fewest_owners`."""
        return FEWEST_OWNERS if self.fewest_owners is None else self.fewest_owners

    @property
    def source(self) -> str:
        """The effective `source_ids`."""
        return self.source_ids or (HASHED if self.anonymise else RAW)

    def as_parameters(self) -> dict[str, Any]:
        """Give what a manifest records; nothing where all is as it is by default."""
        recorded: dict[str, Any] = {"anonymise": {"fewest_owners": self.owners}} if self.anonymise else {}
        return recorded if self.source == RAW else {**recorded, "source_ids": self.source}


AS_IT_IS = Privacy()
"""Nothing is hidden."""
