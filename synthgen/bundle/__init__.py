"""Bundles: the files of one operation, as FORMAT.md says."""
