"""The version, which saved fits and checkpoints are marked with."""

__version__ = "0.1.0"
