#!lua flags=allow-oom
-- Take over the whole set of a process whose heartbeat is gone. Atomic: one adopter gets all, the others nothing.
-- KEYS: 1 instances, 2 heartbeat of the dead, 3 held of the dead, 4 held of the adopter, 5 cancels of the dead
-- ARGV: 1 the dead, 2 the adopter
-- Returns the adopted jobs; none when the dead lives, was adopted already, or the adopter itself was.
if redis.call('EXISTS', KEYS[2]) == 1 or redis.call('SISMEMBER', KEYS[1], ARGV[2]) == 0 then
  return {}
end
if redis.call('SREM', KEYS[1], ARGV[1]) == 0 then
  return {}
end
local jobs = redis.call('SMEMBERS', KEYS[3])
if #jobs > 0 then
  redis.call('SUNIONSTORE', KEYS[4], KEYS[4], KEYS[3])
end
redis.call('DEL', KEYS[3], KEYS[5])
return jobs
