"""Jobs at addresses that their owners give to others: the owner's side, and the viewers'."""
