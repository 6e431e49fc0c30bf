#!lua flags=allow-oom
-- Say that a worker's slot is free, unless the worker is gone; and tell a process how an attempt ended that it had sent there.
-- The time is Redis's own: which slot was free first is no machine's clock to say.
-- KEYS: 1 workers, 2 idle slots of its kind, 3 notices of the process, if any
-- ARGV: 1 slot ('' none), 2 seconds that idle slots are kept, then 3 the notice, 4 seconds it is kept
-- Returns 1 when the slot is offered, or 0.
if KEYS[3] then
  redis.call('ZADD', KEYS[3], 0, ARGV[3])
  redis.call('EXPIRE', KEYS[3], ARGV[4])
end
local worker = string.match(ARGV[1], '^(.*)#')
if not worker or not redis.call('ZSCORE', KEYS[1], worker) then
  return 0
end
redis.call('ZADD', KEYS[2], 'NX', redis.call('TIME')[1], ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[2])
return 1
