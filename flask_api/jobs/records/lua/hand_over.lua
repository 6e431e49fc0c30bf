#!lua flags=allow-oom
-- Give away all that a stopping process holds, at once, and leave.
-- KEYS: 1 instances, 2 held, 3 orphans, 4 heartbeat, 5 cancels
-- ARGV: 1 instance
-- Returns how many jobs were handed over.
redis.call('SREM', KEYS[1], ARGV[1])
local jobs = redis.call('SCARD', KEYS[2])
if jobs > 0 then
  redis.call('SUNIONSTORE', KEYS[3], KEYS[3], KEYS[2])
end
redis.call('DEL', KEYS[2], KEYS[4], KEYS[5])
return jobs
