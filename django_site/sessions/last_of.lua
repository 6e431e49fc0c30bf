-- Return for each set of session entries how many seconds the last of them lives; 0 when none does.
-- KEYS: sets of session entries
local found = {}
for i, set in ipairs(KEYS) do
  found[i] = 0
  for _, entry in ipairs(redis.call('SMEMBERS', set)) do
    found[i] = math.max(found[i], redis.call('TTL', entry))
  end
end
return found
