#!lua flags=allow-oom
-- Let ended jobs of a batch be forgotten later: with their batch; and what has files that can't be deleted now. One that is not
-- among the expiring ones any more stays away.
-- KEYS: 1 expiring, or expiring uploads
-- ARGV: for each job, or file: seconds since 1970, job
redis.call('ZADD', KEYS[1], 'XX', unpack(ARGV))
return redis.status_reply('OK')
