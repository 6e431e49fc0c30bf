#!lua flags=allow-oom
-- Write what came of what operators did: once for each, and only of what is in the record.
-- KEYS: 1 audit, 2 audit-outcomes
-- ARGV: for each id, outcome
-- Returns how many were written
local written = 0
for at = 1, #ARGV, 2 do
  if #redis.call('XRANGE', KEYS[1], ARGV[at], ARGV[at]) == 1 then
    written = written + redis.call('HSETNX', KEYS[2], ARGV[at], ARGV[at + 1])
  end
end
return written
