-- Accept a batch whose records were staged: from here on all of its jobs are durable, before that none is.
-- KEYS: 1 batch, 2 members, 3 held, 4 open, 5 instances, 6 idempotency, 7 events, 8 staged, 9 counters, 10 batches of the person
-- ARGV: 1 batch, 2 instance, 3 limit of unfinished jobs, 4 sha256 of the body ('' no key), 5 seconds the key is kept,
--       6 events kept, 7 event, 8 ended jobs the person may keep, then field, value ...; the staged jobs are in members.
-- Returns as submit.lua; 'known' names the batch. {'swept'}: its records were removed again before this, so late it came.
if ARGV[4] ~= '' then
  local known = redis.call('GET', KEYS[6])
  if known then
    if string.sub(known, 1, 64) == ARGV[4] then
      return {'known', string.sub(known, 66)}
    end
    return {'conflict'}
  end
end
if redis.call('SISMEMBER', KEYS[5], ARGV[2]) == 0 then
  return {'lost'}
end
if not redis.call('ZSCORE', KEYS[8], ARGV[1]) then
  return {'swept'}
end
local jobs = redis.call('LRANGE', KEYS[2], 0, -1)
local unfinished = redis.call('SCARD', KEYS[4])
if unfinished + #jobs > tonumber(ARGV[3]) then
  return {'full', unfinished}
end
local kept = read_kept(KEYS[9])
if kept.ended >= tonumber(ARGV[8]) then
  return {'ended', kept.ended}
end
for first = 1, #jobs, 1000 do
  local last = math.min(first + 999, #jobs)
  redis.call('SADD', KEYS[3], unpack(jobs, first, last))
  redis.call('SADD', KEYS[4], unpack(jobs, first, last))
end
redis.call('HSET', KEYS[1], unpack(ARGV, 9))
kept.bytes = kept.bytes + JOB_BYTES
redis.call('ZADD', KEYS[10], 0, ARGV[1])
redis.call('ZREM', KEYS[8], ARGV[1])
if ARGV[4] ~= '' then
  redis.call('SET', KEYS[6], ARGV[4] .. ' ' .. ARGV[1], 'EX', ARGV[5])
  redis.call('HSET', KEYS[1], 'key', KEYS[6])
end
tell(kept, KEYS[7], ARGV[6], 'batch', ARGV[1], ARGV[7])
write_kept(kept)
redis.call('EXPIRE', KEYS[7], 2592000)
return {'accepted', unfinished + #jobs}
