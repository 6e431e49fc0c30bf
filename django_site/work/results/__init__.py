"""What a page shows of a result, by what it is."""
