"""Files that jobs read and keep."""
