#!lua flags=allow-oom
-- Write what operators are about to do, and let the oldest go. Works while Redis is full: what could not be written is not done.
-- Looks and deeds are in streams of their own, so that none push out the others, and no two have one id.
-- KEYS: 1 audit, 2 audit-outcomes, 3 looks (or 1 looks, 2 looks-outcomes, 3 audit)
-- ARGV: 1 how many are kept, then each deed as JSON
-- Returns the id of each
local ids = {}
for number = 2, #ARGV do
  local id = redis.call('XADD', KEYS[1], '*', 'deed', ARGV[number])
  if #redis.call('XRANGE', KEYS[3], id, id) > 0 then  -- of the same millisecond: one behind all that are there
    redis.call('XDEL', KEYS[1], id)
    local ms, last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1][1]:match('(%d+)-(%d+)')
    id = redis.call('XADD', KEYS[1], string.format('%s-%.0f', ms, last + 1), 'deed', ARGV[number])
  end
  ids[#ids + 1] = id
end
local excess = math.min(redis.call('XLEN', KEYS[1]) - tonumber(ARGV[1]), 1000)
if excess > 0 then
  local old = {}
  for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', excess)) do
    old[#old + 1] = entry[1]
  end
  redis.call('XDEL', KEYS[1], unpack(old))
  redis.call('HDEL', KEYS[2], unpack(old))
end
return ids
