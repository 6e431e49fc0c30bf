#!lua flags=allow-oom
-- Cancel a job: at once while it is queued, by request while it runs.
-- KEYS: 1 record, 2 held (of the record's instance), 3 cancels (of that instance), 4 delayed, 5 orphans, 6 open, 7 expiring,
--       8 events, 9 batch, 10 ended, 11 counters of the person
-- ARGV: 1 job, 2 instance that KEYS were made for, 3 now (RFC 3339), 4 expires at (seconds), 5 expires at (RFC 3339),
--       6 batch ('' none), 7 events kept, 8 event 'cancelled', 9 event 'cancel requested'
-- Returns 'cancelled' | 'requested' | 'ended' | 'absent' | 'moved' (another process holds it now: read and ask again)
local at = redis.call('HMGET', KEYS[1], 'status', 'instance', 'cancel_requested')
if not at[1] then
  return 'absent'
end
if at[2] ~= ARGV[2] then
  return 'moved'
end
if at[1] == 'running' then
  redis.call('SADD', KEYS[3], ARGV[1])
  redis.call('EXPIRE', KEYS[3], 60)
  if at[3] ~= '1' then
    redis.call('HSET', KEYS[1], 'cancel_requested', '1')
    local kept = read_kept(KEYS[11])
    tell(kept, KEYS[8], ARGV[7], 'job', ARGV[1], ARGV[9])
    write_kept(kept)
  end
  return 'requested'
end
if at[1] ~= 'queued' then
  return 'ended'
end
redis.call('HSET', KEYS[1], 'status', 'cancelled', 'finished_at', ARGV[3], 'expires_at', ARGV[5], 'cancel_requested', '1')
redis.call('ZADD', KEYS[7], ARGV[4], ARGV[1])
redis.call('SREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('SREM', KEYS[5], ARGV[1])
redis.call('SREM', KEYS[6], ARGV[1])
local kept = read_kept(KEYS[11])
kept.ended = kept.ended + 1
local event = ARGV[8]
if ARGV[6] ~= '' then
  event = string.sub(event, 1, -2) .. ',"batch":"' .. ARGV[6] .. '"}'  -- as turn.lua tells an end: who follows a batch looks for it
  redis.call('HINCRBY', KEYS[9], 'queued', -1)
  redis.call('HINCRBY', KEYS[9], 'cancelled', 1)
  redis.call('RPUSH', KEYS[10], ARGV[1])
  if redis.call('HINCRBY', KEYS[9], 'unfinished', -1) == 0 then
    redis.call('HSET', KEYS[9], 'finished_at', ARGV[3], 'expires_at', ARGV[5])
    redis.call('ZADD', KEYS[7], ARGV[4], 'batch:' .. ARGV[6])
  end
end
tell(kept, KEYS[8], ARGV[7], 'job', ARGV[1], event)
write_kept(kept)
return 'cancelled'
