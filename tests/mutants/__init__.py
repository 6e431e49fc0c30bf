"""Remove guards one at a time: each time a test must fail. ``python -m tests.mutants`` (an hour);
names of some try only those.

A guard that can be removed with every test green is a guard that somebody will remove.
Works on copies of the tree.
"""
