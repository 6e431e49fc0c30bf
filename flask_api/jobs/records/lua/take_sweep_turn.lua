#!lua flags=allow-oom
-- Sweep in this process, unless another one does or did so lately. A full Redis is no reason not to: the sweep frees memory.
-- KEYS: 1 turn
-- ARGV: 1 seconds until the next turn
-- Returns 1, or 0.
return redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) and 1 or 0
