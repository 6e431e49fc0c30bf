"""What the API measures of itself."""
