#!lua flags=no-writes
-- Read the last lines of a job's log, as many as have so many bytes together, all of one moment.
-- KEYS: 1 log
-- ARGV: 1 bytes at most
-- Returns the lines, the oldest first; at least the last one.
local room, count = tonumber(ARGV[1]), redis.call('LLEN', KEYS[1])
for last = count - 1, 0, -100 do
  local lines = redis.call('LRANGE', KEYS[1], math.max(0, last - 99), last)
  for at = #lines, 1, -1 do
    room = room - #lines[at]
    if room < 0 then
      return redis.call('LRANGE', KEYS[1], math.min(last - #lines + at + 1, count - 1), -1)
    end
  end
end
return redis.call('LRANGE', KEYS[1], 0, -1)
