"""What ties a key to the password that its person had when it was made, or last kept it."""
