-- Note that a key was used, and from which network; leave a new network in the list of news.
-- KEYS: 1 when it was last used, 2 its networks by last use, 3 the news
-- ARGV: 1 now in seconds, 2 how long to keep it in seconds, 3 key id, 4 network ("" for none),
--       5 most networks of one key, 6 most news
-- Returns 1 when the network was new, else 0.
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
if ARGV[4] == '' then
  return 0
end
local is_new = redis.call('ZSCORE', KEYS[2], ARGV[4]) == false
redis.call('ZADD', KEYS[2], ARGV[1], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[2])
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -tonumber(ARGV[5]) - 1)
if is_new and redis.call('ZCARD', KEYS[3]) < tonumber(ARGV[6]) then
  redis.call('ZADD', KEYS[3], ARGV[1], ARGV[3] .. ' ' .. ARGV[4])
end
return is_new and 1 or 0
