-- Accept jobs of one or more threads, each by itself: durable and listed, held by the process that accepts it (or waiting for its
-- time), or refused. One that is refused, or can't be written, changes nothing for the others.
-- KEYS: 1 held, 2 instances, 3 delayed, then for each job: record, owner, open, idempotency, events, counters
-- ARGV: 1 instance, 2 limit of unfinished jobs, 3 seconds the key is kept, 4 events kept, 5 bytes a person may keep,
--       6 ended jobs they may keep, then for each job: job, start at (seconds, '' now), sha256 of the body ('' no key), event,
--       bytes of its texts, '1' when the key goes with the job, number of fields, field, value ...
-- Returns for each {'accepted', unfinished jobs} | {'known', job} | {'conflict'} | {'full', unfinished jobs} | {'lost'} (adopted)
-- | {'ended', ended jobs} | {'bytes', bytes kept} | {'failed'} (of several, by an error: run it alone to see which)
local held, instances, delayed = KEYS[1], KEYS[2], KEYS[3]
local is_member = redis.call('SISMEMBER', instances, ARGV[1]) == 1
local counters, written, dated = {}, {}, {}

-- The counters of a person, read once however many of these jobs are theirs.
local function kept_of(key)
  if not counters[key] then
    counters[key] = read_kept(key)
  end
  return counters[key]
end

local function accept(key, at)
  local job, due, digest = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local record, open, idempotency, events = KEYS[key], KEYS[key + 2], KEYS[key + 3], KEYS[key + 4]
  if digest ~= '' then
    local known = redis.call('GET', idempotency)
    if known then
      if string.sub(known, 1, 64) == digest then
        return {'known', string.sub(known, 66)}
      end
      return {'conflict'}
    end
  end
  if not is_member then
    return {'lost'}
  end
  local unfinished = redis.call('SCARD', open)
  if unfinished >= tonumber(ARGV[2]) then
    return {'full', unfinished}
  end
  local kept = kept_of(KEYS[key + 5])
  local bytes = JOB_BYTES + tonumber(ARGV[at + 4])
  if kept.ended >= tonumber(ARGV[6]) then
    return {'ended', kept.ended}
  end
  if kept.bytes + bytes > tonumber(ARGV[5]) then
    return {'bytes', kept.bytes}
  end
  if redis.call('ZADD', KEYS[key + 1], 0, job) == 0 then
    return {'known', job}  -- whoever chose its id asks twice
  end
  redis.call('HSET', record, 'instance', ARGV[1], unpack(ARGV, at + 7, at + 6 + 2 * tonumber(ARGV[at + 6])))
  kept.bytes = kept.bytes + bytes
  written[kept.key] = kept
  redis.call('SADD', open, job)
  if due == '' then
    redis.call('SADD', held, job)
  else
    redis.call('ZADD', delayed, due, job)
  end
  if digest ~= '' then
    redis.call('SET', idempotency, digest .. ' ' .. job, 'EX', ARGV[3])
    if ARGV[at + 5] ~= '' then
      redis.call('HSET', record, 'key', idempotency)  -- it goes with the job
    end
  end
  tell(kept, events, ARGV[4], 'job', job, ARGV[at + 3])
  if not dated[events] and redis.call('TTL', events) < 2505600 then  -- a day less: a write costs more than a look
    redis.call('EXPIRE', events, 2592000)  -- a person who submits nothing for a month leaves no stream behind
  end
  dated[events] = true
  return {'accepted', unfinished + 1}
end

local answers, key, at = {}, 4, 7
local is_alone = #KEYS == 9
while at <= #ARGV do
  if is_alone then
    answers[1] = accept(key, at)
  else
    local is_done, answer = pcall(accept, key, at)
    answers[#answers + 1] = is_done and answer or {'failed'}
  end
  key, at = key + 6, at + 7 + 2 * tonumber(ARGV[at + 6])
end
for _, kept in pairs(written) do
  write_kept(kept)
end
return answers
