"""The dashboard without a cluster and without a browser."""
