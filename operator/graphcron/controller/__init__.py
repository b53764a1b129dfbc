"""The manager, its work queue, and one reconciler for each kind."""
