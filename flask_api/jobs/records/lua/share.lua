-- Store a share of a job, unless the job is gone or there are as many shares as there may be.
-- KEYS: 1 share, 2 the person's shares, 3 the job's record
-- ARGV: 1 the share's id, 2 its job, 3 its text, 4 now (seconds), 5 when it ends, 6 shares of a person, 7 shares of a job
-- Returns 'stored', 'no job', 'job is full' or 'person is full'.
local status = redis.call('HGET', KEYS[3], 'status')
if not status or status == 'deleted' then
  return 'no job'
end
local names, of_job = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[4], '+inf'), 0
for _, name in ipairs(names) do
  if string.sub(name, 1, #ARGV[2] + 1) == ARGV[2] .. ':' then
    of_job = of_job + 1
  end
end
if of_job >= tonumber(ARGV[7]) then
  return 'job is full'
end
if #names >= tonumber(ARGV[6]) then
  return 'person is full'
end
redis.call('SET', KEYS[1], ARGV[3], 'EXAT', ARGV[5])  -- first: a full Redis refuses it, and would take it once something is written
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[2] .. ':' .. ARGV[1])
local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
redis.call('EXPIREAT', KEYS[2], last)
return 'stored'
