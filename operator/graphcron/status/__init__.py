"""What users read: status, conditions and Events. Pure."""
