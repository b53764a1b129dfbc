"""How objects are printed: tables, JSON, YAML, names, and times for people."""
