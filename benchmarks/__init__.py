"""Races between fastglm and its peers: ``python -m benchmarks --help``."""
