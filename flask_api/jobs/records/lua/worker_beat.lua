#!lua flags=allow-oom
-- Say that a worker on another machine lives, unless it was declared dead: then it begins anew. The time is Redis's own.
-- KEYS: 1 workers, 2 cancels of the worker, 3 kind, 4 idle slots of the kind
-- ARGV: 1 worker, 2 '1' to register, 3 what the kind can run, 4 seconds that is kept, then the slots that are free
-- Returns {0} (declared dead), or {1, Redis' time: {seconds, microseconds}, jobs whose cancel was asked for ...}
if ARGV[2] ~= '1' and not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return {0}
end
local time = redis.call('TIME')
local now = time[1]
redis.call('ZADD', KEYS[1], now, ARGV[1])
if redis.call('EXPIRE', KEYS[3], ARGV[4]) == 0 then
  redis.call('SET', KEYS[3], ARGV[3], 'EX', ARGV[4])
end
for number = 5, #ARGV do
  redis.call('ZADD', KEYS[4], 'NX', now, ARGV[number])
end
redis.call('EXPIRE', KEYS[4], ARGV[4])
return {1, time, unpack(redis.call('SMEMBERS', KEYS[2]))}
