#!lua flags=allow-oom
-- Take jobs that nobody holds: those whose time has come, and those a stopping process handed over.
-- KEYS: 1 instances, 2 held, 3 delayed, 4 orphans
-- ARGV: 1 instance, 2 now (seconds), 3 how many at most
-- Returns the jobs, now held by the caller; none when it was declared dead.
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 then
  return {}
end
local jobs = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])
if #jobs > 0 then
  redis.call('ZREM', KEYS[3], unpack(jobs))
end
if #jobs < tonumber(ARGV[3]) then
  for _, job in ipairs(redis.call('SPOP', KEYS[4], ARGV[3] - #jobs)) do
    jobs[#jobs + 1] = job
  end
end
if #jobs > 0 then
  redis.call('SADD', KEYS[2], unpack(jobs))
end
return jobs
