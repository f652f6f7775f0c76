"""Loads bundles into Neo4j, validates them there and rolls them back; uses `synthgen`, never the other way round."""
