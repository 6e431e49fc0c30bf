-- Take the next version. Atomic. Versions only grow, as long as this server remembers; afterwards the epoch is another.
-- KEYS: 1 the order (hash: epoch, last, floor), 2 the version that each entry was published with since the floor (hash)
-- ARGV: 1 a random epoch, used when there is none, 2 '1' to raise the floor: versions taken before are good no longer
-- Returns the epoch and the version.
-- A restarted or promoted server may have lost its newest writes, so its own name is a part of the epoch.
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''
redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
local version = redis.call('HINCRBY', KEYS[1], 'last', 1)
if ARGV[2] == '1' then
  redis.call('HSET', KEYS[1], 'floor', version)
  redis.call('UNLINK', KEYS[2])
end
return {redis.call('HGET', KEYS[1], 'epoch') .. ':' .. server, version}
