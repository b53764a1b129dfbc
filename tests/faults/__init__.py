"""Faults that tests make on the wire."""
