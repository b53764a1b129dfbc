"""A deterministic simulation of the runner's protocol: many pods, one server, virtual time, faults by a seed."""
