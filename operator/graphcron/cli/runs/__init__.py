"""Runs in progress: the logs of their pods, and their end."""
