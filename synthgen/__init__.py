"""Grow a property graph: snapshots, strategies, bundles. Knows of servers only how to read the base graph."""

__version__ = "0.1.0"
