"""Ways to run a thousand calls elsewhere and wait for their results."""
