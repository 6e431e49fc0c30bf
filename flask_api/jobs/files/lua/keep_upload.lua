-- List a file that was received whole.
-- KEYS: 1 record, 2 uploads of the person, 3 expiring uploads
-- ARGV: 1 file, 2 its bytes, 3 expires at (seconds since 1970), then field, value ...
-- Returns 1, or 0: it was forgotten meanwhile, nothing was changed.
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
return 1
