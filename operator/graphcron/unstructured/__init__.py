"""Objects and JSON that anybody may have written, read within bounds."""
