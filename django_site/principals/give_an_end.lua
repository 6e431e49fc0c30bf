-- List principals as published, and let those that have no end live as long as the last session of their person.
-- KEYS: 1 what is published until when, then principals, each with the set of its person's session entries
-- ARGV: 1 seconds to live at least
local now = redis.call('TIME')[1]
for i = 2, #KEYS, 2 do
  local left = redis.call('TTL', KEYS[i])
  if left == -1 then
    left = tonumber(ARGV[1])
    for _, entry in ipairs(redis.call('SMEMBERS', KEYS[i + 1])) do
      left = math.max(left, redis.call('TTL', entry))
    end
    redis.call('EXPIRE', KEYS[i], left)
  end
  if left >= 0 then
    redis.call('ZADD', KEYS[1], now + left, KEYS[i])
  end
end
