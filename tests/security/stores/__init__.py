"""Redis and databases that are full, replaced, shared or written by two."""
