-- Take jobs that wait in another process, as adoption does, but only some: those it holds and has not begun.
-- KEYS: 1 instances, 2 held of the giver, 3 held of the taker, then the record of each job
-- ARGV: 1 the taker, then each job
-- Returns the jobs that are the taker's now; none when it was declared dead. The giver finds out when it would begin one.
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 then
  return {}
end
local taken = {}
for number, is_held in ipairs(redis.call('SMISMEMBER', KEYS[2], unpack(ARGV, 2))) do
  local record = KEYS[number + 3]
  if is_held == 1 and redis.call('HGET', record, 'status') == 'queued' then
    redis.call('HSET', record, 'instance', ARGV[1])  -- a cancel looks there for who holds it
    taken[#taken + 1] = ARGV[number + 1]
  end
end
if #taken > 0 then
  redis.call('SREM', KEYS[2], unpack(taken))
  redis.call('SADD', KEYS[3], unpack(taken))
end
return taken
