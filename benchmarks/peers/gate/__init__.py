"""Applications that know who is logged in."""
