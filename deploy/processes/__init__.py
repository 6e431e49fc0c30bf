"""What the launcher starts and keeps on a machine: child processes, their logs, private files."""
