"""Symmetric matrices by their structure: sums, factors and inverses of information matrices."""
