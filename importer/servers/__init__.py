"""The Neo4j servers that a load can be given to, and Neo4j's admin tool; knows nothing of bundles or operations."""
