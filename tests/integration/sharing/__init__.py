"""Jobs at addresses that their owners give to others."""
