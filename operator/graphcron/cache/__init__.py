"""Cache of the watched objects, and the operator's own writes until a watch delivers them."""
