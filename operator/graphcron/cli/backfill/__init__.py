"""Runs for the past occurrences of a schedule."""
