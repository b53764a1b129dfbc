"""The local Kubernetes of `hack/cluster`; its README says what is where."""
