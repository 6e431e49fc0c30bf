#!lua flags=allow-oom
-- Write what operators are about to do, and let the oldest go. Works while Redis is full: what could not be written is not done.
-- KEYS: 1 audit, 2 audit-outcomes
-- ARGV: 1 how many are kept, then each deed as JSON
-- Returns the id of each
local ids = {}
for number = 2, #ARGV do
  ids[#ids + 1] = redis.call('XADD', KEYS[1], '*', 'deed', ARGV[number])
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
