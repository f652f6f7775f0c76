"""How close an operation stayed to its base: what is measured, the measures, and the report of both."""
