"""Listening tests: one script in several entries, heard side by side or blind, and what the votes say about them."""
