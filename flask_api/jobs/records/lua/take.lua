-- Take over an attempt that was sent to a worker: once, and only the one that is under way. From here on it is the worker's, whose
-- beats keep it and whose writes are fenced by holding it. A replayed entry, and one of a process that is gone, changes nothing.
-- The slot is offered to nobody else from now on: a beat may have announced it while the entry was on its way.
-- KEYS: 1 workers, 2 held of the sender, 3 held of the worker, 4 record, 5 idle slots of the worker's kind, 6 cancels of the sender
-- ARGV: 1 worker, 2 sender, 3 job, 4 attempt, 5 slot, then names of fields
-- Returns 'taken' and these fields, or {'lost'} (the worker was declared dead), or {'refused'}
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return {'lost'}
end
local at = redis.call('HMGET', KEYS[4], 'status', 'attempt', 'instance')
if at[1] ~= 'running' or at[2] ~= ARGV[4] then
  return {'refused'}
end
if at[3] == ARGV[2] then
  if redis.call('SMOVE', KEYS[2], KEYS[3], ARGV[3]) == 0 then
    return {'refused'}
  end
  redis.call('HSET', KEYS[4], 'instance', ARGV[1])  -- a cancel looks there for who holds it
  redis.call('SREM', KEYS[6], ARGV[3])  -- the record tells of one; the sender would hear of it at a later attempt, too
elseif at[3] ~= ARGV[1] or redis.call('SISMEMBER', KEYS[3], ARGV[3]) == 0 then
  return {'refused'}
end  -- else the caller took it already, and the reply was lost: a worker asks once for each entry, until the end is written
redis.call('ZREM', KEYS[5], ARGV[5])
return {'taken', unpack(redis.call('HMGET', KEYS[4], unpack(ARGV, 6)))}
