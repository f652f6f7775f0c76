"""Scenarios: topologies as data files, and the arithmetic that turns them into rows; knows no server."""
