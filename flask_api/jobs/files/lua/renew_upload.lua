#!lua flags=allow-oom
-- Note that a file is still being received: it writes no more than was there, so it may while Redis is full.
-- KEYS: 1 record, 2 uploads of the person, 3 expiring uploads
-- ARGV: 1 file, 2 when it is forgotten if nothing more comes (seconds since 1970)
-- Returns 1, or 0: it was forgotten meanwhile, nothing was changed.
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then
  return 0
end
redis.call('ZADD', KEYS[3], 'XX', ARGV[2], ARGV[1])
return 1
