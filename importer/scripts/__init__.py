"""Loads as scripts that a database administrator runs, instead of running them."""
