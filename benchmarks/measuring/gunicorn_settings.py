"""The server of the benchmark: one process with threads, as gunicorn.conf.py has it;
a sync worker knows no keep-alive."""

worker_class = "gthread"
workers = 1
keepalive = 60  # longer than any measurement
loglevel = "warning"
control_socket_disable = True  # all servers of a person would share one
