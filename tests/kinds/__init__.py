"""Graphs that have nothing to do with Azure, in the size of a real one: what "any graph" is tried with."""
