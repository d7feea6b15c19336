"""Benchmarks: engines measured on this machine by one protocol, kept row by row, compared and written out.

What is measured is defined in `measures`, how in `bench`; neither knows a page or a terminal.
"""
