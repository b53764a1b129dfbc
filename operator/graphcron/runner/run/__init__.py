"""A run from its start to its end, at most once per occurrence."""
