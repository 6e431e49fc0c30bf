-- Create or update one session, and list it under its person. Atomic: a session deleted meanwhile is never written back.
-- KEYS: 1 session entry, 2 the person's set of session entries, 3 the person's principal, 4 what is published until when
-- ARGV: 1 'NX' (create) or 'XX' (update), 2 signed value, 3 seconds to live, 4 '1' if the session has a person,
--       5 the value that the update was made from ('' for whatever stands there), 6 seconds that a principal lives longer
-- Returns 1; 0 when the entry exists already (NX) or no longer (XX); 2 when it is no longer what the update was made from.
local present = redis.call('GET', KEYS[1])
if ARGV[1] == 'XX' and present and ARGV[5] ~= '' and present ~= ARGV[5] then
  return 2
end
if not redis.call('SET', KEYS[1], ARGV[2], ARGV[1], 'EX', ARGV[3]) then
  return 0
end
if ARGV[4] == '1' then
  redis.call('SADD', KEYS[2], KEYS[1])
  if redis.call('TTL', KEYS[2]) < tonumber(ARGV[3]) then
    redis.call('EXPIRE', KEYS[2], ARGV[3])
  end
  -- One that is missing is published by the person's next page; one of before principals ended stays.
  local left, ttl = redis.call('TTL', KEYS[3]), ARGV[3] + ARGV[6]
  if left >= 0 and left < tonumber(ARGV[3]) then
    redis.call('EXPIRE', KEYS[3], ttl)
    redis.call('ZADD', KEYS[4], redis.call('TIME')[1] + ttl, KEYS[3])
  end
end
return 1
