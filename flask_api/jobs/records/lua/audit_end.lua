#!lua flags=allow-oom
-- Write what came of what operators did: once for each, and only of what is in the record.
-- KEYS: 1 audit, 2 audit-outcomes, 3 looks, 4 looks-outcomes
-- ARGV: for each id, outcome
-- Returns how many were written
local written = 0
for at = 1, #ARGV, 2 do
  for key = 1, #KEYS, 2 do
    if #redis.call('XRANGE', KEYS[key], ARGV[at], ARGV[at]) == 1 then
      written = written + redis.call('HSETNX', KEYS[key + 1], ARGV[at], ARGV[at + 1])
    end
  end
end
return written
