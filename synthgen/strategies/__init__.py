"""The strategies: pure functions from a base graph and parameters to a growth."""
