#!lua flags=allow-oom
-- Forget a file, unless something needs it, or came to need it since the caller looked. It stays among the expiring ones, as
-- due at once, until its content is deleted: a process that dies in between leaves it to the sweeper.
-- KEYS: 1 record, 2 uploads of the person, 3 expiring uploads, 4 holders
-- ARGV: 1 file, 2 only if it expires by then (seconds since 1970, '' whenever), then each holder that has ended
-- Returns 1, or 0: it is needed.
for first = 3, #ARGV, 1000 do  -- thousands of jobs may have named it: more than one call takes
  redis.call('SREM', KEYS[4], unpack(ARGV, first, math.min(first + 999, #ARGV)))
end
local expires_at = tonumber(redis.call('ZSCORE', KEYS[3], ARGV[1]) or 0)
if redis.call('SCARD', KEYS[4]) > 0 or (ARGV[2] ~= '' and expires_at > tonumber(ARGV[2])) then
  return 0
end
redis.call('DEL', KEYS[1], KEYS[4])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[3], 0, ARGV[1])
return 1
