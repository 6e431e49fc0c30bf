-- Count a file that is about to be received as its person's, as large as it may become: parallel uploads share one allowance.
-- KEYS: 1 record, 2 uploads of the person, 3 expiring uploads
-- ARGV: 1 file, 2 its bytes ('' unknown), 3 bytes of the largest file, 4 bytes of a person, 5 files of a person,
--       6 when it is forgotten if it is never complete (seconds since 1970), 7 owner
-- Returns how many bytes it may have, -1: too many files, -2: too many bytes.
local sizes, kept = redis.call('HVALS', KEYS[2]), 0
if #sizes >= tonumber(ARGV[5]) then
  return -1
end
for _, size in ipairs(sizes) do
  kept = kept + tonumber(size)
end
local free = tonumber(ARGV[4]) - kept
local wanted = tonumber(ARGV[2]) or math.min(free, tonumber(ARGV[3]))
if free <= 0 or wanted > free then
  return -2
end
redis.call('HSET', KEYS[1], 'owner_id', ARGV[7])
redis.call('HSET', KEYS[2], ARGV[1], string.format('%.0f', wanted))
redis.call('ZADD', KEYS[3], ARGV[6], ARGV[1])
return wanted
