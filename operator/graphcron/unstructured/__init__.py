"""Bounded parsing of untrusted objects and JSON."""
