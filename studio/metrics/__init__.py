"""Measures of sound: pure functions, each with its unit, definition and source."""
