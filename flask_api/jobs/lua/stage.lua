-- Write records of a batch that is not accepted yet: nothing refers to them but the batch's own list. What they have in common
-- is sent once: packing it for each job was most of what a batch cost the server.
-- KEYS: 1 staged, 2 members, then the record of each job
-- ARGV: 1 batch, 2 now (seconds), 3 number of common fields, field, value ..., then for each job: job, arguments, position
-- Returns nothing.
local last = 3 + 2 * tonumber(ARGV[3])
local jobs = {}
for number = 3, #KEYS do
  local at = last + 3 * (number - 3)
  jobs[#jobs + 1] = ARGV[at + 1]
  redis.call('HSET', KEYS[number], 'arguments', ARGV[at + 2], 'position', ARGV[at + 3], unpack(ARGV, 4, last))
end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('RPUSH', KEYS[2], unpack(jobs))
