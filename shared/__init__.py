"""The contract between the Django site and the Flask API:
settings, entries, formats, guards, errors."""
