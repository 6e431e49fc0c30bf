"""Processes that a benchmark starts beside itself: the load, who submits, who follows, a web server."""
