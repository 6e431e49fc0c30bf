#!lua flags=allow-oom
-- Say that the process lives, unless it was declared dead: then it must not come back under this name.
-- KEYS: 1 instances, 2 heartbeat, 3 cancels, 4 paused
-- ARGV: 1 instance, 2 seconds the heartbeat lasts, 3 '1' to register, 4 what it tells the others
-- Returns {0} (declared dead), or {1, Redis' time: {seconds, microseconds}, what is paused: {name, text ...}, jobs whose cancel was
-- asked for ...}
if ARGV[3] == '1' then
  redis.call('SADD', KEYS[1], ARGV[1])
elseif redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 then
  return {0}
end
redis.call('SET', KEYS[2], ARGV[4], 'EX', ARGV[2])
-- Left there until they expire: the reply may be lost.
return {1, redis.call('TIME'), redis.call('HGETALL', KEYS[4]), unpack(redis.call('SMEMBERS', KEYS[3]))}
