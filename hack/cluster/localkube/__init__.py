"""The local Kubernetes of `hack/cluster`, which its README describes."""
