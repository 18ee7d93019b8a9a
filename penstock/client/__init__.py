"""Thin clients of our own HTTP interface, for the command line and for tests."""
