"""One occurrence as its pod knows it: identity, settings, record, outcome, shutdown."""
