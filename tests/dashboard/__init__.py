"""``kubectl graphcron dashboard`` in a real browser, against a real cluster."""
