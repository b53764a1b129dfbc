"""What the watches have shown, and the operator's own writes until the watches show them."""
