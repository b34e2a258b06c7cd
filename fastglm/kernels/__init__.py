"""Compiled loops. They receive arrays, a family value and a link value, and nothing else of ours."""
