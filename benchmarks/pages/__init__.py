"""Are the pages quick? ``python -m benchmarks.pages``: __main__ says how."""
