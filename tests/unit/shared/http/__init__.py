"""What both sides say of a request before any framework."""
