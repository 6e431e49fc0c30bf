#!lua flags=allow-oom
-- Settle whose the jobs are that came to a process: claimed, adopted, or found among what it holds. Between that and now one may
-- have been cancelled, and retried in another process: it must not be held by both.
-- KEYS: 1 held, then the record of each job
-- Of who else may hold a job the record tells, which is read here: its set can't be in KEYS, or it would be another one by now. So
-- this needs one server, as all that is of jobs does (docs/scale.md).
-- ARGV: 1 instance, 2 how the names of all sets of held jobs begin, then each job
-- Returns the jobs that are the caller's: their records say so from here on. Of the others it holds none any more.
local held, mine = KEYS[1], {}
for at = 3, #ARGV do
  local job, record = ARGV[at], KEYS[at - 1]
  local found = redis.call('HMGET', record, 'status', 'instance')
  local is_open = found[1] == 'queued' or found[1] == 'running'
  local is_elsewhere = found[2] and found[2] ~= ARGV[1] and redis.call('SISMEMBER', ARGV[2] .. found[2], job) == 1
  if is_open and not is_elsewhere and redis.call('SISMEMBER', held, job) == 1 then
    redis.call('HSET', record, 'instance', ARGV[1])  -- a cancel looks there for who holds it
    mine[#mine + 1] = job
  else
    redis.call('SREM', held, job)
  end
end
return mine
