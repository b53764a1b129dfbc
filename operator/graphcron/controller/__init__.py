"""The manager, its queue and the reconcilers; kopf ends here."""
