"""Snapshots: the whole content of one database as Parquet, as FORMAT.md says."""
