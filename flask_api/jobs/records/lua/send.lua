-- Put an entry into the queue of a worker, which goes some time should nobody take it or bury the worker.
-- KEYS: 1 what is on its way to the worker
-- ARGV: 1 entry, 2 seconds that it is kept
-- Returns 1.
redis.call('LPUSH', KEYS[1], ARGV[1])
return redis.call('EXPIRE', KEYS[1], ARGV[2])
