-- Accept one job: durable and listed, held by the process that accepts it (or waiting for its time). All or nothing.
-- KEYS: 1 record, 2 owner, 3 open, 4 held, 5 instances, 6 delayed, 7 idempotency, 8 events, 9 counters
-- ARGV: 1 job, 2 instance, 3 limit of unfinished jobs, 4 start at (seconds, '' now), 5 sha256 of the body ('' no key),
--       6 seconds the key is kept, 7 events kept, 8 event, 9 bytes the person may keep, 10 ended jobs they may keep,
--       11 bytes of the job's texts, then field, value ...
-- Returns {'accepted', unfinished jobs} | {'known', job} | {'conflict'} | {'full', unfinished jobs} | {'lost'} (adopted)
-- | {'ended', ended jobs} | {'bytes', bytes kept}
if ARGV[5] ~= '' then
  local known = redis.call('GET', KEYS[7])
  if known then
    if string.sub(known, 1, 64) == ARGV[5] then
      return {'known', string.sub(known, 66)}
    end
    return {'conflict'}
  end
end
if redis.call('SISMEMBER', KEYS[5], ARGV[2]) == 0 then
  return {'lost'}
end
local unfinished = redis.call('SCARD', KEYS[3])
if unfinished >= tonumber(ARGV[3]) then
  return {'full', unfinished}
end
local bytes = JOB_BYTES + tonumber(ARGV[11])
local kept = read_kept(KEYS[9])
if kept.ended >= tonumber(ARGV[10]) then
  return {'ended', kept.ended}
end
if kept.bytes + bytes > tonumber(ARGV[9]) then
  return {'bytes', kept.bytes}
end
kept.bytes = kept.bytes + bytes
redis.call('HSET', KEYS[1], 'instance', ARGV[2], unpack(ARGV, 12))
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('SADD', KEYS[3], ARGV[1])
if ARGV[4] == '' then
  redis.call('SADD', KEYS[4], ARGV[1])
else
  redis.call('ZADD', KEYS[6], ARGV[4], ARGV[1])
end
if ARGV[5] ~= '' then
  redis.call('SET', KEYS[7], ARGV[5] .. ' ' .. ARGV[1], 'EX', ARGV[6])
  redis.call('HSET', KEYS[1], 'key', KEYS[7])
end
tell(kept, KEYS[8], ARGV[7], 'job', ARGV[1], ARGV[8])
write_kept(kept)
if redis.call('TTL', KEYS[8]) < 2505600 then  -- a day less: a write costs more than a look
  redis.call('EXPIRE', KEYS[8], 2592000)  -- a person who submits nothing for a month leaves no stream behind
end
return {'accepted', unfinished + 1}
