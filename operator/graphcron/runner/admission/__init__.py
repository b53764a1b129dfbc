"""Whether an occurrence may start: schedule, predecessors, capacity, turns."""
