"""The checks of ``doctor``: objects of the cluster in, findings with a remedy out."""
