#!lua flags=allow-oom
-- Say that a worker on another machine lives, unless it was declared dead: then it begins anew. The time is Redis's own.
-- KEYS: 1 workers, 2 cancels of the worker, 3 kind, 4 idle slots of the kind
-- ARGV: 1 worker, 2 '1' to register, 3 what the kind can run, 4 seconds that is kept, 5 how many of the slots that are free are
-- offered, then these slots: first those, then others
-- Returns {0} (declared dead), or {1, Redis' time: {seconds, microseconds}, {others that are not offered: somebody took them},
-- jobs whose cancel was asked for ...}
if ARGV[2] ~= '1' and not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return {0}
end
local time = redis.call('TIME')
local now = time[1]
redis.call('ZADD', KEYS[1], now, ARGV[1])
if redis.call('EXPIRE', KEYS[3], ARGV[4]) == 0 then
  redis.call('SET', KEYS[3], ARGV[3], 'EX', ARGV[4])
end
local absent = {}
for number = 6, #ARGV do
  if number < 6 + tonumber(ARGV[5]) then
    redis.call('ZADD', KEYS[4], 'NX', now, ARGV[number])
  elseif not redis.call('ZSCORE', KEYS[4], ARGV[number]) then
    absent[#absent + 1] = ARGV[number]
  end
end
redis.call('EXPIRE', KEYS[4], ARGV[4])
return {1, time, absent, unpack(redis.call('SMEMBERS', KEYS[2]))}
