#!lua flags=allow-oom
-- Let go of places of a task whose jobs run no more: those that ended while the task had no limit.
-- KEYS: 1 running jobs of the task, then the record of each
-- ARGV: each job
-- Returns how many were let go.
local gone = {}
for number, job in ipairs(ARGV) do
  if redis.call('HGET', KEYS[number + 1], 'status') ~= 'running' then
    gone[#gone + 1] = job
  end
end
if #gone > 0 then
  redis.call('SREM', KEYS[1], unpack(gone))
end
return #gone
