-- Replace entries by what was read under one version, unless a newer version stands there already. Atomic.
-- KEYS: 1 the order, 2 the version of each entry published since the floor, 3 who was marked as gone when, then the entries
--       that others name, then the entries to replace; a person's mark stands after their entry, and has its version
-- ARGV: 1 epoch, 2 version, 3 seconds a mark is kept, 4 how many marks are kept, 5 number of entries that others name,
--       then the value of each of these, then for each entry to replace five: the value ('' to delete), seconds to live
--       ('0' for ever), of a mark the person's id ('' there is none) and its value ('' to take it away),
--       which of the named entries it names (0: none)
-- Returns how many entries were replaced or deleted, or -1 when the version is good no longer; then nothing was done.
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

local function write(entry, value, ttl)
  redis.call('SET', entry, value)
  if ttl ~= '0' then
    redis.call('EXPIRE', entry, ttl)
  end
end

local function mark(entry, id, value)
  if value == '' then
    redis.call('DEL', entry)
    redis.call('ZREM', KEYS[3], id)
  else
    write(entry, value, ARGV[3])
    note_gone(id)
  end
end

local named = tonumber(ARGV[5])
local key, argument, replaced = 3 + named, 5 + named, 0
while key < #KEYS do
  local entry, value, ttl = KEYS[key + 1], ARGV[argument + 1], ARGV[argument + 2]
  local id, mark_value, names = ARGV[argument + 3], ARGV[argument + 4], tonumber(ARGV[argument + 5])
  if version > (tonumber(redis.call('HGET', KEYS[2], entry) or '') or 0) then
    -- Kept beside the entry, so that a deleted one has a version too.
    redis.call('HSET', KEYS[2], entry, version)
    if value == '' then
      replaced = replaced + redis.call('DEL', entry)
    else
      if names > 0 then
        -- Before what names it. It is what stands there already, signed anew: its name is its content's.
        redis.call('SET', KEYS[3 + names], ARGV[5 + names])
      end
      write(entry, value, ttl)
      replaced = replaced + 1
    end
    if id ~= '' then
      mark(KEYS[key + 2], id, mark_value)
    end
  end
  key, argument = key + (id == '' and 1 or 2), argument + 5
end
return replaced
