"""Dialogue Studio: write a script, cast the voices, hear it from several engines, keep the best take of every turn."""

__version__ = "0.1.0"
