"""Solvers: they see an objective and nothing behind it."""
