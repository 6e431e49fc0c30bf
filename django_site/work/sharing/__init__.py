"""Pages on which people show a job to others, and look at one that is shown to them."""
