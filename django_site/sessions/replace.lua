-- Replace entries that are still what the caller saw: a slower writer never overwrites what a quicker one wrote since.
-- KEYS: the entries
-- ARGV: for each entry: the value seen ('' for none), the new value ('' to delete), seconds to live ('0' for ever)
-- Returns the positions (from 1) of the entries that had changed meanwhile; those are left alone.
local changed = {}
for i, entry in ipairs(KEYS) do
  local seen, value, ttl = ARGV[3 * i - 2], ARGV[3 * i - 1], ARGV[3 * i]
  local present = redis.pcall('GET', entry)
  if type(present) ~= 'string' then
    present = ''  -- absent, or of another type, which MGET shows as absent too
  end
  if present ~= seen then
    changed[#changed + 1] = i
  elseif value == '' then
    redis.call('DEL', entry)
  elseif ttl == '0' then
    redis.call('SET', entry, value)
  else
    redis.call('SET', entry, value, 'EX', ttl)
  end
end
return changed
