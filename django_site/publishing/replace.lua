-- Replace entries by what was read under one version, unless a newer version stands there already. Atomic.
-- KEYS: 1 the order, 2 the version of each entry published since the floor, 3 who was marked as gone when, 4... the entries;
--       a person's mark stands after their entry, and has its version
-- ARGV: 1 epoch, 2 version, 3 seconds a mark is kept, 4 how many marks are kept, then for each entry: the value ('' to
--       delete), seconds to live ('0' for ever), of a mark the person's id ('' it is none)
-- Returns how many entries were written or deleted, but marks, or -1 when the version is good no longer; then nothing was done.
local version = tonumber(ARGV[2])
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''
local order = redis.call('HMGET', KEYS[1], 'epoch', 'floor')
if (order[1] or '') .. ':' .. server ~= ARGV[1] or version < tonumber(order[2] or '0') then
  return -1
end

-- Put a person at the end of those who are gone. The moment only grows, whatever the clock does: readers remember one.
local function note_gone(id)
  local time = redis.call('TIME')
  local last = redis.call('ZREVRANGE', KEYS[3], 0, 0, 'WITHSCORES')
  local now = math.max(time[1] * 1000000 + time[2], (tonumber(last[2] or '') or 0) + 1)
  redis.call('ZADD', KEYS[3], string.format('%.0f', now), id)
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', string.format('%.0f', now - ARGV[3] * 1000000))
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -1 - ARGV[4])
end

local replaced, is_newer = 0, false
for i = 4, #KEYS do
  local entry, value, ttl, gone = KEYS[i], ARGV[3 * i - 7], ARGV[3 * i - 6], ARGV[3 * i - 5]
  if gone == '' then
    is_newer = version > (tonumber(redis.call('HGET', KEYS[2], entry) or '') or 0)
    if is_newer then
      -- Kept beside the entry, so that a deleted one has a version too.
      redis.call('HSET', KEYS[2], entry, version)
    end
  end
  if is_newer then
    local changed = 1
    if value == '' then
      changed = redis.call('DEL', entry)
    else
      redis.call('SET', entry, value)
      if ttl ~= '0' then
        redis.call('EXPIRE', entry, ttl)
      end
    end
    if gone == '' then
      replaced = replaced + changed
    elseif value == '' then
      redis.call('ZREM', KEYS[3], gone)
    else
      note_gone(gone)
    end
  end
end
return replaced
