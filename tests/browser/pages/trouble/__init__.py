"""What the pages do when an answer is late, fails, or is lost on its way."""
