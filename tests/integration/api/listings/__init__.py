"""The listings of jobs over the API: what is searched, and what a batch holds."""
