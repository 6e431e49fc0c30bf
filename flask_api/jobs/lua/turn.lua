-- End attempts and begin others, in one round trip. Fenced: only what the caller holds, only the attempt it made.
-- The jobs that end are of one person and one batch, and so are those that begin.
-- KEYS: 1 held, 2 delayed, 3 expiring, 4 cancels, 5-8 open, events, batch, ended of those that end, 9-12 of those that begin;
--       then the record of each job that ends, and of each that begins
-- ARGV: 1 instance, 2 now (RFC 3339), 3 events kept, 4 expires at (seconds), 5 expires at (RFC 3339), 6 seconds to keep,
--       7 batch of those that end ('' none), 8 batch of those that begin, 9 number of jobs that end;
--       for each that ends: job, attempt, status ('queued': try again), due (seconds), number of fields, field, value ...;
--       then each job that begins
-- Returns for each that ends 1 or 0 (no longer the caller's: nothing was changed), for each that begins its attempt
-- (negative when its cancel was asked for meanwhile) or 0.
local held, delayed, expiring = KEYS[1], KEYS[2], KEYS[3]
local instance, now, kept, keep_s = ARGV[1], ARGV[2], ARGV[3], ARGV[6]
local result, argument, key, moved = {}, 10, 13, {}
-- What is the same for all that end is asked and written once: a call costs more than what it does.
local ids, left, ended, expires = {}, {}, {}, {}

local function tell(stream, job, status, batch)
  local event = '{"event":"status","status":"' .. status .. '"'
  if batch ~= '' then
    event = event .. ',"batch":"' .. batch .. '"'
  end
  redis.call('XADD', stream, 'MAXLEN', '~', kept, '*', 'job', job, 'event', event .. '}')
end

local function move(from, to)
  moved[from] = (moved[from] or 0) - 1
  moved[to] = (moved[to] or 0) + 1
end

local at_job = argument
for number = 1, tonumber(ARGV[9]) do
  ids[number] = ARGV[at_job]
  at_job = at_job + 5 + 2 * tonumber(ARGV[at_job + 4])
end
local is_ours = #ids > 0 and redis.call('SMISMEMBER', held, unpack(ids)) or {}

for number = 1, #ids do
  local id, attempt, status, due = ids[number], ARGV[argument + 1], ARGV[argument + 2], ARGV[argument + 3]
  local last = argument + 4 + 2 * tonumber(ARGV[argument + 4])
  local at = redis.call('HMGET', KEYS[key], 'status', 'attempt', 'cancel_requested')
  if is_ours[number] == 1 and at[1] == 'running' and at[2] == attempt then
    left[#left + 1] = id
    move('running', status)
    if at[3] == '1' then
      redis.call('SREM', KEYS[4], id)  -- or it would cancel the job again when that is retried and comes back to the caller
    end
    if status == 'queued' then
      redis.call('HSET', KEYS[key], 'status', status, unpack(ARGV, argument + 5, last))
      redis.call('ZADD', delayed, due, id)
    else
      redis.call('HSET', KEYS[key], 'status', status, 'finished_at', now, 'expires_at', ARGV[5], unpack(ARGV, argument + 5, last))
      ended[#ended + 1] = id
      expires[#expires + 1] = ARGV[4]
      expires[#expires + 1] = id
    end
    tell(KEYS[6], id, status, ARGV[7])
    result[#result + 1] = 1
  else
    result[#result + 1] = 0
  end
  argument, key = last + 1, key + 1
end

local function count(batch)
  for name, difference in pairs(moved) do
    if difference ~= 0 then
      redis.call('HINCRBY', batch, name, difference)
    end
  end
  moved = {}
end

if #left > 0 then
  redis.call('SREM', held, unpack(left))
end
if #ended > 0 then
  redis.call('SREM', KEYS[5], unpack(ended))
  redis.call('ZADD', expiring, unpack(expires))
end
if ARGV[7] ~= '' then
  if #ended > 0 then
    redis.call('RPUSH', KEYS[8], unpack(ended))
    moved['unfinished'] = -#ended
  end
  count(KEYS[7])
  if #ended > 0 and redis.call('HGET', KEYS[7], 'unfinished') == '0' then
    redis.call('HSET', KEYS[7], 'finished_at', now)
    redis.call('EXPIRE', KEYS[7], keep_s)
    redis.call('EXPIRE', KEYS[8], keep_s)
  end
end
moved = {}

local is_held = argument <= #ARGV and redis.call('SMISMEMBER', held, unpack(ARGV, argument)) or {}
for last = argument, #ARGV do
  local id, attempt = ARGV[last], 0
  if is_held[last - argument + 1] == 1 then
    local at = redis.call('HMGET', KEYS[key], 'status', 'cancel_requested', 'instance', 'attempt')
    if at[1] == 'running' and at[3] == instance then
      attempt = tonumber(at[4])  -- begun by this turn before: its reply was lost
    elseif at[1] == 'queued' then
      attempt = tonumber(at[4]) + 1
      redis.call('HSET', KEYS[key], 'status', 'running', 'instance', instance, 'started_at', now, 'attempt', attempt)
      move('queued', 'running')
      if ARGV[8] == '' then
        tell(KEYS[10], id, 'running', '')  -- the jobs of a batch are too many for two events each: their ends tell
      end
    elseif at[1] ~= 'running' then
      redis.call('SREM', held, id)  -- cancelled while it was queued
    end
    if at[2] == '1' then
      attempt = -attempt
    end
  end
  result[#result + 1] = attempt
  key = key + 1
end
if ARGV[8] ~= '' then
  count(KEYS[11])
end
return result
