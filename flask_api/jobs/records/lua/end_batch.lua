#!lua flags=allow-oom
-- Take a batch away, in two steps. First it is marked: from then on it is not there for its person, and stays among the staged
-- ones until its jobs are gone too. If the caller dies between the steps, the sweeper goes on.
-- KEYS: 1 batch, 2 members, 3 ended, 4 staged, 5 expiring, 6 batches of the person, 7 counters, 8 events, 9 idempotency (or any),
--       10 stubs of the person
-- ARGV: 1 batch, 2 step: 'mark', 'remove' (its jobs are gone), or 'expire' (it goes as its jobs do; a stub says 410 a while),
--       3 seconds a stub is kept, 4 events kept, 5 event
-- Returns 1, or 0: it has jobs that have not ended, nothing was changed.
local at = redis.call('HMGET', KEYS[1], 'unfinished', 'key', 'is_stub')
local kept = read_kept(KEYS[7])
if ARGV[2] == 'mark' then
  if at[1] ~= '0' then
    return 0
  end
  redis.call('HSET', KEYS[1], 'is_deleted', '1')
  redis.call('ZADD', KEYS[4], 0, ARGV[1])
  redis.call('ZREM', KEYS[5], 'batch:' .. ARGV[1])
  redis.call('ZREM', KEYS[6], ARGV[1])
  tell(kept, KEYS[8], ARGV[4], 'batch', ARGV[1], ARGV[5])
  write_kept(kept)
  return 1
end
if at[1] and not at[3] then
  kept.bytes = kept.bytes - JOB_BYTES
  write_kept(kept)
end
redis.call('UNLINK', KEYS[2], KEYS[3])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('ZREM', KEYS[5], 'batch:' .. ARGV[1])
redis.call('ZREM', KEYS[6], ARGV[1])
if ARGV[2] == 'remove' then
  redis.call('UNLINK', KEYS[1])
  if at[2] == KEYS[9] and names(KEYS[9], ARGV[1]) then
    redis.call('UNLINK', KEYS[9])
  end
elseif at[1] then
  redis.call('HSET', KEYS[1], 'is_stub', '1')
  redis.call('EXPIRE', KEYS[1], ARGV[3])
  redis.call('RPUSH', KEYS[10], 'batch:' .. ARGV[1])
  redis.call('EXPIRE', KEYS[10], ARGV[3])
end
return 1
