"""Speed and memory of the product beside floors, peers and limits, measured in the same run; see docs/benchmarks.md."""
