"""What operators see and do: all processes, everybody's jobs, what failed, and the record of what
they did. Everything here is read when it is asked for: no job's way costs more because of it."""
