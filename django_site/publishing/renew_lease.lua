-- Take a lease, or renew one's own; another's is left alone. Atomic.
-- KEYS: 1 the lease
-- ARGV: 1 the process, 2 milliseconds to hold it (0: give it back)
-- Returns 1 if it is held now, else 0.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
  return 0
end
-- Not each time: what is written goes to the append-only file.
if redis.call('PTTL', KEYS[1]) < ARGV[2] / 2 then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1
