"""What Redis holds of jobs."""
