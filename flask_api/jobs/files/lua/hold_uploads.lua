-- Note that a job or a batch needs some files, before it is accepted: they stay until it has ended. All or nothing.
-- KEYS: 1 expiring uploads, then for each file: record, holders
-- ARGV: 1 holder, 2 keep at least until (seconds since 1970), 3 the same (RFC 3339), then each file
-- Returns how many hold that of the files which most do, or 0: one of them is gone.
local most = 0
for number = 2, #KEYS, 2 do
  if redis.call('EXISTS', KEYS[number]) == 0 then
    return 0
  end
end
for number = 4, #ARGV do
  local key = 2 * (number - 3)
  redis.call('SADD', KEYS[key + 1], ARGV[1])
  most = math.max(most, redis.call('SCARD', KEYS[key + 1]))
  if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[number]) or 0) < tonumber(ARGV[2]) then
    redis.call('ZADD', KEYS[1], ARGV[2], ARGV[number])
    redis.call('HSET', KEYS[key], 'expires_at', ARGV[3])
  end
end
return most
