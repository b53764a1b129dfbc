"""The client of the Kubernetes API server, and the leader election."""
