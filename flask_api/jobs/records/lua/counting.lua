-- What a person keeps, counted in the script that writes or removes it, so that no kill can part the two. Put before each
-- script that does (flask_api.jobs.records.scripts). Counters of a person: bytes, ended (jobs), file_bytes (of their jobs' files), told
-- (bytes of all events so far). A script reads them once and writes them once: each call costs more than what it does.
local JOB_BYTES = 1000  -- what a job, or a batch, takes besides its texts: a record, places in lists, its Idempotency-Key
local EVENT_BYTES = 100  -- what an event takes besides its job and its text
local STREAM_BYTES = 10000000  -- a person's events, the oldest go first
local MARK_BYTES = 4096  -- so far apart, events say how many bytes were told up to them

local function read_kept(key)
  local kept = redis.call('HMGET', key, 'bytes', 'ended', 'told')
  local bytes = tonumber(kept[1] or 0)
  return {key = key, bytes = bytes, ended = tonumber(kept[2] or 0), told = tonumber(kept[3] or 0), was = bytes}
end

local function write_kept(kept)
  redis.call('HSET', kept.key, 'bytes', kept.bytes, 'ended', kept.ended, 'told', kept.told)
  -- Every job has bytes: who has none keeps nothing. What was told must be known for as long as the stream is there, a month.
  if kept.was > 0 and kept.bytes <= 0 and kept.told == 0 then
    redis.call('DEL', kept.key)  -- of a batch that was refused
  elseif kept.was > 0 and kept.bytes <= 0 then
    redis.call('EXPIRE', kept.key, 2678400)
  elseif kept.was <= 0 and kept.bytes > 0 then
    redis.call('PERSIST', kept.key)
  end
end

-- Remove a person's oldest events until the others fit.
local function shorten(stream, told)
  local excess, entries
  repeat
    entries = redis.call('XRANGE', stream, '-', '+', 'COUNT', 101)
    local at, before = 1, 0
    while not excess and at <= #entries do  -- those before the first that is marked, and what was told since
      local fields = entries[at][2]
      before = before + #(fields[2] or '') + #(fields[4] or '') + EVENT_BYTES
      excess = fields[6] and before + told - tonumber(fields[6]) - STREAM_BYTES
      at = at + 1
    end
    at = 1
    while at < #entries and (excess or 0) > 0 do
      excess = excess - #(entries[at][2][2] or '') - #(entries[at][2][4] or '') - EVENT_BYTES
      at = at + 1
    end
    redis.call('XTRIM', stream, 'MINID', '=', entries[at][1])
  until (excess or 0) <= 0 or at == 1
end

-- Tell whether an Idempotency-Key stands for this job or batch: its time over, it may have been used for another since.
local function names(idempotency, id)
  return string.sub(redis.call('GET', idempotency) or '', 66) == id
end

-- Tell a person's stream, and count it: write the counters afterwards. A stream ends a month after the last submit.
local function tell(kept, stream, events_kept, kind, id, event)
  local is_new = not kept.is_streaming and redis.call('EXISTS', stream) == 0
  kept.is_streaming = true
  local before = kept.told
  local told = before + #id + #event + EVENT_BYTES
  kept.told = told
  if math.floor(before / MARK_BYTES) == math.floor(told / MARK_BYTES) then
    redis.call('XADD', stream, 'MAXLEN', '~', events_kept, '*', kind, id, 'event', event)
    if is_new then
      redis.call('EXPIRE', stream, 2592000)
    end
    return
  end
  redis.call('XADD', stream, 'MAXLEN', '~', events_kept, '*', kind, id, 'event', event, 'told', told)
  if is_new then
    redis.call('EXPIRE', stream, 2592000)
  end
  if math.floor(before / 1000000) ~= math.floor(told / 1000000) then
    shorten(stream, told)
  end
end
