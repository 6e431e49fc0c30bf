-- Write records of a batch that is not accepted yet: nothing refers to them but the batch's own list. What they have in common
-- is sent once: packing it for each job was most of what a batch cost the server.
-- KEYS: 1 staged, 2 members, 3 counters, then the record of each job
-- ARGV: 1 batch, 2 now (seconds), 3 bytes the person may keep, 4 number of common fields, field, value ...,
--       then for each job: job, arguments, position
-- Returns -1, or how many bytes the person keeps: these don't fit, nothing was written.
local last = 4 + 2 * tonumber(ARGV[4])
local bytes = 0
for at = last + 2, #ARGV, 3 do
  bytes = bytes + JOB_BYTES + #ARGV[at]
end
local kept = read_kept(KEYS[3])
if kept.bytes + bytes > tonumber(ARGV[3]) then
  return kept.bytes
end
kept.bytes = kept.bytes + bytes
write_kept(kept)
local jobs = {}
for number = 4, #KEYS do
  local at = last + 3 * (number - 4)
  jobs[#jobs + 1] = ARGV[at + 1]
  redis.call('HSET', KEYS[number], 'arguments', ARGV[at + 2], 'position', ARGV[at + 3], unpack(ARGV, 5, last))
end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('RPUSH', KEYS[2], unpack(jobs))
return -1
