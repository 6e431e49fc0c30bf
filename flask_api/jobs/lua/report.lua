-- Write progress, log lines and files of a running attempt. Fenced as every write.
-- KEYS: 1 record, 2 held, 3 log, 4 events
-- ARGV: 1 job, 2 attempt, 3 log lines kept, 4 events kept, 5 event ('' none), 6 number of fields, field, value ..., log lines ...
-- Returns 0, 1 when its cancel was asked for, -1 when the job is no longer the caller's (nothing was changed).
local at = redis.call('HMGET', KEYS[1], 'status', 'attempt', 'cancel_requested')
if at[1] ~= 'running' or at[2] ~= ARGV[2] or redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 0 then
  return -1
end
local fields = tonumber(ARGV[6])
if fields > 0 then
  redis.call('HSET', KEYS[1], unpack(ARGV, 7, 6 + 2 * fields))
end
if #ARGV > 6 + 2 * fields then
  redis.call('RPUSH', KEYS[3], unpack(ARGV, 7 + 2 * fields))
  redis.call('LTRIM', KEYS[3], -tonumber(ARGV[3]), -1)
  redis.call('EXPIRE', KEYS[3], 2592000)
end
if ARGV[5] ~= '' then
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[4], '*', 'job', ARGV[1], 'event', ARGV[5])
end
return at[3] == '1' and 1 or 0
