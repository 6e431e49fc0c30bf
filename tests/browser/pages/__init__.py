"""The pages on which people start jobs and follow them, in a real browser: a file for each flow."""
