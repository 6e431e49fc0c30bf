"""How many jobs of each task ended in each of the last 72 hours, how long they waited and ran: in
coarse buckets, counted in each process and added up in Redis every few seconds."""
