-- Count one attempt against every limit, or against none when one of them is reached. Atomic, by this server's clock.
-- KEYS: an entry for each limit: a JSON list of the moments of its attempts, the newest first, as django-allauth has it
-- ARGV: for each limit: how many attempts it allows, in how many seconds
-- Returns the moment that was noted; '' when a limit is reached, and then nothing is changed.
local time = redis.call('TIME')
-- To a tenth of a millisecond: cjson writes 14 digits, and what is noted must be found again.
local now = tonumber(string.format('%.4f', time[1] + time[2] / 1000000))
local noted = {}
for i, entry in ipairs(KEYS) do
  local moments = {now}
  for _, moment in ipairs(cjson.decode(redis.call('GET', entry) or '[]')) do
    if moment > now - ARGV[2 * i] then
      moments[#moments + 1] = moment
    end
  end
  if #moments > tonumber(ARGV[2 * i - 1]) then
    return ''
  end
  noted[i] = cjson.encode(moments)
end
for i, entry in ipairs(KEYS) do
  redis.call('SET', entry, noted[i], 'PX', string.format('%.0f', ARGV[2 * i] * 1000))
end
return cjson.encode(now)
