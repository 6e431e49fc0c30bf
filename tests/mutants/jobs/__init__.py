"""Guards of jobs that are many, by what they keep."""
