-- Queue an ended job again, held by the caller. Its earlier attempts stay on the record.
-- KEYS: 1 record, 2 held, 3 open, 4 expiring, 5 events, 6 instances, 7 cancels (of the caller), 8 counters of
--       the person
-- ARGV: 1 job, 2 instance, 3 attempts it may make from now on, 4 limit of unfinished jobs, 5 events kept, 6 event,
--       7 bytes the person may keep
-- Returns {'accepted', unfinished} | {'full', unfinished} | {'bytes', bytes kept} | {'lost'} | {'conflict'} (it did not fail and was not cancelled,
-- or its time is over: then its arguments are gone)
local at = redis.call('HMGET', KEYS[1], 'status', 'arguments')
if (at[1] ~= 'failed' and at[1] ~= 'cancelled') or not at[2] then
  return {'conflict'}
end
if redis.call('SISMEMBER', KEYS[6], ARGV[2]) == 0 then
  return {'lost'}
end
local unfinished = redis.call('SCARD', KEYS[3])
if unfinished >= tonumber(ARGV[4]) then
  return {'full', unfinished}
end
local kept = read_kept(KEYS[8])
if kept.bytes >= tonumber(ARGV[7]) then
  return {'bytes', kept.bytes}
end
local made = tonumber(redis.call('HGET', KEYS[1], 'attempt') or '0')
redis.call('SADD', KEYS[2], ARGV[1])  -- first: a full Redis refuses it, and would take the rest once something is written
redis.call('PERSIST', KEYS[1])
kept.bytes = kept.bytes - redis.call('HSTRLEN', KEYS[1], 'error') - redis.call('HSTRLEN', KEYS[1], 'progress')
kept.ended = kept.ended - 1
redis.call('HDEL', KEYS[1], 'error', 'finished_at', 'expires_at', 'progress', 'started_at')
redis.call('HSET', KEYS[1], 'status', 'queued', 'instance', ARGV[2], 'cancel_requested', '0', 'max_attempts', made + ARGV[3])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('SREM', KEYS[7], ARGV[1])
redis.call('SADD', KEYS[3], ARGV[1])
tell(kept, KEYS[5], ARGV[5], 'job', ARGV[1], ARGV[6])
write_kept(kept)
return {'accepted', unfinished + 1}
