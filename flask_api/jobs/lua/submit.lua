-- Store a new job and list it under its owner. Atomic: both or neither.
-- KEYS: 1 record (hash), 2 the owner's jobs (sorted set, all scores 0: ids sort by time)
-- ARGV: 1 job id, then field, value, field, value ...
-- Returns 1, or 0 when the record exists already (nothing is changed).
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('ZADD', KEYS[2], 0, ARGV[1])
return 1
