"""What strangers send: bodies, expressions, heads; each is linear and bounded."""
