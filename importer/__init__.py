"""Loads bundles into Neo4j, validates them there, takes them out again; imports from `synthgen`, never the reverse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importer.api import OperationResult, ScaleUpService

__all__ = ["OperationResult", "ScaleUpService"]


def __getattr__(name: str) -> Any:
    # Late, so that `importer --help` does not wait for Polars and the driver.
    if name in __all__:
        from importer import api  # noqa: PLC0415

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
