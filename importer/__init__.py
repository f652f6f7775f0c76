"""Loads bundles into Neo4j, validates them there, takes them out again; imports from `synthgen`, never the reverse."""
