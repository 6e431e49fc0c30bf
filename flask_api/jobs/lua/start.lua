-- Begin the next attempt at a queued job and make the caller its holder.
-- KEYS: 1 record (hash)
-- ARGV: 1 holder (a token of this attempt's process), 2 started_at
-- Returns the attempt's number, or 0 when the job is absent or not queued.
if redis.call('HGET', KEYS[1], 'status') ~= 'queued' then
  return 0
end
redis.call('HSET', KEYS[1], 'status', 'running', 'holder', ARGV[1], 'started_at', ARGV[2])
return redis.call('HINCRBY', KEYS[1], 'attempt', 1)
