#!lua flags=allow-oom
-- Take ended jobs of one person away, with all that they keep. One that has files goes in two steps: the second when the caller
-- has deleted them. If it dies between them, the job is found among the expiring ones again.
-- KEYS: 1 counters, 2 expiring, 3 owner, 4 events, 5 stubs, then for each job: record, log, idempotency (or any)
-- ARGV: 1 mode: 'expired' (due ones; a stub of each stays a while, to say 410), 'deleted' (ended ones, on request) or
--       'with batch' (all, their batch goes: it was deleted, or never accepted), 2 now (seconds), 3 seconds a stub is kept,
--       4 '1' when their files are deleted, 5 events kept, 6 event ('' none), then each job
-- Returns for each job 1 (it is gone), 2 (its files must be deleted first) or 0 (it has not ended or is not due any more: nothing
-- was changed).
local mode, now = ARGV[1], tonumber(ARGV[2])
local STUB = {'status', 'owner_id', 'owner_username', 'task', 'executor', 'submitted_at', 'expires_at', 'key'}
local IS_OUTCOME = {succeeded = true, failed = true, cancelled = true}
local kept, result, file_bytes = read_kept(KEYS[1]), {}, 0

local function may_go(job, status)
  if mode == 'expired' then
    return tonumber(redis.call('ZSCORE', KEYS[2], job) or 'inf') <= now
  end
  return mode == 'with batch' or IS_OUTCOME[status] or status == 'deleted'
end

local function make_stub(record, job)
  local values, stub = redis.call('HMGET', record, unpack(STUB)), {}
  for at, name in ipairs(STUB) do
    if values[at] then
      stub[#stub + 1] = name
      stub[#stub + 1] = values[at]
    end
  end
  redis.call('DEL', record)
  redis.call('HSET', record, unpack(stub))
  redis.call('EXPIRE', record, ARGV[3])
  redis.call('RPUSH', KEYS[5], job)
  redis.call('EXPIRE', KEYS[5], ARGV[3])
end

local function remove(job, first)
  local record, log, idempotency = KEYS[first], KEYS[first + 1], KEYS[first + 2]
  local at = redis.call('HMGET', record, 'status', 'log_bytes', 'file_bytes', 'files', 'attempt', 'key')
  local status, is_stub = at[1], not at[5]
  if not status then
    redis.call('ZREM', KEYS[2], job)
    redis.call('ZREM', KEYS[3], job)
    return 1
  end
  if not may_go(job, status) then
    return 0
  end
  if IS_OUTCOME[status] and mode ~= 'expired' then
    if ARGV[6] ~= '' then
      tell(kept, KEYS[4], ARGV[5], 'job', job, ARGV[6])
    end
  end
  if at[4] and ARGV[4] ~= '1' then
    if IS_OUTCOME[status] and mode ~= 'expired' then
      kept.ended = kept.ended - 1
      redis.call('HSET', record, 'status', 'deleted')
      redis.call('ZADD', KEYS[2], 0, job)
      redis.call('ZREM', KEYS[3], job)
    elseif mode == 'expired' then
      kept.bytes = kept.bytes - redis.call('HSTRLEN', record, 'arguments')
      redis.call('HDEL', record, 'arguments')  -- from here on it can't be retried
    end
    return 2
  end
  if not is_stub then
    kept.bytes = kept.bytes - JOB_BYTES - texts_of(record) - tonumber(at[2] or 0)
    file_bytes = file_bytes + tonumber(at[3] or 0)
    if IS_OUTCOME[status] then
      kept.ended = kept.ended - 1
    end
  end
  redis.call('UNLINK', log)
  redis.call('ZREM', KEYS[2], job)
  redis.call('ZREM', KEYS[3], job)
  if mode == 'expired' and status ~= 'deleted' then
    make_stub(record, job)
  else
    redis.call('UNLINK', record)
    if at[6] == idempotency and names(idempotency, job) then
      redis.call('UNLINK', idempotency)
    end
  end
  return 1
end

for number = 7, #ARGV do
  result[#result + 1] = remove(ARGV[number], 6 + 3 * (number - 7))
end
if file_bytes > 0 then
  redis.call('HINCRBY', KEYS[1], 'file_bytes', -file_bytes)
end
write_kept(kept)
return result
