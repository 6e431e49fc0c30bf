-- Replace entries by what was read under one version, unless a newer version stands there already. Atomic.
-- KEYS: 1 the order, 2 the version of each entry published since the floor, 3... the entries
-- ARGV: 1 epoch, 2 version, then for each entry: the value ('' to delete), seconds to live ('0' for ever)
-- Returns how many entries were written or deleted, or -1 when the version is good no longer; then nothing was done.
local version = tonumber(ARGV[2])
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''
local order = redis.call('HMGET', KEYS[1], 'epoch', 'floor')
if (order[1] or '') .. ':' .. server ~= ARGV[1] or version < tonumber(order[2] or '0') then
  return -1
end
local replaced = 0
for i = 3, #KEYS do
  local entry, value, ttl = KEYS[i], ARGV[2 * i - 3], ARGV[2 * i - 2]
  if version > (tonumber(redis.call('HGET', KEYS[2], entry) or '') or 0) then
    -- Kept beside the entry, so that a deleted one has a version too.
    redis.call('HSET', KEYS[2], entry, version)
    if value == '' then
      replaced = replaced + redis.call('DEL', entry)
    else
      redis.call('SET', entry, value)
      if ttl ~= '0' then
        redis.call('EXPIRE', entry, ttl)
      end
      replaced = replaced + 1
    end
  end
end
return replaced
