"""The only place where synthetic metadata is named; light, because every command reads it.

Every synthetic node carries `synthetic` (true), `scale_operation_id`, `generation_strategy` and `generation_timestamp`;
template adds `template_source_id`; scenario adds `scenario_name` and, where they apply, `role`, `spoke_index`, `region`
and `environment`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from synthgen.errors import UsageError

SYNTHETIC = "synthetic"
OPERATION_ID = "scale_operation_id"
STRATEGY = "generation_strategy"
TIMESTAMP = "generation_timestamp"
SOURCE_ID = "template_source_id"

REQUIRED = (SYNTHETIC, OPERATION_ID, STRATEGY, TIMESTAMP)
SCENARIO = "scenario_name"
OF_STRATEGY: Mapping[str, tuple[str, ...]] = {"template": (SOURCE_ID,), "scenario": (SCENARIO,), "random": ()}
OF_SCENARIO = frozenset(("role", "spoke_index", "region", "environment"))
"""Metadata where `SCENARIO` stands beside them; elsewhere a graph's own properties of these names."""
EVERY_NAME = OF_SCENARIO | {*REQUIRED, SOURCE_ID, SCENARIO}

_OPERATION_ID = re.compile(r"scale-[0-9]{8}T[0-9]{6}-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What marks every node of one operation; `created_at` is ISO 8601 with zone."""

    operation_id: str
    strategy: str
    created_at: str


def operation_id_of(now: datetime, unique: int) -> str:
    """Make an operation id from a clock with zone and 32 bits that no other operation has."""
    return f"scale-{now.astimezone(UTC):%Y%m%dT%H%M%S}-{unique & 0xFFFFFFFF:08x}"


def check_operation_id(operation_id: str) -> str:
    """Give back a well-formed operation id.

    Raises:
        UsageError: It is not `scale-YYYYMMDDTHHMMSS-xxxxxxxx`.
    """
    if not _OPERATION_ID.fullmatch(operation_id):
        raise UsageError(f"{operation_id!r} is not an operation id",
                         hint="it looks like scale-20260131T120000-0123abcd (UTC, 8 hex digits)")
    return operation_id
