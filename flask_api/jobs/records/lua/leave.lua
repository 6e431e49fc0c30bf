#!lua flags=allow-oom
-- Put back jobs that wait and that this process can't run, for whichever takes them after a while.
-- KEYS: 1 held, 2 delayed
-- ARGV: 1 seconds from now, then each job
-- Returns how many were put back: those that the caller holds.
local due = redis.call('TIME')[1] + ARGV[1]
local moved = 0
for at = 2, #ARGV do
  if redis.call('SREM', KEYS[1], ARGV[at]) == 1 then
    redis.call('ZADD', KEYS[2], due, ARGV[at])
    moved = moved + 1
  end
end
return moved
