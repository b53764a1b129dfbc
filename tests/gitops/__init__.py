"""Argo CD and Flux, by their own programs."""
