"""Loads bundles into Neo4j, validates them there, takes them out again; imports from `synthgen`, never the reverse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importer.api import OperationResult, ScaleUpService
    from synthgen.monitor import PerformanceMonitor

__all__ = ["OperationResult", "PerformanceMonitor", "ScaleUpService"]


def __getattr__(name: str) -> Any:
    # Late, so that `importer --help` does not wait for Polars and the driver.
    if name == "PerformanceMonitor":
        from synthgen.monitor import PerformanceMonitor  # noqa: PLC0415

        return PerformanceMonitor
    if name in __all__:
        from importer import api  # noqa: PLC0415

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
