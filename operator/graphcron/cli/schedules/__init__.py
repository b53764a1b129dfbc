"""Schedules for people: in words, and what a step such as ``*/90`` means."""
