#!lua flags=allow-oom
-- Take a worker off the list: one that is silent, whose jobs are the caller's then, or the caller itself, which stops.
-- KEYS: 1 workers, 2 held of the worker, 3 cancels of the worker, 4 idle slots of its kind, 5 sent to it, 6 its intermediate list,
--       7 instances, 8 held of the adopter, or orphans
-- ARGV: 1 worker, 2 adopter ('' it stops by itself), 3 seconds of silence that are enough, then its slots
-- Returns the jobs that it held; none when it lives, was taken off already, or the adopter itself was.
local seen = redis.call('ZSCORE', KEYS[1], ARGV[1])
if ARGV[2] ~= '' then
  if not seen or redis.call('SISMEMBER', KEYS[7], ARGV[2]) == 0 then
    return {}
  end
  if redis.call('TIME')[1] - seen < tonumber(ARGV[3]) then
    return {}
  end
end
local jobs = redis.call('SMEMBERS', KEYS[2])
if #jobs > 0 then
  redis.call('SUNIONSTORE', KEYS[8], KEYS[8], KEYS[2])
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[4], unpack(ARGV, 4))
redis.call('DEL', KEYS[2], KEYS[3], KEYS[5], KEYS[6])
return jobs
