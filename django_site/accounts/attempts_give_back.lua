-- Take one attempt out of the count of each limit. Atomic.
-- KEYS: an entry for each limit, as in attempts_take.lua
-- ARGV: 1 the moment that was noted
-- Returns nothing.
local noted = tonumber(ARGV[1])
for _, entry in ipairs(KEYS) do
  local moments, is_found = {}, false
  for _, moment in ipairs(cjson.decode(redis.call('GET', entry) or '[]')) do
    -- Another attempt of the same moment stays counted.
    if moment == noted and not is_found then
      is_found = true
    else
      moments[#moments + 1] = moment
    end
  end
  if #moments == 0 then
    redis.call('DEL', entry)
  elseif is_found then
    redis.call('SET', entry, cjson.encode(moments), 'KEEPTTL')
  end
end
