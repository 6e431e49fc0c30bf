-- Write progress, log lines, files and state of a running attempt. Fenced as every write.
-- KEYS: 1 record, 2 held, 3 log, 4 events, 5 counters
-- ARGV: 1 job, 2 attempt, 3 log lines kept, 4 events kept, 5 event ('' none), 6 bytes the person may keep,
--       7 bytes of the job's files from now on ('' as they are), 8 bytes of files the person may keep,
--       9 the list of files that this replaces, as it is stored ('' whichever), 10 number of fields, field, value ..., log lines ...
-- Returns 0, 1 when its cancel was asked for, -1 when the job is no longer the caller's, -2 when it does not fit in what the
-- person may keep, -3 when the files don't, -4 when the list of files is another (each below 0: nothing was changed). Progress alone always fits: it is small.
local at = redis.call('HMGET', KEYS[1], 'status', 'attempt', 'cancel_requested')
if at[1] ~= 'running' or at[2] ~= ARGV[2] or redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 0 then
  return -1
end
-- Two runs of one attempt both pass the fence: neither may list a file that the other has replaced.
if ARGV[9] ~= '' and (redis.call('HGET', KEYS[1], 'files') or '[]') ~= ARGV[9] then
  return -4
end
local last = 10 + 2 * tonumber(ARGV[10])
local is_checked = #ARGV > last
for number = 11, last, 2 do
  is_checked = is_checked or ARGV[number] ~= 'progress'
end
local bytes = growth(KEYS[1], ARGV, 11, last)
local lines = 0
for number = last + 1, #ARGV do
  lines = lines + #ARGV[number]
end
local excess = 0
if #ARGV > last then
  excess = redis.call('LLEN', KEYS[3]) + #ARGV - last - tonumber(ARGV[3])
  for _, line in ipairs(excess > 0 and redis.call('LRANGE', KEYS[3], 0, excess - 1) or {}) do
    lines = lines - #line
  end
end
bytes = bytes + lines
local kept = read_kept(KEYS[5])
if is_checked and bytes > 0 and kept.bytes + bytes > tonumber(ARGV[6]) then
  return -2
end
if ARGV[7] ~= '' then
  local more = tonumber(ARGV[7]) - tonumber(redis.call('HGET', KEYS[1], 'file_bytes') or 0)
  if more > 0 and tonumber(redis.call('HGET', KEYS[5], 'file_bytes') or 0) + more > tonumber(ARGV[8]) then
    return -3
  end
  redis.call('HSET', KEYS[1], 'file_bytes', ARGV[7])
  redis.call('HINCRBY', KEYS[5], 'file_bytes', more)
end
kept.bytes = kept.bytes + bytes
if last > 10 then
  redis.call('HSET', KEYS[1], unpack(ARGV, 11, last))
end
if #ARGV > last then
  redis.call('RPUSH', KEYS[3], unpack(ARGV, last + 1))
  if excess > 0 then
    redis.call('LTRIM', KEYS[3], -tonumber(ARGV[3]), -1)
  end
  redis.call('HINCRBY', KEYS[1], 'log_bytes', lines)
end
if ARGV[5] ~= '' then
  tell(kept, KEYS[4], ARGV[4], 'job', ARGV[1], ARGV[5])
end
write_kept(kept)
return at[3] == '1' and 1 or 0
