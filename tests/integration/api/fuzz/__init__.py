"""Every operation with bytes that its schema suggests."""
