-- Replace entries by what was read under one version, unless a newer version stands there already. Atomic.
-- KEYS: 1 the order, 2 the version of each entry published since the floor, 3 who was marked as gone when, 4 what is
--       published until when, then the entries that others name, then the entries to replace; a person's mark stands
--       after their entry, and has its version
-- ARGV: 1 epoch, 2 version, 3 seconds a mark is kept, 4 how many marks are kept, 5 seconds that a named entry lives at
--       least, 6 number of entries that others name, then the value of each of these, then for each entry to replace six:
--       the value ('' to delete), seconds to live at least, how ('set': exactly so long; 'arrive': it was not there, or
--       stays longer; 'keep': only if it is there, as long as it is), of a mark the person's id ('' there is none) and its
--       value ('' to take it away), which of the named entries it names (0: none)
-- Returns how many entries were replaced or deleted, or -1 when the version is good no longer; then nothing was done.
local version = tonumber(ARGV[2])
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''
local order = redis.call('HMGET', KEYS[1], 'epoch', 'floor')
if (order[1] or '') .. ':' .. server ~= ARGV[1] or version < tonumber(order[2] or '0') then
  return -1
end

local named, entries = tonumber(ARGV[6]), {}
local key, argument = 4 + named, 6 + named
while key < #KEYS do
  local entry = {
    name = KEYS[key + 1], value = ARGV[argument + 1], ttl = tonumber(ARGV[argument + 2]), how = ARGV[argument + 3],
    person = ARGV[argument + 4], mark = ARGV[argument + 5], names = tonumber(ARGV[argument + 6]), gone = KEYS[key + 2],
  }
  entry.left = redis.call('TTL', entry.name)
  entry.is_newer = version > (tonumber(redis.call('HGET', KEYS[2], entry.name) or '') or 0)
  if not entry.is_newer and entry.how == 'arrive' and entry.value ~= '' and entry.left == -2 then
    -- A newer change met nobody here, so it wrote nothing: read again what it was.
    return -1
  end
  table.insert(entries, entry)
  key, argument = key + (entry.person == '' and 1 or 2), argument + 6
end

local time = redis.call('TIME')
local now = tonumber(time[1])

-- Put a person at the end of those who are gone. The moment only grows, whatever the clock does: readers remember one.
local function note_gone(id)
  local last = redis.call('ZREVRANGE', KEYS[3], 0, 0, 'WITHSCORES')
  local moment = math.max(now * 1000000 + time[2], (tonumber(last[2] or '') or 0) + 1)
  redis.call('ZADD', KEYS[3], string.format('%.0f', moment), id)
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', string.format('%.0f', moment - ARGV[3] * 1000000))
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -1 - ARGV[4])
end

local function mark(entry)
  if entry.mark == '' then
    redis.call('DEL', entry.gone)
    redis.call('ZREM', KEYS[3], entry.person)
  else
    redis.call('SET', entry.gone, entry.mark, 'EX', ARGV[3])
    note_gone(entry.person)
  end
end

-- Write the set of permissions that an entry names, to live as long at least. Its name is its content's: what stands
-- there already is the same, signed before.
local function write_named(number, ttl)
  local name = KEYS[4 + number]
  local left = redis.call('TTL', name)
  redis.call('SET', name, ARGV[6 + number], 'KEEPTTL')
  if ttl == -1 then
    redis.call('PERSIST', name)
  elseif left ~= -1 then
    redis.call('EXPIRE', name, math.max(left, ttl, tonumber(ARGV[5])))
  end
end

local function write(entry)
  local ttl = entry.left
  if entry.how == 'set' or ttl == -2 or (ttl >= 0 and ttl < entry.ttl) then
    ttl = entry.ttl
  end
  if entry.names > 0 then
    write_named(entry.names, ttl)
  end
  redis.call('SET', entry.name, entry.value)
  if ttl >= 0 then
    redis.call('EXPIRE', entry.name, ttl)
    redis.call('ZADD', KEYS[4], now + ttl, entry.name)
  end
end

local replaced = 0
for _, entry in ipairs(entries) do
  if entry.is_newer then
    -- Kept beside the entry, so that a deleted one has a version too.
    redis.call('HSET', KEYS[2], entry.name, version)
    if entry.value == '' then
      replaced = replaced + redis.call('DEL', entry.name)
      redis.call('ZREM', KEYS[4], entry.name)
    elseif entry.how ~= 'keep' or entry.left ~= -2 then
      write(entry)
      replaced = replaced + 1
    end
    if entry.person ~= '' then
      mark(entry)
    end
  end
end
return replaced
