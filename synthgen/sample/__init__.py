"""A made-up Azure tenant of any size as a graph; knows no files but its own data, no clock, no servers."""

from synthgen.sample.tenant import sample_tenant

__all__ = ["sample_tenant"]
