-- Write fields of a running job, fenced: only its holder's present attempt may.
-- KEYS: 1 record (hash)
-- ARGV: 1 holder, 2 attempt, 3 seconds until the record expires (0: never), then field, value ...
-- Returns 1, or 0 when the job is no longer this attempt's (nothing is changed).
local held = redis.call('HMGET', KEYS[1], 'status', 'holder', 'attempt')
if held[1] ~= 'running' or held[2] ~= ARGV[1] or held[3] ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
if ARGV[3] ~= '0' then
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
return 1
