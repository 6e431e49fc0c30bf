"""Redis as Gatehouse needs it: its users, a server of our own, and whether a server can be used."""
