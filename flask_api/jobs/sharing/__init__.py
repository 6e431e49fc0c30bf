"""Jobs that their owners show to others: to whom, for how long, what of them,
and who looks on just now."""
