"""Manifests in files: how they are read and written, where each field stands, and what lint warns about."""
