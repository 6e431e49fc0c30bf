-- End attempts and begin others, in one round trip. Fenced: only what the caller holds, only the attempt it made.
-- The jobs that end are of one person and one batch, and so are those that begin.
-- KEYS: 1 held, 2 delayed, 3 expiring, 4 cancels, 5-8 open, events, batch, ended of those that end, 9-12 of those that begin,
--       13 counters of the person whose jobs end, 14 of the person whose begin, 15 running jobs of the task whose jobs end,
--       16 of the task whose jobs begin, 17 processes that wait to begin one of these; then the record of each job that ends,
--       and of each that begins
-- ARGV: 1 instance, 2 now (RFC 3339), 3 events kept, 4 expires at (seconds), 5 expires at (RFC 3339),
--       6 bytes the person may keep, 7 batch of those that end ('' none), 8 batch of those that begin, 9 '1' when the running
--       jobs of the task whose jobs end are counted, 10 how many of the task whose jobs begin may run ('' any number),
--       11 slot of their executor that ran those that end ('' not known), 12 number of jobs that end; for each that ends: job, attempt,
--       status ('queued': try again), due (seconds), number of fields, field, value ...;
--       then each job that begins
-- Returns for each that ends 1, 2 (it failed: its result does not fit in what its person may keep) or 0 (no longer the caller's:
-- nothing was changed), for each that begins its attempt (negative when its cancel was asked for meanwhile), 0, or NO_PLACE: as many of its
-- task run as may, here and elsewhere; nothing was changed.
local held, delayed, expiring = KEYS[1], KEYS[2], KEYS[3]
local instance, now, events_kept, limit = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[6])
local result, argument, key, moved = {}, 13, 18, {}
-- What is the same for all that end is asked and written once: a call costs more than what it does.
local ids, left, ended, expires = {}, {}, {}, {}
local ALWAYS_FITS = 1000  -- bytes of an outcome that is written however much its person keeps: how a job ended is never lost

local function tell_status(kept, stream, job, status, batch)
  local event = '{"event":"status","status":"' .. status .. '"'
  if batch ~= '' then
    event = event .. ',"batch":"' .. batch .. '"'
  end
  tell(kept, stream, events_kept, 'job', job, event .. '}')
end

-- Return the status and the fields of an outcome that does not fit: without a result, and without a traceback. What is tried
-- again leaves no line among the attempts then.
local function without_what_is_large(status, fields, bytes)
  if status == 'queued' then
    local others = {}
    for at = 1, #fields, 2 do
      if fields[at] ~= 'attempts' then
        others[#others + 1] = fields[at]
        others[#others + 1] = fields[at + 1]
      end
    end
    return status, others
  end
  if status == 'succeeded' then
    local message = 'Its result does not fit: it has %d bytes, and all that you keep may have %d. Delete jobs, then submit it again.'
    return 'failed', {'error', '{"type":"QuotaExceeded","message":"' .. string.format(message, bytes, limit) .. '"}'}
  end
  for at = 1, #fields, 2 do
    if fields[at] == 'error' then
      local error = cjson.decode(fields[at + 1])
      error['traceback'] = nil
      for name, value in pairs(error) do
        if type(value) == 'table' and next(value) == nil then
          error[name] = nil  -- written again, an empty list would be an empty object
        end
      end
      fields[at + 1] = cjson.encode(error)
    end
  end
  return status, fields
end

local function move(from, to)
  moved[from] = (moved[from] or 0) - 1
  moved[to] = (moved[to] or 0) + 1
end

local at_job = argument
for number = 1, tonumber(ARGV[12]) do
  ids[number] = ARGV[at_job]
  at_job = at_job + 5 + 2 * tonumber(ARGV[at_job + 4])
end
local is_ours = #ids > 0 and redis.call('SMISMEMBER', held, unpack(ids)) or {}

local kept = #ids > 0 and read_kept(KEYS[13])
for number = 1, #ids do
  local id, attempt, status, due = ids[number], ARGV[argument + 1], ARGV[argument + 2], ARGV[argument + 3]
  local last = argument + 4 + 2 * tonumber(ARGV[argument + 4])
  local at = redis.call('HMGET', KEYS[key], 'status', 'attempt', 'cancel_requested')
  if is_ours[number] == 1 and at[1] == 'running' and at[2] == attempt then
    local fields, first, final, written = ARGV, argument + 5, last, 1
    local more = growth(KEYS[key], fields, first, final)
    if more > ALWAYS_FITS and kept.bytes + more > limit then
      written = status == 'succeeded' and 2 or 1
      status, fields = without_what_is_large(status, {unpack(ARGV, first, final)}, more)
      first, final = 1, #fields
      more = growth(KEYS[key], fields, first, final)
    end
    kept.bytes = kept.bytes + more
    left[#left + 1] = id
    move('running', status)
    if at[3] == '1' then
      redis.call('SREM', KEYS[4], id)  -- or it would cancel the job again when that is retried and comes back to the caller
    end
    if status == 'queued' then
      redis.call('HSET', KEYS[key], 'status', status, unpack(fields, first, final))
      redis.call('ZADD', delayed, due, id)
    else
      redis.call('HSET', KEYS[key], 'status', status, 'finished_at', now, 'expires_at', ARGV[5], 'slot', ARGV[11],
        unpack(fields, first, final))
      ended[#ended + 1] = id
      expires[#expires + 1] = ARGV[4]
      expires[#expires + 1] = id
    end
    tell_status(kept, KEYS[6], id, status, ARGV[7])
    result[#result + 1] = written
  else
    result[#result + 1] = 0
  end
  argument, key = last + 1, key + 1
end
local tells_begins = ARGV[8] == '' and argument <= #ARGV
local is_one_person = #left > 0 and tells_begins and KEYS[13] == KEYS[14]  -- as of a slot mostly: read and written once then
if #left > 0 then
  kept.ended = kept.ended + #ended
end
if #left > 0 and not is_one_person then
  write_kept(kept)
end
if tells_begins and not is_one_person then
  kept = read_kept(KEYS[14])
end
local begun = 0

local function move_in(batch)
  for name, difference in pairs(moved) do
    if difference ~= 0 then
      redis.call('HINCRBY', batch, name, difference)
    end
  end
  moved = {}
end

if #left > 0 then
  redis.call('SREM', held, unpack(left))
  if ARGV[9] == '1' then
    redis.call('SREM', KEYS[15], unpack(left))
  end
end
if #ended > 0 then
  redis.call('SREM', KEYS[5], unpack(ended))
end
if ARGV[7] ~= '' then
  if #ended > 0 then
    redis.call('RPUSH', KEYS[8], unpack(ended))
    moved['unfinished'] = -#ended
  end
  move_in(KEYS[7])
  if #ended > 0 and redis.call('HGET', KEYS[7], 'unfinished') == '0' then
    redis.call('HSET', KEYS[7], 'finished_at', now, 'expires_at', ARGV[5])
    expires[#expires + 1] = ARGV[4]
    expires[#expires + 1] = 'batch:' .. ARGV[7]
  end
end
if #expires > 0 then
  redis.call('ZADD', expiring, unpack(expires))
end
moved = {}

-- How many more of the task may run. Processes that have waited for a second go first: those whose jobs end would else begin
-- the next one for ever. A waiting process asks again at each beat; one that has not for long has died.
local NO_PLACE, PATIENCE_S, GONE_S = -2147483648, 1, 5
local places, moment, asked_at = 1, 0, nil
if ARGV[10] ~= '' and argument <= #ARGV then
  moment = tonumber(redis.call('TIME')[1])
  asked_at = redis.call('ZSCORE', KEYS[17], instance)
  asked_at = asked_at and tonumber(asked_at)
  local until_then = math.min(moment - PATIENCE_S, (asked_at or moment) - 1)
  places = tonumber(ARGV[10]) - redis.call('SCARD', KEYS[16]) - redis.call('ZCOUNT', KEYS[17], moment - GONE_S, until_then)
end

local function may_run(id)
  if ARGV[10] == '' then
    return true
  end
  if places > 0 then
    places = places - 1
    redis.call('SADD', KEYS[16], id)
    redis.call('ZREM', KEYS[17], instance)
    return true
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[17], '-inf', moment - GONE_S)
  if not asked_at or asked_at < moment - GONE_S + 2 then
    -- who asks again lives: it keeps its place before those who came later
    redis.call('ZADD', KEYS[17], asked_at and moment - GONE_S + 2 or moment, instance)
  end
  return false
end

local is_held = argument <= #ARGV and redis.call('SMISMEMBER', held, unpack(ARGV, argument)) or {}
for last = argument, #ARGV do
  local id, attempt = ARGV[last], 0
  if is_held[last - argument + 1] == 1 then
    local at = redis.call('HMGET', KEYS[key], 'status', 'cancel_requested', 'instance', 'attempt')
    if at[1] == 'running' and at[3] == instance then
      attempt = tonumber(at[4])  -- begun by this turn before: its reply was lost
    elseif at[1] == 'queued' and not may_run(id) then
      attempt = NO_PLACE
    elseif at[1] == 'queued' then
      attempt = tonumber(at[4]) + 1
      redis.call('HSET', KEYS[key], 'status', 'running', 'instance', instance, 'started_at', now, 'attempt', attempt)
      move('queued', 'running')
      if ARGV[8] == '' then
        tell_status(kept, KEYS[10], id, 'running', '')  -- the jobs of a batch are too many for two events each: their ends tell
        begun = begun + 1
      end
    elseif at[1] ~= 'running' then
      redis.call('SREM', held, id)  -- cancelled while it was queued
    end
    if at[2] == '1' and attempt ~= NO_PLACE then
      attempt = -attempt
    end
  end
  result[#result + 1] = attempt
  key = key + 1
end
if begun > 0 or is_one_person then
  write_kept(kept)
end
if ARGV[8] ~= '' then
  move_in(KEYS[11])
end
return result
