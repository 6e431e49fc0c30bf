"""What CherryPy's server and gunicorn's worker need and don't have: one reading of what was sent,
bounds on slow clients, a share of connections for each address."""
