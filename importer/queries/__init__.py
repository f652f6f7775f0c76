"""Measures how long a user's own queries take on a database; see docs/query-bench.md."""
