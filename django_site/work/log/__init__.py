"""A job's log as a page shows it."""
