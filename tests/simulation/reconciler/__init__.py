"""The operator's own code in virtual time, against a model of the API server and of Kubernetes' controllers."""
