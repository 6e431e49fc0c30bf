"""The context of a running task: what it says and keeps, and when it ends the attempt."""
