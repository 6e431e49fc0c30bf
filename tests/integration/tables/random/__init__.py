"""Random tables, and the judge of what comes back."""
