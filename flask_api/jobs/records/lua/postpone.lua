#!lua flags=allow-oom
-- Let ended jobs of a batch be forgotten later: with their batch. One that is not among the expiring ones any more stays away.
-- KEYS: 1 expiring
-- ARGV: for each job: seconds since 1970, job
redis.call('ZADD', KEYS[1], 'XX', unpack(ARGV))
return redis.status_reply('OK')
