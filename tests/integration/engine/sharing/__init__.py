"""What is kept, how long, and who removes it."""
